import type { DestroyLogPlace } from '../../native/binding.js';
import type { Backend } from '../backend/backend.js';
import type { Batch } from '../row/batch.js';
import { describeError } from '../common/errors.js';
import type { Logger } from '../common/logger.js';
import type { EventCounts, EventOptions, EventSource } from '../sources/events.js';
import type { ConnectionStore } from '../store/connection-store.js';
import { now } from '../store/poll-history.js';
import type { Unexported } from '../store/unexported.js';
import { DyingList } from './dying-list.js';
import type { PollHook } from './poll-hook.js';

export interface EventsOptions extends Pick<EventOptions, 'filter' | 'netns' | 'receiveBuffer'> {
  /** DESTROY alone, or NEW and UPDATE too. */
  kind: 'destroy' | 'all';
  /** Connections on the kernel's dying list above which NETLINK_BROADCAST_ERROR is turned off. */
  dyingLimit: number;
  /**
   * The kernel makes no events for connections that were there before: nf_conntrack_events was not 1. Where it was 2, a listener
   * in any network namespace made an exception.
   */
  earlierHaveNone: boolean;
}

/** What {@link ConntrackEvents} needs of the destroy log of a state file. */
export interface DestroyLog {
  /** Where the source writes them; undefined where it cannot. */
  open(): DestroyLogPlace | undefined;
  /** The store has merged so many rows of it. */
  delivered(rows: number): void;
  /** This source writes into it. */
  setWriter(source: EventSource): void;
}

export interface EventStats extends EventCounts {
  /** Overruns since NETLINK_BROADCAST_ERROR is off: each has lost one DESTROY event at least. */
  readonly lost: number;
  /** Connections on the dying list when listening ended. */
  readonly unread: number;
  /** Connections that were there before, and for which the kernel need not make events: polls alone show them. */
  readonly pollOnly: number;
  /** NEW and UPDATE events; each overrun is a loss. */
  readonly changes?: EventCounts;
}

/** Conntrack events, applied to the store: DESTROY, and NEW and UPDATE before it where they are wanted. */
export class ConntrackEvents implements PollHook {
  readonly #destroys: EventSource;
  /** On a socket of their own: the kernel delivers none of these again, so a full receive buffer is a loss. */
  readonly #changes: EventSource | undefined;
  readonly #dying: DyingList;
  readonly #store: ConnectionStore;
  readonly #log: Logger;
  readonly #earlierHaveNone: boolean;
  #polled = false;

  /**
   * @param onDestroys DESTROY events were applied; @param onLoss NEW or UPDATE events were lost: only a poll can replace them
   * @param destroyLog where there is a state file
   * @throws CtflowError as Backend.openEvents; CTFLOW_STATE
   */
  constructor(
    backend: Backend,
    options: EventsOptions,
    store: ConnectionStore,
    log: Logger,
    { onDestroys, onLoss }: { onDestroys: () => void; onLoss: () => void },
    destroyLog?: DestroyLog,
  ) {
    const { kind, dyingLimit, earlierHaveNone, ...common } = options;
    this.#store = store;
    this.#log = log;
    this.#earlierHaveNone = earlierHaveNone;
    if (kind === 'all') {
      this.#changes = backend.openEvents(
        { ...common, kinds: ['new', 'update'], broadcastError: false },
        {
          onBatch: batch => store.applyEvents(batch, now()),
          onOverrun: onLoss,
          onError: error => log.error(`${describeError(error)}; going on without NEW and UPDATE events`),
        },
      );
      log.info({ receiveBuffer: this.#changes.receiveBuffer }, 'receiving NEW and UPDATE events');
    }
    const apply = (batch: Batch): void => {
      store.applyDestroys(batch, now());
      destroyLog?.delivered(batch.count);
      onDestroys();
    };
    try {
      const place = destroyLog?.open();
      this.#destroys = backend.openEvents(
        { ...common, kinds: ['destroy'], broadcastError: true, ...(place && { destroyLog: place }) },
        {
          // the two sockets have no order; with the drain, a DESTROY comes after all else of its connection
          onBatch: this.#changes ? batch => this.#changes!.drain().then(() => apply(batch)) : apply,
          onError: error => {
            this.#dying.release();
            store.expectEvents(false);
            log.error(`${describeError(error)}; going on with polls, without events`);
          },
        },
      );
    } catch (error) {
      this.#changes?.close();
      throw error;
    }
    this.#dying = new DyingList(this.#destroys, dyingLimit, log);
    destroyLog?.setWriter(this.#destroys);
    store.expectEvents(true);
    log.info({ receiveBuffer: this.#destroys.receiveBuffer }, 'receiving DESTROY events');
  }

  async beforeMerge(): Promise<void> {
    await this.#changes?.drain();
  }

  /**
   * The kernel sends DESTROY before it takes the connection from its table. When this settles, whatever the dump did not show
   * has had its event, unless it is on the dying list: as long as anything is, the store waits.
   */
  async afterDump(): Promise<void> {
    await this.#changes?.drain();
    try {
      // first: what leaves the list after this is received by the drain
      this.#store.delayEnds(await this.#dying.watch());
    } catch (error) {
      this.#store.delayEnds(false);
      this.#log.warn(`the dying list cannot be read: ${describeError(error)}`);
    }
    await this.#destroys.drain();
  }

  afterPoll(complete: boolean): void {
    if (this.#polled || !complete) return;
    this.#polled = true;
    const { pollOnly } = this.stats();
    if (pollOnly === 0) return;
    this.#log.warn(
      { pollOnly },
      'connections are older than nf_conntrack_events=1: the kernel may send no DESTROY for them, polls alone show their end',
    );
  }

  stats(): EventStats {
    return {
      ...this.#destroys.counts(),
      unread: this.#dying.unread,
      lost: this.#dying.lost,
      pollOnly: this.#earlierHaveNone ? this.#store.counts.earlier : 0,
      ...(this.#changes && { changes: this.#changes.counts() }),
    };
  }

  /** Ended connections that were lost on the way into the store; of those never received no counters are known. */
  lost(): Unexported {
    const { late } = this.#store.counts;
    const { lost, unread } = this.#dying;
    return { connections: late.connections + lost + unread, packets: late.packets, octets: late.octets };
  }

  /** Receives what the kernel still has; connections that wait for an event end without it. */
  async drain(): Promise<void> {
    await this.#dying.drain();
    await this.#destroys.leave();
    this.#destroys.close();
    this.#store.delayEnds(false);
    await this.#changes?.leave();
    this.#store.endPoll(false);
  }

  close(): void {
    this.#changes?.close();
    this.#destroys.close();
  }
}
