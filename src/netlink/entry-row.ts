import type { Batch } from '../row/batch.js';
import { FAMILY, PRESENT_WORD } from '../row/layout.generated.js';
import { NOTHING, type Attributes } from './attributes.js';

/** The row that an entry is read into, and where it is read from: payloads are big-endian, whatever the host that wrote them. */
export class EntryRow {
  readonly batch: Batch;
  view: DataView = NOTHING;
  #littleEndian = true;
  /** HAS_ flags of what was read. */
  present = 0;

  /** @param batch its first row is overwritten */
  constructor(batch: Batch) {
    this.batch = batch;
  }

  begin(view: DataView, littleEndian: boolean, family: number): void {
    this.batch.u32.fill(0);
    this.batch.bytes[FAMILY] = family;
    this.view = view;
    this.#littleEndian = littleEndian;
    this.present = 0;
  }

  end(): void {
    this.batch.u32[PRESENT_WORD] = this.present;
  }

  /** Begins a walk over attributes of the entry. */
  enter(attributes: Attributes, start: number, end: number): void {
    attributes.enter(this.view, this.#littleEndian, start, end);
  }

  // each reads an attribute's payload at `at` into the field, and sets the flag; false where the payload is too short

  putU8(at: number, size: number, field: number, flag: number): boolean {
    if (size < 1) return false;
    this.batch.bytes[field] = this.view.getUint8(at);
    this.present |= flag;
    return true;
  }

  putU16(at: number, size: number, field: number, flag: number): boolean {
    if (size < 2) return false;
    this.batch.u16[field >> 1] = this.view.getUint16(at);
    this.present |= flag;
    return true;
  }

  putU32(at: number, size: number, field: number, flag: number): boolean {
    if (size < 4) return false;
    this.batch.u32[field >> 2] = this.view.getUint32(at);
    this.present |= flag;
    return true;
  }

  putU64(at: number, size: number, field: number): boolean {
    if (size < 8) return false;
    this.batch.u32[field >> 2] = this.view.getUint32(at + 4);
    this.batch.u32[(field >> 2) + 1] = this.view.getUint32(at);
    return true;
  }

  putU32AsU64(at: number, size: number, field: number): boolean {
    if (size < 4) return false;
    this.batch.u32[field >> 2] = this.view.getUint32(at);
    this.batch.u32[(field >> 2) + 1] = 0;
    return true;
  }

  putBytes(at: number, length: number, field: number): void {
    const row = this.batch.bytes;
    for (let i = 0; i < length; i++) row[field + i] = this.view.getUint8(at + i);
  }
}
