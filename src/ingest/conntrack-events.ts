import { setTimeout as pause } from 'node:timers/promises';
import type { Backend } from '../backend/backend.js';
import type { EventOptions } from '../sources/events.js';
import type { Batch } from '../row/batch.js';
import type { ConnectionStore } from '../store/connection-store.js';
import { describeError } from '../common/errors.js';
import type { Logger } from '../common/logger.js';
import type { PollHook } from './poll-hook.js';
import type { EventCounts, EventSource } from '../sources/events.js';
import type { EndsPlace } from '../../native/binding.js';
import type { Unreported } from '../store/unreported.js';

/** Another listener of the namespace may keep the dying list from ever being empty; milliseconds that the store waits then. */
const LONGEST_DELAY = 60_000;
/** The dying list has stopped getting shorter; milliseconds. */
const STANDSTILL = 1_000;
/** Milliseconds that the end may take for it. */
const LONGEST_FINISH = 20_000;
/** The kernel tries again every 10 ms. */
const DYING_INTERVAL = 20;

/** How conntrack events are listened to. */
export interface EventsOptions extends Pick<EventOptions, 'filter' | 'netns' | 'receiveBuffer'> {
  /** DESTROY alone, or NEW and UPDATE too. */
  kind: 'destroy' | 'all';
  /** Connections on the kernel's dying list above which they are no longer kept for us, and their events may be lost. */
  dyingLimit: number;
  /**
   * The kernel makes no events for connections that were there before: nf_conntrack_events was not 1. Where it was 2, a listener
   * in any network namespace made an exception.
   */
  earlierHaveNone: boolean;
}

/** Where ended connections are written down until they are exported. */
export interface DestroyLog {
  /** Where the listener writes them; undefined where it cannot. */
  begin(): EndsPlace | undefined;
  /** The store has merged so many rows of it. */
  delivered(rows: number): void;
  /** This source writes into it. */
  follow(source: EventSource): void;
}

/** Who is told what comes of events. */
export interface EventsListener {
  /** The store has learned of ends. */
  onEnds(): void;
  /** NEW or UPDATE events were lost: only a poll shows what they told. */
  onLoss(): void;
}

export interface EventStats extends EventCounts {
  /** Overruns since the kernel no longer keeps dying connections: each has lost one DESTROY event at least. */
  readonly lost: number;
  /** Connections whose event waited to be delivered again at the end. */
  readonly unread: number;
  /** Connections that were there before, and for which the kernel need not make events: they are seen by polls alone. */
  readonly pollOnly: number;
  /** NEW and UPDATE events; there each overrun is a loss. */
  readonly changes?: EventCounts;
}

/** DESTROY events on their way into the store, and NEW and UPDATE events before them. */
export class ConntrackEvents implements PollHook {
  readonly #source: EventSource;
  readonly #changes: ChangeEvents | undefined;
  readonly #options: EventsOptions;
  readonly #store: ConnectionStore;
  readonly #log: Logger;
  /** The kernel keeps dying connections until their event has been read. */
  #kept = true;
  /** Overruns up to then, once it keeps them no longer. */
  #keptOverruns: number | undefined;
  /** Connections on the dying list when the listener was closed. */
  #dying = 0;
  /** When the dying list was last seen empty. */
  #emptyAt = performance.now();
  #polled = false;

