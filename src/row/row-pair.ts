import { Batch } from './batch.js';
import { type RowView, viewRow } from './row-view.js';
import { ROW_WORDS } from './layout.generated.js';

/** A connection as it was stored, and as the kernel showed it then. */
export class RowPair {
  readonly #rows = new Batch(2);

  /** @param was words of the stored row from `to`; @param is words of the row just read from `from` */
  constructor(was: Uint32Array, to: number, is: Uint32Array, from: number) {
    const { u32 } = this.#rows;
    u32.set(was.subarray(to, to + ROW_WORDS));
    u32.set(is.subarray(from, from + ROW_WORDS), ROW_WORDS);
    this.#rows.count = 2;
  }

  get was(): RowView {
    return viewRow(this.#rows, 0);
  }

  get is(): RowView {
    return viewRow(this.#rows, 1);
  }
}
