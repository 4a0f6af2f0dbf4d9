import { FAMILY } from '../row/layout.generated.js';
import { AF_INET } from '../row/protocol.js';
import { HOST_LITTLE_ENDIAN } from '../common/u64.js';
import { headerOf } from './attributes.js';
import { bigEndian, type ShapeNotes } from './entry-shape.js';

const NOTHING = new ArrayBuffer(0);

/** The row that an entry is read into, and where it is read from: payloads are big-endian, whatever the host that wrote them. */
export class EntryRow {
  /** What is read. */
  netlink: Uint8Array = new Uint8Array(NOTHING);
  /** The same in words of this host's byte order. */
  words: Int32Array = new Int32Array(NOTHING);
  /** Headers are in the other byte order than this host's. */
  swapped = false;
  bytes: Uint8Array = new Uint8Array(NOTHING);
  u16: Uint16Array = new Uint16Array(NOTHING);
  u32: Uint32Array = new Uint32Array(NOTHING);
  /** Where the row begins, in bytes. */
  at = 0;
  /** HAS_ flags of what was read. */
  present = 0;
  isIPv4 = true;
  notes: ShapeNotes | undefined;
  /** Where the entry begins. */
  #start = 0;

  /**
   * Both begin at a multiple of four bytes, and are whole words.
   * @param netlink what is read; @param littleEndian byte order of its headers; @param rows what is written
   */
  open(netlink: Uint8Array, littleEndian: boolean, rows: Uint8Array): void {
    const { buffer, byteOffset, length } = rows;
    this.netlink = netlink;
    this.words = new Int32Array(netlink.buffer, netlink.byteOffset, netlink.length >> 2);
    this.swapped = littleEndian !== HOST_LITTLE_ENDIAN;
    this.bytes = rows;
    this.u16 = new Uint16Array(buffer, byteOffset, length >> 1);
    this.u32 = new Uint32Array(buffer, byteOffset, length >> 2);
  }

  /**
   * Begins with an entry, attribute by attribute.
   * @param start of the entry; @param at where the row begins that is zero everywhere; @param notes of what is done
   */
  begin(start: number, at: number, notes: ShapeNotes | undefined): void {
    this.#start = start;
    this.at = at;
    this.present = 0;
    this.notes = notes;
    const family = this.netlink[start];
    this.isIPv4 = family === AF_INET;
    this.bytes[at + FAMILY] = family;
    this.expectByte(start);
    notes?.bytes.push(0, 0, FAMILY);
  }

  /** The header of the attribute at `at`, see {@link headerOf}. */
  header(at: number): number {
    const word = this.words[at >> 2];
    this.notes?.expected.push((at - this.#start) >> 2, -1, word);
    return headerOf(word, this.swapped);
  }

  /** The byte at `at`, which begins a word, decides on how the entry is read. */
  expectByte(at: number): number {
    const mask = HOST_LITTLE_ENDIAN ? 0xff : 0xff << 24;
    this.notes?.expected.push((at - this.#start) >> 2, mask, this.words[at >> 2] & mask);
    return this.netlink[at];
  }

  // each reads an attribute's payload at `at` into the field, and sets the flag; false where the payload is too short

  putU8(at: number, size: number, field: number, flag: number): boolean {
    if (size < 1) return false;
    this.putBoth(at, at, field);
    this.present |= flag;
    return true;
  }

  /** What two bytes have in common. */
  putBoth(one: number, other: number, field: number): void {
    this.bytes[this.at + field] = this.netlink[one] & this.netlink[other];
    this.notes?.bytes.push(one - this.#start, other - this.#start, field);
  }

  putU16(at: number, size: number, field: number, flag: number): boolean {
    if (size < 2) return false;
    this.u16[(this.at + field) >> 1] = (this.netlink[at] << 8) | this.netlink[at + 1];
    this.notes?.halves.push(at - this.#start, field >> 1);
    this.present |= flag;
    return true;
  }

  putU32(at: number, size: number, field: number, flag: number): boolean {
    if (size < 4) return false;
    this.#putWord(at, field);
    this.present |= flag;
    return true;
  }

  putU64(at: number, size: number, field: number): boolean {
    if (size < 8) return false;
    this.#putWord(at + 4, field);
    this.#putWord(at, field + 4);
    return true;
  }

  putU32AsU64(at: number, size: number, field: number): boolean {
    if (size < 4) return false;
    this.#putWord(at, field);
    this.u32[(this.at + field + 4) >> 2] = 0;
    this.isOdd();
    return true;
  }

  /** Copies bytes as they stand, a multiple of four. */
  putWords(at: number, size: number, field: number): void {
    const from = at >> 2;
    const to = field >> 2;
    for (let word = 0; word < size >> 2; word++) {
      this.u32[(this.at >> 2) + to + word] = this.words[from + word];
      this.notes?.copies.push(from + word - (this.#start >> 2), to + word);
    }
  }

  /** Copies `size` bytes as they stand, zeros behind them up to `room`. */
  putBytes(at: number, size: number, field: number, room: number): void {
    for (let i = 0; i < room; i++) this.bytes[this.at + field + i] = i < size ? this.netlink[at + i] : 0;
    this.isOdd();
  }

  /** How the entry is read depends on more than the places of its attributes: another one is not read by its shape. */
  isOdd(): void {
    if (this.notes) this.notes.odd = true;
  }

  #putWord(at: number, field: number): void {
    this.u32[(this.at + field) >> 2] = bigEndian(this.words[at >> 2]);
    this.notes?.words.push((at - this.#start) >> 2, field >> 2);
  }
}
