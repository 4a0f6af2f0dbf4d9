import { ROW_SIZE } from './layout.generated.js';

/**
 * A run of rows of one size in one buffer. The views share the buffer; `count` says how many rows are filled.
 *
 * Rows are read through the views by offset: `u32[(row * size + ORIG_PACKETS) >> 2]` is the low word of a counter.
 */
export class Batch {
  readonly size: number;
  readonly capacity: number;
  readonly bytes: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  count = 0;

  /** @param capacity rows; @param size bytes a row, ROW_SIZE or RECORD_SIZE */
  constructor(capacity: number, size: number = ROW_SIZE) {
    const buffer = new ArrayBuffer(capacity * size);
    this.size = size;
    this.capacity = capacity;
    this.bytes = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
  }
}
