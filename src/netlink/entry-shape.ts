import type { Batch } from '../row/batch.js';
import { HOST_LITTLE_ENDIAN } from '../common/u64.js';
import { PRESENT_WORD } from '../row/layout.generated.js';

/** A word of network byte order, read in this host's. */
export function bigEndian(word: number): number {
  if (!HOST_LITTLE_ENDIAN) return word;
  const halves = ((word & 0x00ff00ff) << 8) | ((word >>> 8) & 0x00ff00ff);
  return (halves << 16) | (halves >>> 16);
}

/** What was done to read one entry, in the places of its own bytes and of its row. */
export class ShapeNotes {
  /** Of each word that must be the same: its place, a mask, and what it is under the mask. */
  readonly expected: number[] = [];
  /** From a word to a word, as it stands. */
  readonly copies: number[] = [];
  /** From a big-endian word to a word. */
  readonly words: number[] = [];
  /** From a byte, where a big-endian half of a word begins, to a half. */
  readonly halves: number[] = [];
  /** From two bytes to a byte, which gets what both have. */
  readonly bytes: number[] = [];
  /** Something was read that depends on more than places. */
  odd = false;
}

/**
 * The shape of an entry: the kernel writes entries of one kind in one form, the same attributes at the same places. An entry
 * whose length, headers, family and protocol are those of the shape is read without a walk over its attributes.
 */
export class EntryShape {
  readonly #expected: Int32Array;
  readonly #copies: Int32Array;
  readonly #words: Int32Array;
  readonly #halves: Int32Array;
  readonly #bytes: Int32Array;
  readonly #present: number;

  /** @param present HAS_ flags of an entry of this shape */
  constructor(notes: ShapeNotes, present: number) {
    this.#expected = Int32Array.from(notes.expected);
    this.#copies = Int32Array.from(notes.copies);
    this.#words = Int32Array.from(notes.words);
    this.#halves = Int32Array.from(notes.halves);
    this.#bytes = Int32Array.from(notes.bytes);
    this.#present = present;
  }

  /** Whether the entry that begins at byte `start`, of the same length, has this shape. */
  fits(words: Int32Array, start: number): boolean {
    const expected = this.#expected;
    const from = start >> 2;
    for (let i = 0; i < expected.length; i += 3) {
      if ((words[from + expected[i]] & expected[i + 1]) !== expected[i + 2]) return false;
    }
    return true;
  }

  /** Reads such an entry into the row that begins at byte `to` and is zero everywhere; all but the hash. */
  read(
    netlink: Uint8Array,
    words: Int32Array,
    start: number,
    rows: Pick<Batch, 'bytes' | 'u16' | 'u32'>,
    to: number,
  ): void {
    const { bytes, u16, u32 } = rows;
    const copies = this.#copies;
    const bigWords = this.#words;
    const halves = this.#halves;
    const two = this.#bytes;
    const from = start >> 2;
    const word = to >> 2;
    for (let i = 0; i < copies.length; i += 2) u32[word + copies[i + 1]] = words[from + copies[i]];
    for (let i = 0; i < bigWords.length; i += 2) u32[word + bigWords[i + 1]] = bigEndian(words[from + bigWords[i]]);
    for (let i = 0; i < halves.length; i += 2) {
      const at = start + halves[i];
      u16[(to >> 1) + halves[i + 1]] = (netlink[at] << 8) | netlink[at + 1];
    }
    for (let i = 0; i < two.length; i += 3)
      bytes[to + two[i + 2]] = netlink[start + two[i]] & netlink[start + two[i + 1]];
    u32[word + PRESENT_WORD] = this.#present;
  }
}
