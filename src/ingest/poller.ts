import { type CpuClock, CpuMeter } from '../common/cpu.js';
import type { ConnectionStore } from '../store/connection-store.js';
import { describeError } from '../common/errors.js';
import { KernelTimeouts } from '../store/kernel-timeouts.js';
import type { Logger } from '../common/logger.js';
import type { Moment } from '../store/poll-history.js';
import type { DumpSummary, OnRows, Source } from '../sources/source.js';
import type { PollHook } from './poll-hook.js';
import type { PollInterval } from './poll-interval.js';

/** Slots swept before the event loop gets its turn. */
const SWEEP_SLICE = 65_536;
/** Milliseconds between the beginnings of two polls out of turn at least. */
export const RESYNC_GAP_MS = 1_000;

/** Polls at the end, until one sees the whole table. */
const LAST_POLLS = 3;

export interface PollCounts {
  polls: number;
  /** Polls that did not see the whole table, or failed. */
  incomplete: number;
  /** Polls skipped because the previous one was still running. */
  overdue: number;
  /** Rows of all polls. */
  rows: number;
  /** Entries skipped by the source, by reason. */
  skipped: Record<string, number>;
}

export interface PollStats extends PollCounts {
  /** Milliseconds between the beginnings of two polls, as it is now. */
  readonly interval: number;
  /** Percent of one core that polls take. */
  readonly share: number;
  /** Milliseconds that the poll which is running has taken so far, or by which the next one is late. */
  readonly behind: number;
}

/** What the cost of a poll is counted by, and what it counts for. */
export interface PollCost {
  /** Of the thread that merges. */
  readonly cpu: CpuClock;
  readonly interval: Pick<PollInterval, 'polled' | 'notBefore' | 'current' | 'share'>;
}

/** Dumps the source into the store, one poll at a time. */
export class Poller {
  readonly counts: PollCounts = { polls: 0, incomplete: 0, overdue: 0, rows: 0, skipped: {} };
  /** Polls out of turn. */
  resyncs = 0;
  readonly #source: Source;
  readonly #store: ConnectionStore;
  readonly #log: Logger;
  readonly #resynced: () => void;
  readonly #cost: PollCost | undefined;
  readonly #onDestroys: OnRows | undefined;
  readonly #hooks: PollHook[] = [];
  #polling: Promise<boolean> | undefined;
  /** When the poll that is running began; monotonic milliseconds. */
  #began: number | undefined;
  #resyncTimer: NodeJS.Timeout | undefined;
  #lastResync = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** @param resynced a poll out of turn is over; @param cost absent where nobody wants to know it; @param onDestroys as Source.dump */
  constructor(
    source: Source,
    store: ConnectionStore,
    log: Logger,
    resynced: () => void = () => {},
    cost?: PollCost | undefined,
    onDestroys?: OnRows,
  ) {
    this.#source = source;
    this.#store = store;
    this.#log = log;
    this.#resynced = resynced;
    this.#cost = cost;
    this.#onDestroys = onDestroys;
  }

