import { Batch } from '../row/batch.js';
import { CtflowError } from '../common/errors.js';

const ROWS = 1024;

/** Two batches that take turns: the source fills one while the receiver works on the other. */
export class BatchPair {
  /** The batch to fill. */
  current = new Batch(ROWS);
  /** Rows handed over so far in this dump. */
  rows = 0;
  #other = new Batch(ROWS);
  #onBatch: (batch: Batch, at: number) => void | Promise<void> = () => {};
  #received: Promise<void> = Promise.resolve();
  #dumping = false;

  /** Begins a dump. @throws CtflowError CTFLOW_USAGE where one is under way */
  begin(onBatch: (batch: Batch, at: number) => void | Promise<void>): void {
    if (this.#dumping) {
      throw new CtflowError('CTFLOW_USAGE', 'A dump of this source is under way', 'Wait until it has ended');
    }
    this.#dumping = true;
    this.#onBatch = onBatch;
    this.current.count = 0;
    this.rows = 0;
  }

  /**
   * Hands over the current batch, if it has rows, as soon as the receiver is done with the one before.
   * @throws what the receiver threw
   */
  async handOver(at: number): Promise<void> {
    await this.#settle();
    const batch = this.current;
    if (batch.count === 0) return;
    this.rows += batch.count;
    const received = this.#onBatch(batch, at);
    if (received !== undefined) {
      received.catch(() => {}); // not unhandled before it is awaited
      this.#received = received;
    }
    this.current = this.#other;
    this.current.count = 0;
    this.#other = batch;
  }

  /** Ends the dump once the receiver is done with all that it was handed. @throws what the receiver threw */
  async end(): Promise<void> {
    try {
      await this.#settle();
    } finally {
      this.#dumping = false;
    }
  }

  async #settle(): Promise<void> {
    const received = this.#received;
    this.#received = Promise.resolve();
    await received;
  }
}
