import { SlotList } from './slot-list.js';

const KEY_WORDS = 3;

/**
 * Entries under keys of three words, numbered below the capacity: the user keeps their data in columns. Several entries may
 * have one key, and are found in the order in which they came.
 */
export class KeyTable {
  readonly capacity: number;
  /** All entries, the oldest first; of an empty table only for now. */
  order = SlotList.of(0);
  count = 0;
  // made with the first entry: many tables never have one
  #keys = new Uint32Array(0);
  #buckets = new Int32Array(0); // entry + 1, 0 where empty
  #next = new Int32Array(0); // in the bucket: entry + 1, 0 at the end
  readonly #mask: number;
  /** Entries that are not in their bucket yet: of those that nobody looks for most are forgotten before they are. */
  #unplaced = new Int32Array(0);
  #unplacedCount = 0;
  /** Entries are in buckets. */
  #placed = false;
  /** Entries that were given back, linked by `#next`; entry + 1. */
  #free = 0;
  /** Entries that have ever been used lie below. */
  #top = 0;

  constructor(capacity: number) {
    let size = 16;
    while (size < capacity) size *= 2;
    this.capacity = capacity;
    this.#mask = size - 1;
  }

  get full(): boolean {
    return this.count === this.capacity;
  }

  /** A new entry behind all others; the table must not be full. */
  add(a: number, b: number, c: number): number {
    this.makeRoom();
    let entry = this.#free - 1;
    if (entry < 0) entry = this.#top++;
    else this.#free = this.#next[entry];
    this.count++;
    this.#keys[entry * KEY_WORDS] = a;
    this.#keys[entry * KEY_WORDS + 1] = b;
    this.#keys[entry * KEY_WORDS + 2] = c;
    this.#next[entry] = 0;
    this.#unplaced[this.#unplacedCount++] = entry;
    this.order.push(entry);
    return entry;
  }

  /** The first entry of this key, or the first after one of them; -1 where there is none. */
  find(a: number, b: number, c: number, after = -1): number {
    if (this.count === 0) return -1;
    if (this.#unplacedCount > 0) this.#placeAll();
    let entry = (after < 0 ? this.#buckets[this.#bucket(a, b, c)] : this.#next[after]) - 1;
    for (; entry >= 0; entry = this.#next[entry] - 1) {
      const at = entry * KEY_WORDS;
      if (this.#keys[at] === a && this.#keys[at + 1] === b && this.#keys[at + 2] === c) return entry;
    }
    return -1;
  }

  /** The entry must be in the table. */
  remove(entry: number): void {
    if (this.#unplacedCount > 0) this.#placeAll();
    const at = entry * KEY_WORDS;
    const bucket = this.#bucket(this.#keys[at], this.#keys[at + 1], this.#keys[at + 2]);
    if (this.#buckets[bucket] === entry + 1) this.#buckets[bucket] = this.#next[entry];
    else {
      let before = this.#buckets[bucket] - 1;
      while (this.#next[before] !== entry + 1) before = this.#next[before] - 1;
      this.#next[before] = this.#next[entry];
    }
    this.order.remove(entry);
    this.#next[entry] = this.#free;
    this.#free = entry + 1;
    this.count--;
  }

  clear(): void {
    if (this.#placed) this.#buckets.fill(0);
    this.#placed = false;
    this.#unplacedCount = 0;
    this.order.clear();
    this.#free = 0;
    this.#top = 0;
    this.count = 0;
  }

  /** Makes the table now, and not with its first entry. */
  makeRoom(): void {
    if (this.#next.length > 0) return;
    this.order = SlotList.of(this.capacity);
    this.#keys = new Uint32Array(this.capacity * KEY_WORDS);
    this.#buckets = new Int32Array(this.#mask + 1);
    this.#next = new Int32Array(this.capacity);
    this.#unplaced = new Int32Array(this.capacity);
  }

  #placeAll(): void {
    for (let i = 0; i < this.#unplacedCount; i++) this.#place(this.#unplaced[i]);
    this.#unplacedCount = 0;
    this.#placed = true;
  }

  #place(entry: number): void {
    const at = entry * KEY_WORDS;
    const bucket = this.#bucket(this.#keys[at], this.#keys[at + 1], this.#keys[at + 2]);
    let last = this.#buckets[bucket] - 1;
    if (last < 0) {
      this.#buckets[bucket] = entry + 1;
      return;
    }
    while (this.#next[last] !== 0) last = this.#next[last] - 1;
    this.#next[last] = entry + 1;
  }

  #bucket(a: number, b: number, c: number): number {
    let hash = Math.imul(a ^ Math.imul(b, 0x9e3779b1), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15) ^ c, 0xc2b2ae35);
    return (hash ^ (hash >>> 13)) & this.#mask;
  }
}
