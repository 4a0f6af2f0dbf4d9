/** A map that knows which entry has gone unused the longest. */
export class RecentMap<K, V> {
  readonly #entries = new Map<K, V>();
  #newest: K | undefined;

  get size(): number {
    return this.#entries.size;
  }

  /** The value of a key, which is the most recently used from now on. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined && key !== this.#newest) {
      this.#entries.delete(key);
      this.set(key, value);
    }
    return value;
  }

  set(key: K, value: V): void {
    this.#entries.set(key, value);
    this.#newest = key;
  }

  /** Takes out the entry that has gone unused the longest. */
  evict(): V | undefined {
    for (const [key, value] of this.#entries) {
      this.#entries.delete(key);
      return value;
    }
    return undefined;
  }
}
