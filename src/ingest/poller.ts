import type { ConnectionStore } from '../store/connection-store.js';
import { describeError } from '../common/errors.js';
import { KernelTimeouts } from '../store/kernel-timeouts.js';
import type { Logger } from '../common/logger.js';
import type { Moment } from '../store/poll-history.js';
import type { PollHook } from './poll-hook.js';
import type { DumpSummary, Source } from '../sources/source.js';

/** Slots looked at before the event loop gets its turn. */
const SWEEP_SLICE = 65_536;

export interface PollCounts {
  polls: number;
  /** Polls that did not see the whole table, or failed. */
  incomplete: number;
  /** Polls left out because the one before had not ended. */
  overdue: number;
  /** Rows of all polls. */
  rows: number;
  /** Entries left out by the source, by reason. */
  skipped: Record<string, number>;
}

/** Walks the source into the store, one dump at a time. */
export class Poller {
  readonly counts: PollCounts = { polls: 0, incomplete: 0, overdue: 0, rows: 0, skipped: {} };
  readonly #source: Source;
  readonly #store: ConnectionStore;
  readonly #log: Logger;
  readonly #hooks: PollHook[] = [];
  #polling: Promise<boolean> | undefined;

  constructor(source: Source, store: ConnectionStore, log: Logger) {
    this.#source = source;
    this.#store = store;
    this.#log = log;
  }

  addHook(hook: PollHook): void {
    this.#hooks.push(hook);
  }

  /** A poll, after the one that is under way. @returns false when a replay has nothing more to play */
  async poll(): Promise<boolean> {
    while (this.#polling) await this.#polling.catch(() => {});
    this.#polling = this.#poll().finally(() => (this.#polling = undefined));
    return this.#polling;
  }

  /** A poll unless one is under way; what fails is logged and counted. @returns as {@link poll}; undefined where left out */
  async pollAgain(): Promise<boolean | undefined> {
    if (this.#polling) {
      this.counts.overdue++;
      this.#log.warn('the poll before has not ended; this one is left out');
      return undefined;
    }
    try {
      return await this.poll();
    } catch (error) {
      this.failed(error);
      return undefined;
    }
  }

  failed(error: unknown): void {
    this.counts.incomplete++;
    this.#log.error(describeError(error));
  }

  async #poll(): Promise<boolean> {
    const monotonic = performance.now();
    let began = false;
    const begin = (wall: number): void => {
      if (began) return;
      began = true;
      this.#store.beginPoll({ wall, monotonic }, new KernelTimeouts(name => this.#source.sysctl(name)));
    };
    this.#store.beginDump();
    for (const hook of this.#hooks) hook.beforeDump?.();
    const summary = await this.#source.dump(async (batch, at) => {
      for (const hook of this.#hooks) await hook.beforeMerge?.();
      begin(at);
      this.#store.merge(batch, { wall: at, monotonic: performance.now() });
    });
    if (summary === undefined) return false;
    begin(summary.startedAt);
    this.#note(summary);
    for (const hook of this.#hooks) await hook.afterDump?.(summary.complete);
    const at: Moment = { wall: summary.startedAt, monotonic: performance.now() };
    if (summary.complete) {
      for (let from = 0; from >= 0;) {
        from = this.#store.sweep(from, SWEEP_SLICE, at);
        if (from >= 0) await new Promise(resolve => setImmediate(resolve));
      }
    }
    this.#store.endPoll(summary.complete);
    for (const hook of this.#hooks) await hook.afterPoll?.(summary.complete);
    return true;
  }

  #note(summary: DumpSummary): void {
    const { counts } = this;
    counts.polls++;
    counts.rows += summary.rows;
    for (const [reason, count] of Object.entries(summary.skipped)) {
      if (count > 0) counts.skipped[reason] = (counts.skipped[reason] ?? 0) + count;
    }
    if (summary.complete) return;
    counts.incomplete++;
    this.#log.warn(
      { skipped: summary.skipped, error: summary.error && describeError(summary.error) },
      'incomplete poll',
    );
  }
}

/** Milliseconds between the beginnings of two polls out of turn at least. */
export const RESYNC_GAP_MS = 1_000;

/**
 * Polls out of turn where events were lost: at once, and under lasting loss once in a while. However often it is asked before a
 * poll has begun, one poll answers all.
 */
export class Resync {
  /** Polls out of turn. */
  count = 0;
  readonly #poll: () => Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #last = Number.NEGATIVE_INFINITY;
  #stopped = false;

  /** @param poll begins after the poll that is under way; never rejects */
  constructor(poll: () => Promise<void>) {
    this.#poll = poll;
  }

  ask(): void {
    if (this.#timer || this.#stopped) return;
    const wait = Math.max(0, this.#last + RESYNC_GAP_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#last = performance.now();
      this.count++;
      void this.#poll();
    }, wait);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
