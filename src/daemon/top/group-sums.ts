/** Words of a key, where there are not more. */
export const KEY_WORDS = 5;
/** Groups at most; what finds no room is counted. */
export const MOST_GROUPS = 1 << 16;

/** Sums of connections under keys of some words. */
export class GroupSums {
  /** Words of a key. */
  readonly words: number;
  /** The key of the connection that is added next. */
  readonly key: Uint32Array;
  readonly connections: Uint32Array;
  readonly packets: Float64Array;
  readonly bytes: Float64Array;
  /** Connections with counters. */
  readonly counted: Uint32Array;
  readonly rates: Float64Array;
  /** Connections with a rate. */
  readonly rated: Uint32Array;
  /** Start of the oldest, milliseconds since 1970. */
  readonly starts: Float64Array;
  count = 0;
  /** Connections without room. */
  leftOut = 0;
  readonly #most: number;
  readonly #keys: Uint32Array;
  /** Group + 1, 0 where empty. */
  readonly #buckets: Uint32Array;

  /** @param most groups, a power of two */
  constructor(words = KEY_WORDS, most = MOST_GROUPS) {
    this.words = words;
    this.key = new Uint32Array(words);
    this.connections = new Uint32Array(most);
    this.packets = new Float64Array(most);
    this.bytes = new Float64Array(most);
    this.counted = new Uint32Array(most);
    this.rates = new Float64Array(most);
    this.rated = new Uint32Array(most);
    this.starts = new Float64Array(most);
    this.#most = most;
    this.#keys = new Uint32Array(most * words);
    this.#buckets = new Uint32Array(most * 2);
  }

  /** Forgets all of them. */
  clear(): void {
    this.#buckets.fill(0);
    this.count = 0;
    this.leftOut = 0;
  }

  /** Adds a connection to the group of {@link key}. @param packets, bytes, rate NaN where they are not known */
  add(packets: number, bytes: number, rate: number, start: number): void {
    const group = this.#groupOf();
    if (group < 0) {
      this.leftOut++;
      return;
    }
    this.connections[group]++;
    // NaN is not itself
    if (bytes === bytes) {
      this.packets[group] += packets;
      this.bytes[group] += bytes;
      this.counted[group]++;
    }
    if (rate === rate) {
      this.rates[group] += rate;
      this.rated[group]++;
    }
    if (start < this.starts[group]) this.starts[group] = start;
  }

  /** The key of a group. */
  keyOf(group: number): Uint32Array {
    return this.#keys.subarray(group * this.words, (group + 1) * this.words);
  }

  #groupOf(): number {
    const mask = this.#buckets.length - 1;
    let bucket = this.#hash() & mask;
    for (; ; bucket = (bucket + 1) & mask) {
      const group = this.#buckets[bucket] - 1;
      if (group < 0) break;
      if (this.#hasKey(group)) return group;
    }
    if (this.count === this.#most) return -1;
    const group = this.count++;
    this.#buckets[bucket] = group + 1;
    this.#keys.set(this.key, group * this.words);
    this.connections[group] = this.counted[group] = this.rated[group] = 0;
    this.packets[group] = this.bytes[group] = this.rates[group] = 0;
    this.starts[group] = Infinity;
    return group;
  }

  #hasKey(group: number): boolean {
    const { key, words } = this;
    const keys = this.#keys;
    for (let word = 0, at = group * words; word < words; word++, at++) if (keys[at] !== key[word]) return false;
    return true;
  }

  #hash(): number {
    const { key, words } = this;
    let hash = 0x9e3779b1;
    for (let word = 0; word < words; word++) {
      hash = Math.imul(hash ^ key[word], 0x85ebca6b);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0xc2b2ae35);
    return hash ^ (hash >>> 13);
  }
}
