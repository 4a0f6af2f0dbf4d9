import type { DestroyLogPlace } from '../../native/binding.js';
import type { Backend } from '../backend/backend.js';
import type { Batch } from '../row/batch.js';
import { describeError } from '../common/errors.js';
import type { Logger } from '../common/logger.js';
import type { EventCounts, EventMessages, EventOptions, EventSource } from '../sources/events.js';
import type { ConnectionStore } from '../store/connection-store.js';
import { now } from '../store/poll-history.js';
import type { Unexported } from '../store/unexported.js';
import { ROWS } from '../sources/row-listener.js';
import { DyingList, type Guard } from './dying-list.js';
import type { PollHook } from './poll-hook.js';

/** Gets the netlink messages of the events, each before it is applied. */
export interface EventTap {
  /** @param messages are its own from now on */
  events(messages: EventMessages): void;
}

export interface EventsOptions extends Pick<EventOptions, 'filter' | 'netns' | 'receiveBuffer'> {
  /** DESTROY alone, or NEW too, or all three. */
  kind: 'destroy' | 'new' | 'all';
  /**
   * Whether the kernel holds ended connections whose event does not fit into the receive buffer: where it takes a filter that
   * bounds what it holds (auto), without one too (on), or never (off).
   */
  holdEnded: 'auto' | 'on' | 'off';
  /** Ended connections that the kernel may hold; absent for a share of its table. Never more than the table's room allows. */
  dyingLimit?: number;
  /**
   * The kernel makes no events for connections that were there before: nf_conntrack_events was not 1. Where it was 2, a listener
   * in any network namespace made an exception.
   */
  earlierHaveNone: boolean;
  /** Also gets the events. */
  tap?: EventTap | undefined;
}

/** Milliseconds from one renewal to the next where neither polls nor events bring one: a third of the lease. */
const RENEWAL_INTERVAL = 30_000;

/** Where the kernel takes no filter. */
const UNGUARDED = {
  polls:
    'the kernel takes no eBPF filter: while ctflow is stopped, nothing bounds the ended connections that the kernel holds for it',
  off: 'the kernel takes no eBPF filter: DESTROY events that do not fit into the receive buffer are lost, and counted',
};
const UNGUARDED_HINT =
  'Give ctflow CAP_BPF in the initial user namespace and allow bpf(2) in its seccomp filter, or set a larger --event-buffer';

/** What {@link ConntrackEvents} calls. */
export interface EventHooks {
  onChanges: () => void;
  onDestroys: () => void;
  roomForEnded: () => number;
  onLoss: () => void;
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
  /** What bounds the ended connections that the kernel holds. */
  readonly guard: Guard;
  /** Connections whose DESTROY event the kernel dropped, also of those that the filter would have left out. */
  readonly lost: number;
  /** Connections on the dying list when listening ended, and events that were received and not applied. */
  readonly unread: number;
  /** Connections that were there before, and for which the kernel need not make events: polls alone show them. */
  readonly pollOnly: number;
  /** NEW events, and UPDATE where they are received; each overrun is a loss. */
  readonly changes?: EventCounts;
}

/** Conntrack events, applied to the store: DESTROY, and NEW, or NEW and UPDATE, before it where they are wanted. */
export class ConntrackEvents implements PollHook {
  readonly #destroys: EventSource;
  /** On a socket of their own: the kernel delivers none of these again, so a full receive buffer is a loss. */
  readonly #changes: EventSource | undefined;
  readonly #dying: DyingList;
  readonly #store: ConnectionStore;
  readonly #log: Logger;
  readonly #earlierHaveNone: boolean;
  readonly #renewal: NodeJS.Timeout;
  #polled = false;
  #failed = false;
  /** There is no time left to wait for room. */
  #hurried = false;
  /** DESTROY events that the store has. */
  #applied = 0;
  /** DESTROY events that were received and not applied when listening ended. */
  untaken = 0;

