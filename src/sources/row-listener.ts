import { Batch } from '../row/batch.js';
import { native, nativeError } from '../common/native-error.js';

const ROWS = 1024;
const LONG = 2 ** 30; // milliseconds

/** What {@link RowListener} needs of a native listener. */
export interface NativeListener {
  take(rows: Uint8Array): number;
  drain(): number;
  drained(): number;
  receiveBuffer(): number;
  leave(): void;
  close(): void;
}

/** Receives rows. */
export interface RowReceiver {
  /** Rows in the kernel's order, at most 1,024; valid until it returns, or until its promise settles. */
  onBatch(batch: Batch): void | Promise<void>;
  /** No more rows will come: the listener has failed and is closed. */
  onError(error: Error): void;
}

/** A drain that is not done. */
interface Drain {
  readonly number: number;
  readonly done: () => void;
}

/**
 * Rows as they come. A thread reads them; here they are taken a batch in each turn of the event loop, so that it is never
 * blocked for long. It keeps the process alive only while a drain is waited for.
 */
export class RowListener<Native extends NativeListener> {
  protected readonly listener: Native;
  readonly #receiver: RowReceiver;
  readonly #batch = new Batch(ROWS);
  readonly #drains: Drain[] = [];
  /** Keeps the process alive. */
  #waiting: NodeJS.Timeout | undefined;
  #pulling = false;
  #closed = false;

  /**
   * @param open makes the listener, which calls `onReady` when there is something to take
   * @throws CtflowError as the listener's constructor
   */
  constructor(open: (onReady: () => void) => Native, receiver: RowReceiver) {
    this.#receiver = receiver;
    this.listener = native(() => open(this.#onReady));
  }

  /** Bytes of the receive buffer as the kernel counts them, twice of what was asked for where that was granted. */
  get receiveBuffer(): number {
    return this.listener.receiveBuffer();
  }

  /** Settles when everything that waited in the receive buffer has been delivered. */
  drain(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#waiting ??= setInterval(() => {}, LONG);
    return new Promise(done => this.#drains.push({ number: this.listener.drain(), done }));
  }

  /** Nothing is delivered any more. Drains settle. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.listener.close();
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
      batch.count = this.listener.take(batch.bytes);
    } catch (error) {
      this.close();
      this.#receiver.onError(nativeError(error));
      return;
    }
    this.taken();
    const drained = this.#drains.length > 0 ? this.listener.drained() : 0;
    if (batch.count === 0) {
      this.#settle(drained);
      return;
    }
    this.#pulling = true;
    const delivering = this.#receiver.onBatch(batch);
    if (delivering) void delivering.then(() => this.#delivered(drained));
    else this.#delivered(drained);
  };

  #delivered(drained: number): void {
    setImmediate(this.#pull);
    this.#settle(drained);
  }

  /** Rows were taken that are not delivered yet, or there were none. */
  protected taken(): void {}

  /** Settles the drains up to this number. */
  #settle(drained: number): void {
    while (this.#drains.length > 0 && this.#drains[0].number <= drained) this.#drains.shift()!.done();
    if (this.#drains.length > 0) return;
    clearInterval(this.#waiting);
    this.#waiting = undefined;
  }
}
