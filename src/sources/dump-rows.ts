import { Batch } from '../row/batch.js';
import { CtflowError } from '../common/errors.js';

const ROWS = 1024;

/** Delivers the rows of a source's dumps, one dump at a time, in one batch that is used again. */
export class DumpRows {
  /** The batch to fill. */
  readonly batch = new Batch(ROWS);
  /** Rows delivered so far in this dump. */
  count = 0;
  #onBatch: ((batch: Batch, at: number) => void | Promise<void>) | undefined;

  /** Begins a dump. @throws CtflowError CTFLOW_USAGE where one is running */
  begin(onBatch: (batch: Batch, at: number) => void | Promise<void>): void {
    if (this.#onBatch) {
      throw new CtflowError('CTFLOW_USAGE', 'A dump of this source is still running', 'Wait until it has ended');
    }
    this.#onBatch = onBatch;
    this.batch.count = 0;
    this.count = 0;
  }

  /** Settles when the receiver has taken the rows of the batch. @throws what the receiver throws */
  async deliver(at: number): Promise<void> {
    if (this.batch.count === 0) return;
    this.count += this.batch.count;
    await this.#onBatch!(this.batch, at);
    this.batch.count = 0;
  }

  end(): void {
    this.#onBatch = undefined;
  }
}
