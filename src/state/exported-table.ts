import { destinationOf, ENDED, ENTRY_WORDS, IDENTITY_WORDS, LAST_WORD } from './entry-block.js';

/** Bit of the last word, in the table alone: the connection was found again, or the entry is to be kept. */
const MARKED = 0x40;
const LEAST_BUCKETS = 16;

/**
 * Entries by connection and destination, in one array in the order of their arrival, found through an open-addressed index.
 * A million of them take 48 MB and 8 MB of index.
 */
export class ExportedTable {
  /** Entry `i` begins at word i * ENTRY_WORDS. */
  readonly words: Uint32Array;
  /** Entries ever put. */
  count = 0;
  /** By hash: number of an entry and one. */
  readonly #index: Int32Array;
  readonly #mask: number;

  /** @param most entries at most */
  constructor(most: number) {
    // memory that is not touched is not committed
    this.words = new Uint32Array(Math.max(most, 1) * ENTRY_WORDS);
    let buckets = LEAST_BUCKETS;
    while (buckets < most * 2) buckets *= 2;
    this.#index = new Int32Array(buckets);
    this.#mask = buckets - 1;
  }

  /** The word at which the entry of this connection and destination begins, -1 where there is none. */
  find(name: Uint32Array, at: number, destination: number): number {
    const bucket = this.#bucket(name, at, destination);
    return this.#index[bucket] === 0 ? -1 : (this.#index[bucket] - 1) * ENTRY_WORDS;
  }

  /**
   * The word of the entry with this name and destination; a new one is all zero but for its name.
   * @param entry words of an entry from `at`
   */
  place(entry: Uint32Array, at: number): number {
    const bucket = this.#bucket(entry, at, destinationOf(entry[at + LAST_WORD]));
    if (this.#index[bucket] === 0) {
      this.#index[bucket] = ++this.count;
      const to = (this.count - 1) * ENTRY_WORDS;
      for (let word = 0; word < IDENTITY_WORDS; word++) this.words[to + word] = entry[at + word];
      // the destination belongs to the name
      this.words[to + LAST_WORD] = entry[at + LAST_WORD];
    }
    return (this.#index[bucket] - 1) * ENTRY_WORDS;
  }

  mark(word: number): void {
    this.words[word + LAST_WORD] |= MARKED;
  }

  isMarked(word: number): boolean {
    return (this.words[word + LAST_WORD] & MARKED) !== 0;
  }

  isEnded(word: number): boolean {
    return (this.words[word + LAST_WORD] & ENDED) !== 0;
  }

  /** The last word of the entry, as it was put. */
  lastWordAt(word: number): number {
    return (this.words[word + LAST_WORD] & ~MARKED) >>> 0;
  }

  destinationAt(word: number): number {
    return destinationOf(this.words[word + LAST_WORD]);
  }

  /** Whether the connection of this entry has one like this at one of the first `count` destinations. */
  some(word: number, destinations: readonly number[], count: number, like: (word: number) => boolean): boolean {
    for (let i = 0; i < count; i++) {
      const destination = destinations[i];
      const there = destination === this.destinationAt(word) ? word : this.find(this.words, word, destination);
      if (there >= 0 && like(there)) return true;
    }
    return false;
  }

  #bucket(name: Uint32Array, at: number, destination: number): number {
    const { words } = this;
    const index = this.#index;
    let hash = Math.imul(name[at] ^ Math.imul(destination + 1, 0x9e3779b1), 0x85ebca6b) ^ name[at + 1];
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) ^ name[at + 2];
    hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
    for (let bucket = (hash ^ (hash >>> 15)) & this.#mask; ; bucket = (bucket + 1) & this.#mask) {
      if (index[bucket] === 0) return bucket;
      const entry = (index[bucket] - 1) * ENTRY_WORDS;
      const same =
        words[entry] === name[at] &&
        words[entry + 1] === name[at + 1] &&
        words[entry + 2] === name[at + 2] &&
        destinationOf(words[entry + LAST_WORD]) === destination;
      if (same) return bucket;
    }
  }
}
