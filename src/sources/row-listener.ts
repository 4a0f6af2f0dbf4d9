import { Batch } from '../row/batch.js';
import { ROW_SIZE } from '../row/layout.generated.js';
import { native, nativeError } from '../common/native-error.js';

/** Rows of a batch at most. */
export const ROWS = 1024;
const LONG = 2 ** 30; // milliseconds
/** Milliseconds until a receiver without room is asked again. */
const HELD_MS = 5;

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
  /** Rows that may come now; with 0 they wait where they are, and it is asked again. Absent for any number. */
  room?(): number;
  /** No more rows will come: the listener has failed and is closed. */
  onError(error: Error): void;
}

/** A drain that is not done. */
interface Drain {
  readonly number: number;
  /** @param all everything was delivered */
  readonly done: (all: boolean) => void;
  /** Also waits while the receiver has no room. */
  readonly patient: boolean;
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
  /** The receiver has no room. */
  #held = false;
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
  async drain(): Promise<void> {
    await this.#drain(true);
  }

  /** As {@link drain}, but for rows that the receiver has no room for. @returns whether everything was delivered */
  drainUnlessHeld(): Promise<boolean> {
    return this.#held ? Promise.resolve(false) : this.#drain(false);
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
    const room = this.#receiver.room?.() ?? ROWS;
    this.#held = room <= 0;
    if (this.#held) {
      this.#hold();
      return;
    }
    try {
      batch.count = this.listener.take(room < ROWS ? batch.bytes.subarray(0, room * ROW_SIZE) : batch.bytes);
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

  #drain(patient: boolean): Promise<boolean> {
    if (this.#closed) return Promise.resolve(true);
    this.#waiting ??= setInterval(() => {}, LONG);
    return new Promise(done => this.#drains.push({ number: this.listener.drain(), done, patient }));
  }

  #hold(): void {
    this.#pulling = true;
    setTimeout(this.#pull, HELD_MS).unref();
    const impatient = this.#drains.filter(({ patient }) => !patient);
    for (const drain of impatient) {
      this.#drains.splice(this.#drains.indexOf(drain), 1);
      drain.done(false);
    }
    this.#settle(-1);
  }

  #delivered(drained: number): void {
    setImmediate(this.#pull);
    this.#settle(drained);
  }

  /** Rows were taken that are not delivered yet, or there were none. */
  protected taken(): void {}

  /** Settles the drains up to this number. */
  #settle(drained: number): void {
    while (this.#drains.length > 0 && this.#drains[0].number <= drained) this.#drains.shift()!.done(true);
    if (this.#drains.length > 0) return;
    clearInterval(this.#waiting);
    this.#waiting = undefined;
  }
}
