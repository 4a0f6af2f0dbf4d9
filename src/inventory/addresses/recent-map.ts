/** A map of limited size: what was not asked for lately goes first. */
export class RecentMap<K, V> {
  readonly #half: number;
  #young = new Map<K, V>();
  #old = new Map<K, V>();

  /** @param most entries */
  constructor(most: number) {
    this.#half = Math.max(most >> 1, 1);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.#old.delete(key);
    this.set(key, old);
    return old;
  }

  /** Of a key that {@link get} has not found. @returns how many entries had to go */
  set(key: K, value: V): number {
    let gone = 0;
    if (this.#young.size >= this.#half) {
      gone = this.#old.size;
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
    return gone;
  }

  /** Gives a key another value, where it is there. */
  replace(key: K, value: V): void {
    for (const part of [this.#young, this.#old]) if (part.has(key)) part.set(key, value);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
