import { SlotList } from './slot-list.js';

// what is read together stands together: words of an entry
const WORDS = 6;
/** Behind the key: the next one in the bucket, entry + 1, 0 at the end; then the two links of the order. */
const NEXT = 3;
const LINKS = 4;
/** Buckets at first, 64 KiB. */
const LEAST = 16_384;

/**
 * Entries under keys of three words, numbered below the capacity: the user keeps their data in columns. Several entries may
 * have one key, and are found in the order in which they came. Buckets grow with the entries, one at a time (linear hashing): few
 * entries touch little memory, and none waits until all have moved.
 */
export class KeyTable {
  readonly capacity: number;
  /** All entries, the oldest first; of an empty table only for now. */
  order = SlotList.of(0);
  count = 0;
  // made with the first entry: many tables never have one
  #words = new Int32Array(0);
  #buckets = new Int32Array(0); // entry + 1, 0 where empty
  readonly #mostBuckets: number;
  readonly #leastBuckets: number;
  /** Buckets in use, and the largest power of two that is no more. */
  #size: number;
  #half: number;
  /** Entries that are not in their bucket yet: of those that nobody looks for most are forgotten before they are. */
  #unplaced = new Int32Array(0);
  #unplacedCount = 0;
  /** Entries are in buckets. */
  #placed = false;
  /** Entries that were given back, linked by NEXT; entry + 1. */
  #free = 0;
  /** Entries that have ever been used lie below. */
  #top = 0;

  /** @param least buckets at first, a power of two */
  constructor(capacity: number, least = LEAST) {
    let most = 16;
    while (most < capacity) most *= 2;
    this.capacity = capacity;
    this.#mostBuckets = most;
    this.#leastBuckets = Math.min(least, most);
    this.#size = this.#half = this.#leastBuckets;
  }

  get full(): boolean {
    return this.count === this.capacity;
  }

  /** A new entry behind all others; the table must not be full. */
  add(a: number, b: number, c: number): number {
    this.makeRoom();
    const words = this.#words;
    let entry = this.#free - 1;
    if (entry < 0) entry = this.#top++;
    else this.#free = words[entry * WORDS + NEXT];
    this.count++;
    const at = entry * WORDS;
    words[at] = a;
    words[at + 1] = b;
    words[at + 2] = c;
    words[at + NEXT] = 0;
    this.#unplaced[this.#unplacedCount++] = entry;
    this.order.push(entry);
    return entry;
  }

  /** The first entry of this key, or the first after one of them; -1 where there is none. */
  find(a: number, b: number, c: number, after = -1): number {
    if (this.count === 0) return -1;
    if (this.#unplacedCount > 0) this.#placeAll();
    const words = this.#words;
    let entry = (after < 0 ? this.#buckets[this.#bucket(a, b, c)] : words[after * WORDS + NEXT]) - 1;
    while (entry >= 0) {
      const at = entry * WORDS;
      if (words[at] === (a | 0) && words[at + 1] === (b | 0) && words[at + 2] === (c | 0)) return entry;
      entry = words[at + NEXT] - 1;
    }
    return -1;
  }

  /** The entry must be in the table. */
  remove(entry: number): void {
    if (this.#unplacedCount > 0) this.#placeAll();
    const words = this.#words;
    const at = entry * WORDS;
    const bucket = this.#bucket(words[at], words[at + 1], words[at + 2]);
    if (this.#buckets[bucket] === entry + 1) this.#buckets[bucket] = words[at + NEXT];
    else {
      let before = this.#buckets[bucket] - 1;
      while (words[before * WORDS + NEXT] !== entry + 1) before = words[before * WORDS + NEXT] - 1;
      words[before * WORDS + NEXT] = words[at + NEXT];
    }
    this.order.remove(entry);
    words[at + NEXT] = this.#free;
    this.#free = entry + 1;
    this.count--;
  }

  clear(): void {
    if (this.#placed) this.#buckets.fill(0, 0, this.#size);
    this.#placed = false;
    this.#size = this.#half = this.#leastBuckets;
    this.#unplacedCount = 0;
    this.order.clear();
    this.#free = 0;
    this.#top = 0;
    this.count = 0;
  }

  /** Makes the table now, and not with its first entry. */
  makeRoom(): void {
    if (this.#words.length > 0) return;
    this.#words = new Int32Array(this.capacity * WORDS);
    this.order = new SlotList(this.#words, WORDS, LINKS);
    this.#buckets = new Int32Array(this.#mostBuckets);
    this.#unplaced = new Int32Array(this.capacity);
  }

  #placeAll(): void {
    if (!this.#placed) {
      // nothing has to move
      while (this.#half < this.#unplacedCount && this.#half < this.#mostBuckets) this.#half *= 2;
      this.#size = this.#half;
    }
    for (let i = 0; i < this.#unplacedCount; i++) this.#place(this.#unplaced[i]);
    this.#unplacedCount = 0;
    this.#placed = true;
  }

  #place(entry: number): void {
    if (this.count > this.#size && this.#size < this.#mostBuckets) this.#split();
    const words = this.#words;
    const at = entry * WORDS;
    const bucket = this.#bucket(words[at], words[at + 1], words[at + 2]);
    this.#append(bucket, entry);
  }

  #append(bucket: number, entry: number): void {
    const words = this.#words;
    let last = this.#buckets[bucket] - 1;
    if (last < 0) {
      this.#buckets[bucket] = entry + 1;
      return;
    }
    while (words[last * WORDS + NEXT] !== 0) last = words[last * WORDS + NEXT] - 1;
    words[last * WORDS + NEXT] = entry + 1;
  }

  /** One more bucket: it takes its entries from the one that had them until now, and both keep their order. */
  #split(): void {
    const words = this.#words;
    const from = this.#size - this.#half;
    this.#size++;
    if (this.#size === this.#half * 2) this.#half = this.#size;
    let entry = this.#buckets[from] - 1;
    this.#buckets[from] = 0;
    while (entry >= 0) {
      const at = entry * WORDS;
      const next = words[at + NEXT] - 1;
      words[at + NEXT] = 0;
      this.#append(this.#bucket(words[at], words[at + 1], words[at + 2]), entry);
      entry = next;
    }
  }

  #bucket(a: number, b: number, c: number): number {
    let hash = Math.imul(a ^ Math.imul(b, 0x9e3779b1), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15) ^ c, 0xc2b2ae35);
    hash ^= hash >>> 13;
    const bucket = hash & (this.#half * 2 - 1);
    return bucket < this.#size ? bucket : bucket - this.#half;
  }
}