  /**
   * @param heard where ends are written down until they are told, where there is a state file
   * @throws CtflowError as Backend.openEvents; CTFLOW_STATE
   */
  constructor(
    backend: Backend,
    options: EventsOptions,
    store: ConnectionStore,
    log: Logger,
    { onEnds, onLoss }: EventsListener,
    heard?: DestroyLog,
  ) {
    this.#options = options;
    this.#store = store;
    this.#log = log;
    const changes = options.kind === 'all' ? new ChangeEvents(backend, options, store, log, onLoss) : undefined;
    this.#changes = changes;
    const { filter, netns, receiveBuffer } = options;
    const ends = (batch: Batch): void => {
      store.applyDestroys(batch, { wall: Date.now(), monotonic: performance.now() });
      heard?.delivered(batch.count);
      onEnds();
    };
    const wanted = { filter, ...(netns !== undefined && { netns }), receiveBuffer };
    try {
      const place = heard?.begin();
      this.#source = backend.openEvents(
        { ...wanted, kinds: ['destroy'], broadcastError: true, ...(place && { ends: place }) },
        {
          onBatch: changes
            ? async batch => {
                // the two sockets have no order; with this, an end comes after all else of its connection
                await changes.drain();
                ends(batch);
              }
            : ends,
          onError: error => {
            this.#letGo();
            store.expectEvents(false);
            log.error(`${describeError(error)}; polling goes on without events`);
          },
        },
      );
    } catch (error) {
      changes?.close();
      throw error;
    }
    heard?.follow(this.#source);
    store.expectEvents(true);
    log.info({ receiveBuffer: this.#source.receiveBuffer }, 'DESTROY events are listened to');
  }

  async beforeMerge(): Promise<void> {
    await this.#changes?.drain();
  }

  /**
   * After a dump. The event of an end is sent before the table loses the connection: when this settles, whatever the dump did
   * not show has had its event, unless it is on the dying list. As long as anything is, the store waits.
   */
  async afterDump(): Promise<void> {
    await this.#changes?.drain();
    try {
      // first: what leaves the list after this is read by the drain
      this.#store.delayEnds(await this.#watchDying());
    } catch (error) {
      this.#store.delayEnds(false);
      this.#log.warn(`the dying list cannot be read: ${describeError(error)}`);
    }
    await this.#source.drain();
  }

  afterPoll(complete: boolean): void {
    if (this.#polled || !complete) return;
    this.#polled = true;
    const { pollOnly } = this.stats();
    if (pollOnly > 0) {
      this.#log.warn(
        { pollOnly },
        'connections were there before events were on: the kernel may tell no ends of theirs, polls alone see them',
      );
    }
  }

  stats(): EventStats {
    const counts = this.#source.counts();
    return {
      ...counts,
      unread: this.#dying,
      lost: this.#keptOverruns === undefined ? 0 : counts.overrun - this.#keptOverruns,
      pollOnly: this.#options.earlierHaveNone ? this.#store.counts.earlier : 0,
      ...(this.#changes && { changes: this.#changes.counts() }),
    };
  }

  /** What was lost of ended connections on the way into the store; of what was never read no counters are known. */
  lost(): Unreported {
    const { late } = this.#store.counts;
    const { lost, unread } = this.stats();
    return { connections: late.connections + lost + unread, packets: late.packets, octets: late.octets };
  }

  /**
   * Ends listening when the store has been told whatever was delivered, and what the kernel still delivers; what it keeps
   * nevertheless is counted.
   */
  async finish(): Promise<void> {
    if (this.#kept) this.#dying = await this.#emptyDying().catch(() => 0);
    this.#kept = false;
    await this.#source.finish();
    this.#store.delayEnds(false);
    await this.#changes?.finish();
  }

  close(): void {
    this.#kept = false;
    this.#changes?.close();
    this.#source.close();
  }

  #letGo(): void {
    this.#kept = false;
    this.#keptOverruns ??= this.#source.counts().overrun;
  }

  /**
   * A stuck exporter must not fill the kernel's table with what it has not read.
   * @returns whether events are to come of connections on the dying list
   */
  async #watchDying(): Promise<boolean> {
    if (!this.#kept) return false;
    const dying = await this.#countDying();
    const now = performance.now();
    if (dying === 0) this.#emptyAt = now;
    if (!this.#kept || dying <= this.#options.dyingLimit) return dying > 0 && now - this.#emptyAt < LONGEST_DELAY;
    this.#letGo();
    this.#source.setBroadcastError(false);
    this.#log.warn({ dying }, 'too many connections wait for their event to be read: from now on it may be lost');
    return false;
  }

  /** Reads while the dying list gets shorter. @returns what stays on it */
  async #emptyDying(): Promise<number> {
    const began = performance.now();
    let least = Infinity;
    for (let shorterAt = began; ;) {
      const dying = await this.#countDying();
      const now = performance.now();
      if (dying < least) [least, shorterAt] = [dying, now];
      if (dying === 0 || now - shorterAt > STANDSTILL || now - began > LONGEST_FINISH) return dying;
      await this.#source.drain();
      await pause(DYING_INTERVAL);
    }
  }

  #countDying(): Promise<number> {
    return this.#source.dyingCount(this.#options.dyingLimit + 1);
  }
}

/**
 * NEW and UPDATE events on their way into the store, from a socket of their own: the kernel delivers none of them again, so
 * that a receive buffer that overflows is a loss.
 */
export class ChangeEvents {
  readonly #source: EventSource;

  /**
   * @param onLoss called when events were lost
   * @throws CtflowError as Backend.openEvents
   */
  constructor(
    backend: Backend,
    options: Pick<EventOptions, 'filter' | 'netns' | 'receiveBuffer'>,
    store: ConnectionStore,
    log: Logger,
    onLoss: () => void,
  ) {
    this.#source = backend.openEvents(
      { ...options, kinds: ['new', 'update'], broadcastError: false },
      {
        onBatch: batch => store.applyEvents(batch, { wall: Date.now(), monotonic: performance.now() }),
        onOverrun: onLoss,
        onError: error => log.error(`${describeError(error)}; it goes on without NEW and UPDATE events`),
      },
    );
    log.info({ receiveBuffer: this.#source.receiveBuffer }, 'NEW and UPDATE events are listened to');
  }

  /** Settles when the store has been told whatever the kernel has told up to now. */
  drain(): Promise<void> {
    return this.#source.drain();
  }

  counts(): EventCounts {
    return this.#source.counts();
  }

  finish(): Promise<void> {
    return this.#source.finish();
  }

  close(): void {
    this.#source.close();
  }
}
