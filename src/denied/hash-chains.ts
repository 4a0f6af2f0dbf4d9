const END = -1;

/** Items by a hash of 32 bits, several under one; the caller compares the items. */
export class HashChains {
  readonly #heads: Int32Array; // item + 1, 0 where empty
  readonly #next: Int32Array;
  readonly #hashes: Int32Array;
  readonly #mask: number;
  count = 0;

  /** @param capacity items are below it */
  constructor(capacity: number) {
    let size = 16;
    while (size < capacity) size *= 2;
    this.#heads = new Int32Array(size);
    this.#next = new Int32Array(capacity);
    this.#hashes = new Int32Array(capacity);
    this.#mask = size - 1;
  }

  /** The item must not be in it. */
  add(item: number, hash: number): void {
    const head = hash & this.#mask;
    this.#hashes[item] = hash;
    this.#next[item] = this.#heads[head];
    this.#heads[head] = item + 1;
    this.count++;
  }

  /** The item must be in it. */
  remove(item: number): void {
    const head = this.#hashes[item] & this.#mask;
    this.count--;
    if (this.#heads[head] === item + 1) {
      this.#heads[head] = this.#next[item];
      return;
    }
    let before = this.#heads[head] - 1;
    while (this.#next[before] !== item + 1) before = this.#next[before] - 1;
    this.#next[before] = this.#next[item];
  }

  /** An item with this hash, -1 where there is none. */
  first(hash: number): number {
    return this.#find(this.#heads[hash & this.#mask] - 1, hash);
  }

  /** The one after it with the same hash, -1 at the end. Ask before the item is removed. */
  after(item: number): number {
    return this.#find(this.#next[item] - 1, this.#hashes[item]);
  }

  clear(): void {
    this.#heads.fill(0);
    this.count = 0;
  }

  #find(from: number, hash: number): number {
    let item = from;
    while (item >= 0 && this.#hashes[item] !== (hash | 0)) item = this.#next[item] - 1;
    return item < 0 ? END : item;
  }
}
