/** Words of a key. */
export const KEY_WORDS = 5;
/** Groups at most; what finds no room is counted. */
export const MOST_GROUPS = 1 << 16;
const BUCKETS = MOST_GROUPS * 2;

/** Sums of connections under keys of five words. */
export class GroupSums {
  /** The key of the connection that is added next. */
  readonly key = new Uint32Array(KEY_WORDS);
  readonly connections = new Uint32Array(MOST_GROUPS);
  readonly packets = new Float64Array(MOST_GROUPS);
  readonly bytes = new Float64Array(MOST_GROUPS);
  /** Connections with counters. */
  readonly counted = new Uint32Array(MOST_GROUPS);
  readonly rates = new Float64Array(MOST_GROUPS);
  /** Connections with a rate. */
  readonly rated = new Uint32Array(MOST_GROUPS);
  /** Start of the oldest, milliseconds since 1970. */
  readonly starts = new Float64Array(MOST_GROUPS);
  count = 0;
  /** Connections without room. */
  leftOut = 0;
  readonly #keys = new Uint32Array(MOST_GROUPS * KEY_WORDS);
  /** Group + 1, 0 where empty. */
  readonly #buckets = new Uint32Array(BUCKETS);

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
    return this.#keys.subarray(group * KEY_WORDS, (group + 1) * KEY_WORDS);
  }

  #groupOf(): number {
    const { key } = this;
    const keys = this.#keys;
    let bucket = this.#hash();
    for (; ; bucket = (bucket + 1) & (BUCKETS - 1)) {
      const group = this.#buckets[bucket] - 1;
      if (group < 0) break;
      const at = group * KEY_WORDS;
      if (
        keys[at] === key[0] &&
        keys[at + 1] === key[1] &&
        keys[at + 2] === key[2] &&
        keys[at + 3] === key[3] &&
        keys[at + 4] === key[4]
      )
        return group;
    }
    if (this.count === MOST_GROUPS) return -1;
    const group = this.count++;
    this.#buckets[bucket] = group + 1;
    keys.set(key, group * KEY_WORDS);
    this.connections[group] = this.counted[group] = this.rated[group] = 0;
    this.packets[group] = this.bytes[group] = this.rates[group] = 0;
    this.starts[group] = Infinity;
    return group;
  }

  #hash(): number {
    let hash = 0x9e3779b1;
    for (let word = 0; word < KEY_WORDS; word++) {
      hash = Math.imul(hash ^ this.key[word], 0x85ebca6b);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0xc2b2ae35);
    return (hash ^ (hash >>> 13)) & (BUCKETS - 1);
  }
}