  /**
   * @param onChanges NEW or UPDATE events were applied; @param onDestroys DESTROY events were
   * @param roomForEnded how many more can be; they wait in the kernel as long as it can hold them
   * @param onLoss NEW or UPDATE events were lost: only a poll can replace them
   * @param destroyLog where there is a state file
   * @throws CtflowError as Backend.openEvents; CTFLOW_STATE
   */
  constructor(
    backend: Backend,
    options: EventsOptions,
    store: ConnectionStore,
    log: Logger,
    { onChanges, onDestroys, roomForEnded, onLoss }: EventHooks,
    destroyLog?: DestroyLog,
  ) {
    const { kind, holdEnded, dyingLimit, earlierHaveNone, tap, ...rest } = options;
    const common = { ...rest, tapped: tap !== undefined };
    this.#store = store;
    this.#log = log;
    this.#earlierHaveNone = earlierHaveNone;
    if (kind !== 'destroy') {
      const words = kind === 'all' ? 'NEW and UPDATE events' : 'NEW events';
      this.#changes = backend.openEvents(
        { ...common, kinds: kind === 'all' ? ['new', 'update'] : ['new'], broadcastError: false },
        {
          onBatch: batch => {
            if (tap) pass(tap, this.#changes!.takeMessages());
            store.applyEvents(batch, now());
            onChanges();
          },
          onOverrun: onLoss,
          onError: error => log.error(`${describeError(error)}; going on without ${words}`),
        },
      );
      log.info({ receiveBuffer: this.#changes.receiveBuffer }, `receiving ${words}`);
    }
    const apply = (batch: Batch): void => {
      store.applyDestroys(batch, now());
      this.#applied += batch.count;
      this.#dying.renew();
      destroyLog?.delivered(batch.count);
      onDestroys();
    };
    try {
      const place = destroyLog?.open();
      this.#destroys = backend.openEvents(
        {
          ...common,
          kinds: ['destroy'],
          guarded: holdEnded !== 'off',
          broadcastError: holdEnded === 'on',
          ...(place && { destroyLog: place }),
        },
        {
          // the two sockets have no order; with the drain, a DESTROY comes after all else of its connection
          onBatch: batch => {
            const messages = tap && this.#destroys.takeMessages();
            const applyAll = (): void => {
              if (tap) pass(tap, messages);
              apply(batch);
            };
            return this.#changes ? this.#changes.drain().then(applyAll) : applyAll();
          },
          room: () => {
            const room = roomForEnded();
            return room < ROWS && (this.#hurried || !this.#dying.mayWait) ? ROWS : room;
          },
          onError: error => {
            this.#failed = true;
            this.#dying.close();
            store.expectEvents(false);
            log.error(`${describeError(error)}; going on with polls, without events`);
          },
        },
      );
    } catch (error) {
      this.#changes?.close();
      throw error;
    }
    const { isGuarded, guardFailure } = this.#destroys;
    const unguarded = holdEnded === 'on' ? 'polls' : 'off';
    const guard = isGuarded ? 'filter' : unguarded;
    this.#dying = new DyingList(this.#destroys, guard, dyingLimit, log);
    this.#renewal = setInterval(() => void this.#destroys.drain().then(() => this.#dying.renew()), RENEWAL_INTERVAL);
    this.#renewal.unref();
    destroyLog?.setWriter(this.#destroys);
    store.expectEvents(true);
    log.info({ receiveBuffer: this.#destroys.receiveBuffer, guard }, 'receiving DESTROY events');
    if (guardFailure !== undefined) log.warn({ reason: guardFailure, hint: UNGUARDED_HINT }, UNGUARDED[unguarded]);
  }

  /** DESTROY events are received; after an error polls alone go on. */
  get isReceiving(): boolean {
    return !this.#failed;
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
    let more = false;
    try {
      // first: what leaves the list after this is received by the drain
      more = await this.#dying.watch();
    } catch (error) {
      this.#log.warn(`the dying list cannot be read: ${describeError(error)}`);
    }
    const all = await this.#destroys.drainUnlessHeld();
    this.#store.delayEnds(more || !all);
    this.#dying.renew();
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
      guard: this.#dying.guard,
      lost: this.#dying.lost,
      unread: this.#unread,
      pollOnly: this.#earlierHaveNone ? this.#store.counts.earlier : 0,
      ...(this.#changes && { changes: this.#changes.counts() }),
    };
  }

  /** Ended connections that were lost on the way into the store; of those never received no counters are known. */
  lost(): Unexported {
    const { late } = this.#store.counts;
    return {
      connections: late.connections + this.#dying.lost + this.#unread,
      packets: late.packets,
      octets: late.octets,
    };
  }

  /**
   * Receives what the kernel still has; connections that wait for an event end without it.
   * @param timeUp when it settles, what the kernel holds is left there, and what has come is taken whatever room there is for it
   * @param end what has not been taken until it settles is counted
   */
  async drain(timeUp: Promise<void>, end: Promise<void>): Promise<void> {
    clearInterval(this.#renewal);
    await Promise.race([this.#receiveAll(timeUp), end]);
    this.#dying.close();
    this.close();
    // what waited for NEW and UPDATE events
    await new Promise(resolve => setImmediate(resolve));
    this.untaken = Math.max(this.#destroys.counts().destroyed - this.#applied, 0);
    if (this.#unread > 0)
      this.#log.warn({ unread: this.#unread }, 'events of ended connections were left unread at the end');
    this.#store.delayEnds(false);
    this.#store.endPoll(false);
  }

  /** Without room they are dropped from a queue, with their counters; left unread they would be lost without. */
  async #receiveAll(timeUp: Promise<void>): Promise<void> {
    void timeUp.then(() => (this.#hurried = true));
    await Promise.race([this.#dying.drain(), timeUp]);
    await this.#dying.countUnread();
    await this.#destroys.leave();
    await this.#changes?.leave();
  }

  get #unread(): number {
    return this.#dying.unread + this.untaken;
  }

  close(): void {
    clearInterval(this.#renewal);
    this.#changes?.close();
    this.#destroys.close();
  }
}

function pass(tap: EventTap, messages: EventMessages | undefined): void {
  if (messages) tap.events(messages);
}