  /** @param late milliseconds by which a poll in turn is late */
  stats(late = 0): PollStats {
    const { current = 0, share = 0 } = this.#cost?.interval ?? {};
    const behind = Math.round(Math.max(late, performance.now() - (this.#began ?? Infinity)));
    return { ...this.counts, interval: Math.round(current), share: Math.round(share * 10) / 10, behind };
  }

  addHook(hook: PollHook): void {
    this.#hooks.push(hook);
  }

  /** A poll, after the one that is running. @returns false when a replay has nothing more to play */
  async poll(): Promise<boolean> {
    while (this.#polling) await this.idle();
    this.#began = performance.now();
    this.#polling = this.#poll().finally(() => (this.#polling = this.#began = undefined));
    return this.#polling;
  }

  /** Polls, and again where that did not see the whole table: what is missed now is lost. @param more another poll may begin */
  async pollLast(more: () => boolean): Promise<void> {
    for (let times = 0; times === 0 || (times < LAST_POLLS && more()); times++) {
      const { incomplete } = this.counts;
      await this.poll();
      if (this.counts.incomplete === incomplete) return;
    }
  }

  /** Settles when the poll that is under way is over; another one may have begun. */
  async idle(): Promise<void> {
    await this.#polling?.catch(() => {});
  }

  /** A poll is under way. */
  get isPolling(): boolean {
    return this.#polling !== undefined;
  }

  /** A poll in turn: skipped while one is running; a failure is logged and counted. @returns as {@link poll}; undefined where skipped */
  async pollInTurn(): Promise<boolean | undefined> {
    if (this.#polling) {
      this.counts.overdue++;
      this.#log.warn('previous poll still running; poll skipped');
      return undefined;
    }
    try {
      return await this.poll();
    } catch (error) {
      this.failed(error);
      return undefined;
    }
  }

  /**
   * A poll out of turn, as events were lost: at once, or RESYNC_GAP_MS after the last one, or when the budget allows it. All
   * requests before a poll begins share it.
   */
  resync(): void {
    if (this.#resyncTimer || this.#closed) return;
    const allowed = Math.max(this.#lastResync + RESYNC_GAP_MS, this.#cost?.interval.notBefore ?? 0);
    const wait = Math.max(0, allowed - performance.now());
    this.#resyncTimer = setTimeout(() => {
      this.#resyncTimer = undefined;
      this.#lastResync = performance.now();
      this.resyncs++;
      void this.poll().then(this.#resynced, error => this.failed(error));
    }, wait);
  }

  failed(error: unknown): void {
    this.counts.incomplete++;
    this.#log.error(describeError(error));
  }

  /** No more polls out of turn. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#resyncTimer);
  }

  async #poll(): Promise<boolean> {
    const monotonic = performance.now();
    const merging = this.#cost && new CpuMeter(this.#cost.cpu);
    let began = false;
    // what is asked for has its answer in this poll
    clearTimeout(this.#resyncTimer);
    this.#resyncTimer = undefined;
    const begin = (wall: number): void => {
      if (began) return;
      began = true;
      this.#store.beginPoll({ wall, monotonic }, new KernelTimeouts(name => this.#source.sysctl(name)));
    };
    if (this.counts.polls === 0 && (await this.#source.hasEvents?.())) this.#store.expectEvents(true);
    this.#store.beginDump();
    for (const hook of this.#hooks) hook.beforeDump?.();
    const summary = await this.#source.dump(async (batch, at) => {
      for (const hook of this.#hooks) await hook.beforeMerge?.();
      begin(at);
      merging?.resume();
      this.#store.merge(batch, { wall: at, monotonic: performance.now() });
      merging?.pause();
    }, this.#onDestroys);
    if (summary === undefined) {
      this.#store.endPoll(false);
      return false;
    }
    begin(summary.startedAt);
    if (summary.cpu !== undefined) this.#cost?.interval.polled(summary.cpu + merging!.spent, monotonic);
    this.#count(summary);
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

  #count({ rows, skipped, complete, error }: DumpSummary): void {
    const { counts } = this;
    counts.polls++;
    counts.rows += rows;
    for (const [reason, count] of Object.entries(skipped)) {
      if (count > 0) counts.skipped[reason] = (counts.skipped[reason] ?? 0) + count;
    }
    if (complete) return;
    counts.incomplete++;
    this.#log.warn(
      { skipped, error: error && describeError(error) },
      `incomplete poll: ${whyIncomplete(skipped, error)}`,
    );
  }
}

/** What makes a dump incomplete, of the reasons for which connections are skipped. */
const WHY_INCOMPLETE: Readonly<Record<string, string>> = {
  truncated: 'a part of the table was not read',
  overrun: 'the receive buffer was full',
  interrupted: 'the kernel says that the table changed under the dump',
  resized: 'the size of the hash table changed meanwhile',
};

function whyIncomplete(skipped: DumpSummary['skipped'], error: Error | undefined): string {
  if (error) return describeError(error);
  const reasons = Object.entries(WHY_INCOMPLETE).filter(([reason]) => (skipped[reason] ?? 0) > 0);
  return reasons.map(([, text]) => text).join(', ');
}
