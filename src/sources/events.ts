import type { EventCounts, EventListener } from '../../native/binding.js';
import { Batch } from '../batch.js';
import { nativeError } from '../native-error.js';

export type { EventCounts };

const ROWS = 1024;
const LONG = 2 ** 30; // milliseconds

/** What {@link EventSource} needs of the native listener. */
export type Listener = Pick<
  EventListener,
  'take' | 'drain' | 'drained' | 'counts' | 'receiveBuffer' | 'setBroadcastError' | 'dyingCount' | 'close'
>;

/** Who is told of events. */
export interface EventReceiver {
  /** Rows with their EVENT, in the kernel's order, at most 1,024; valid until it returns. */
  onBatch(batch: Batch): void;
  /** No more events will come: the listener has failed and is closed. */
  onError(error: Error): void;
}

/** A drain that is not done. */
interface Drain {
  readonly number: number;
  readonly done: () => void;
}

/**
 * Conntrack events as they come. A thread reads them; here they are taken a batch in each turn of the event loop, so that
 * it is never blocked for long. It keeps the process alive only while a drain is waited for.
 */
export class EventSource {
  readonly #listener: Listener;
  readonly #receiver: EventReceiver;
  readonly #batch = new Batch(ROWS);
  readonly #drains: Drain[] = [];
  /** Keeps the process alive. */
  #waiting: NodeJS.Timeout | undefined;
  #pulling = false;
  #closed = false;

  /**
   * @param open makes the listener, which calls `onReady` when there is something to take
   * @throws CtflowError CTFLOW_PERMISSION, CTFLOW_KERNEL_SETTING, CTFLOW_NAMESPACE, CTFLOW_NETLINK
   */
  constructor(open: (onReady: () => void) => Listener, receiver: EventReceiver) {
    this.#receiver = receiver;
    this.#listener = native(() => open(this.#onReady));
  }

  /** Bytes of the receive buffer as the kernel counts them, twice of what was asked for where that was granted. */
  get receiveBuffer(): number {
    return this.#listener.receiveBuffer();
  }

  /** What became of the events so far; a row may be counted before it is delivered. */
  counts(): EventCounts {
    return this.#listener.counts();
  }

  /**
   * NETLINK_BROADCAST_ERROR: while it is on, the kernel keeps a dying connection whose event does not fit, and delivers the
   * event again. While it is off such an event is lost.
   */
  setBroadcastError(on: boolean): void {
    native(() => this.#listener.setBroadcastError(on));
  }

  /**
   * How many connections stand on the kernel's dying list, `limit` at most. The cost grows with the square of the count: 10,000
   * take about 100 ms, off the event loop.
   */
  async dyingCount(limit: number): Promise<number> {
    try {
      return await this.#listener.dyingCount(limit);
    } catch (error) {
      throw nativeError(error);
    }
  }

  /**
   * Settles when every event that waited in the receive buffer has been delivered. The kernel sends the event of an end
   * before it takes the connection from its table. After a dump and a drain, of each connection that the dump did not show
   * the last event is here, or is on the dying list, or was lost; only where more than eight of one hash bucket expire at
   * once some are passed over by the dump and follow later (ctnetlink_dump_table).
   */
  drain(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#waiting ??= setInterval(() => {}, LONG);
    return new Promise(done => this.#drains.push({ number: this.#listener.drain(), done }));
  }

  /** Nothing is delivered any more. Drains settle. */
  close(): void {
    this.#closed = true;
    this.#listener.close();
    this.#settle(Infinity);
  }

  readonly #onReady = (): void => {
    if (!this.#pulling) this.#pull();
  };

  readonly #pull = (): void => {
    this.#pulling = false;
    if (this.#closed) return;
    const batch = this.#batch;
    try {
      batch.count = this.#listener.take(batch.bytes);
    } catch (error) {
      this.close();
      this.#receiver.onError(nativeError(error));
      return;
    }
    if (batch.count > 0) {
      this.#pulling = true;
      setImmediate(this.#pull);
      this.#receiver.onBatch(batch);
    }
    if (this.#drains.length > 0) this.#settle(this.#listener.drained());
  };

  /** Settles the drains up to this number. */
  #settle(drained: number): void {
    while (this.#drains.length > 0 && this.#drains[0].number <= drained) this.#drains.shift()!.done();
    if (this.#drains.length > 0) return;
    clearInterval(this.#waiting);
    this.#waiting = undefined;
  }
}

function native<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw nativeError(error);
  }
}
