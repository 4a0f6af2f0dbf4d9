import type {
  DestroyLogCounts,
  DestroyLogPlace,
  EventCounts,
  EventLease,
  EventListener,
  EventPressure,
} from '../../native/binding.js';
import { native, nativeError } from '../common/native-error.js';
import { RowListener, type NativeListener, type RowReceiver } from './row-listener.js';
import type { KernelOptions } from './source.js';

export type { DestroyLogCounts, DestroyLogPlace, EventCounts };

/** Messages of events as the kernel sent them. */
export interface EventMessages {
  /** Whole netlink messages in their order. */
  readonly messages: Uint8Array;
  /** Messages that are not among them, as too many waited. */
  readonly lost: number;
}

/** A row of {@link EventSource} is of one of these. */
export type EventKind = 'new' | 'update' | 'destroy';

export interface EventOptions extends KernelOptions {
  kinds: readonly EventKind[];
  /** Bytes wanted; above net.core.rmem_max it takes CAP_NET_ADMIN over the initial user namespace, else less is given. */
  receiveBuffer: number;
  /** For `destroy` alone: an event that does not fit is delivered again, see {@link EventSource.setBroadcastError}. */
  broadcastError: boolean;
  /** The same where the kernel takes a filter that bounds what it holds, see {@link EventSource.renewLeases}. */
  guarded?: boolean;
  /** Where rows are written down before they are delivered. */
  destroyLog?: DestroyLogPlace;
  /** The message of each row is kept for {@link EventSource.takeMessages}. */
  tapped?: boolean;
}

/** What {@link EventSource} needs of the native listener. */
export type Listener = NativeListener &
  Pick<
    EventListener,
    | 'counts'
    | 'setBroadcastError'
    | 'dyingCount'
    | 'destroyLogCounts'
    | 'freeDestroyLog'
    | 'replaceDestroyLog'
    | 'isGuarded'
    | 'guardFailure'
    | 'pressure'
    | 'renewLeases'
    | 'takeMessages'
  >;

/** Receives events: rows with their EVENT. */
export interface EventReceiver extends RowReceiver {
  /** The receive buffer has overflown again; called before the rows that were read after it. */
  onOverrun?(): void;
}

/**
 * Conntrack events as they come.
 *
 * The kernel sends the event of an end before it takes the connection from its table. After a dump and a `drain()`, of each
 * connection that the dump did not show the last event is here, or is on the dying list, or was lost; only where more than
 * eight of one hash bucket expire at once some are passed over by the dump and follow later (ctnetlink_dump_table).
 */
export class EventSource extends RowListener<Listener> {
  readonly #onOverrun: (() => void) | undefined;
  #overruns = 0;

  constructor(open: (onReady: () => void) => Listener, receiver: EventReceiver) {
    super(open, receiver);
    this.#onOverrun = receiver.onOverrun;
  }

  /** What became of the events so far; a row may be counted before it is delivered. */
  counts(): EventCounts {
    return this.listener.counts();
  }

  /** Whether the kernel has taken a filter that bounds what it holds. */
  get isGuarded(): boolean {
    return this.listener.isGuarded();
  }

  /** Why it has not, where one was wanted. */
  get guardFailure(): string | undefined {
    return this.listener.guardFailure() ?? undefined;
  }

  /** What the kernel has dropped so far, and how full its table is; undefined once this is closed. */
  pressure(): EventPressure | undefined {
    return native(() => this.listener.pressure()) ?? undefined;
  }

  /**
   * Where this is guarded: the kernel delivers what fits into the receive buffer now, and more as long as one of the leases says
   * so. Whatever else comes is dropped, counted, and its connection freed.
   */
  renewLeases(first: EventLease, second: EventLease): void {
    native(() => this.listener.renewLeases(first, second));
  }

  /** What became of the rows that were to be written down; undefined where they are not. */
  destroyLogCounts(): DestroyLogCounts | undefined {
    return this.listener.destroyLogCounts() ?? undefined;
  }

  /** Rows below this place need not be kept any more; their file has it in its header already. */
  freeDestroyLog(place: number): void {
    this.listener.freeDestroyLog(place);
  }

  /** Rows go into this file from now on, at the places where they would have stood. @throws CtflowError CTFLOW_STATE */
  replaceDestroyLog(path: string): void {
    native(() => this.listener.replaceDestroyLog(path));
  }

  /**
   * Netlink messages of the events that were read since the last call, those of the rows under delivery among them, and how many
   * are missing, as too many waited; undefined where there are none, or they are not kept.
   */
  takeMessages(): EventMessages | undefined {
    return this.listener.takeMessages() ?? undefined;
  }

  /**
   * NETLINK_BROADCAST_ERROR: while it is on, the kernel keeps a dying connection whose event does not fit, and delivers the
   * event again. While it is off such an event is lost.
   */
  setBroadcastError(on: boolean): void {
    native(() => this.listener.setBroadcastError(on));
  }

  /**
   * How many connections stand on the kernel's dying list, `limit` at most. The cost grows with the square of the count: 10,000
   * take about 100 ms, off the event loop.
   */
  async dyingCount(limit: number): Promise<number> {
    try {
      return await this.listener.dyingCount(limit);
    } catch (error) {
      throw nativeError(error);
    }
  }

  /** Leaves the multicast groups; settles when everything received before has been delivered. */
  async leave(): Promise<void> {
    native(() => this.listener.leave());
    await this.drain();
  }

  protected override taken(): void {
    if (!this.#onOverrun) return;
    const { overrun } = this.listener.counts();
    if (overrun > this.#overruns) this.#onOverrun();
    this.#overruns = overrun;
  }
}
