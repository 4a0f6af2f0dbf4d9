import { HOST_LITTLE_ENDIAN } from '../../../src/common/u64.js';
import * as layout from '../../../src/row/layout.generated.js';

const FLAGS = Object.entries(layout).filter(([name]) => name.startsWith('HAS_')) as [string, number][];

/** Reads one row by offsets. */
export class RowView {
  readonly #view: DataView;

  constructor(rows: Uint8Array, index = 0) {
    this.#view = new DataView(rows.buffer, rows.byteOffset + index * layout.ROW_SIZE, layout.ROW_SIZE);
  }

  u8(offset: number): number {
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    return this.#view.getUint16(offset, HOST_LITTLE_ENDIAN);
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, HOST_LITTLE_ENDIAN);
  }

  u64(offset: number): bigint {
    return (BigInt(this.u32(offset + 4)) << 32n) | BigInt(this.u32(offset));
  }

  bytes(offset: number, length: number): number[] {
    return Array.from({ length }, (_, i) => this.u8(offset + i));
  }

  text(offset: number, length: number): string {
    return Buffer.from(this.bytes(offset, length)).toString('latin1').replace(/\0+$/, '');
  }

  /** The names of the flags in PRESENT, in the order of the alphabet. */
  get present(): string[] {
    const present = this.u32(layout.PRESENT);
    return FLAGS.filter(([, bit]) => present & bit)
      .map(([name]) => name)
      .sort();
  }
}
