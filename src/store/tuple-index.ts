import * as row from '../row/layout.generated.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const { FAMILY_WORD, HASH_WORD, ORIG_ZONE_WORD, ROW_WORDS, RULE_WORD } = row;

const ADDRESS_AND_PORT_WORDS = FAMILY_WORD;
const KIND_WORD = FAMILY_WORD;
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
/** Family and protocol stand in one word with the state, which is not part of the tuple. */
const KIND_MASK = LITTLE_ENDIAN ? 0x0000ffff : 0xffff0000;

/**
 * From a tuple (both directions, zones, family, protocol; of denied packets also the rule) to its slot: open addressing with linear probing in one
 * Int32Array, at most half full. The hash comes with the row.
 */
export class TupleIndex {
  readonly #rows: Uint32Array;
  readonly #slots: Int32Array; // slot + 1, 0 where empty
  readonly #mask: number;

  /** @param rows the table's rows; @param capacity connections at most */
  constructor(rows: Uint32Array, capacity: number) {
    let size = 16;
    while (size < capacity * 2) size *= 2;
    this.#rows = rows;
    this.#slots = new Int32Array(size);
    this.#mask = size - 1;
  }

  /** Whether the row at word `from` has the tuple of this slot. */
  sameTuple(source: Uint32Array, from: number, slot: number): boolean {
    const rows = this.#rows;
    const to = slot * ROW_WORDS;
    if (rows[to + HASH_WORD] !== source[from + HASH_WORD]) return false;
    for (let word = 0; word < ADDRESS_AND_PORT_WORDS; word++) {
      if (rows[to + word] !== source[from + word]) return false;
    }
    return (
      ((rows[to + KIND_WORD] ^ source[from + KIND_WORD]) & KIND_MASK) === 0 &&
      rows[to + ORIG_ZONE_WORD] === source[from + ORIG_ZONE_WORD] &&
      rows[to + RULE_WORD] === source[from + RULE_WORD]
    );
  }

  /** The slot with the tuple of the row at word `from`, -1 where there is none. */
  find(source: Uint32Array, from: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    for (let at = source[from + HASH_WORD] & mask; ; at = (at + 1) & mask) {
      const slot = slots[at] - 1;
      if (slot < 0 || this.sameTuple(source, from, slot)) return slot;
    }
  }

  /** The tuple must not be in the index. */
  insert(slot: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let at = this.#rows[slot * ROW_WORDS + HASH_WORD] & mask;
    while (slots[at] !== 0) at = (at + 1) & mask;
    slots[at] = slot + 1;
  }

  /** The slot must be in the index. */
  remove(slot: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let hole = this.#rows[slot * ROW_WORDS + HASH_WORD] & mask;
    while (slots[hole] !== slot + 1) hole = (hole + 1) & mask;
    // close the hole: whatever probed across it moves back, so that no marker of a deletion is ever needed
    for (let at = (hole + 1) & mask; slots[at] !== 0; at = (at + 1) & mask) {
      const home = this.#rows[(slots[at] - 1) * ROW_WORDS + HASH_WORD] & mask;
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        slots[hole] = slots[at];
        hole = at;
      }
    }
    slots[hole] = 0;
  }

  clear(): void {
    this.#slots.fill(0);
  }
}
