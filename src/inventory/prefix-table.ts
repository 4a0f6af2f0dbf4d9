import type { Prefix } from '../common/prefix.js';

/** Stands for no answer. */
export const NOTHING = 0;

/** What a {@link PrefixTable} looks into; made of typed arrays, so that a thread can hand it to another. */
export interface Ranges {
  /** 32-bit words of an address. */
  readonly words: 1 | 4;
  /** Where each range begins, its words highest first; it ends where the next one begins. In order. */
  readonly starts: Uint32Array;
  readonly values: Uint32Array;
}

/**
 * Flattens prefixes into ranges that do not overlap: the longest prefix owns its addresses. Of equal prefixes the last one does.
 * @param values of the prefixes, NOTHING for none
 */
export function makeRanges(family: 4 | 6, prefixes: readonly Prefix[], values: readonly number[]): Ranges {
  const order = [...prefixes.keys()].filter(i => prefixes[i].family === family).sort((a, b) => compare(prefixes, a, b));
  const firsts: bigint[] = [];
  const owners: number[] = [];
  const begin = (first: bigint, value: number): void => {
    if (firsts.at(-1) === first) owners[owners.length - 1] = value;
    else {
      firsts.push(first);
      owners.push(value);
    }
  };
  /** The prefixes around the current address, the longest on top. */
  const around: number[] = [];
  const closeBefore = (address: bigint | undefined): void => {
    while (around.length > 0 && (address === undefined || prefixes[around.at(-1)!].last < address)) {
      const { last } = prefixes[around.pop()!];
      begin(last + 1n, around.length > 0 ? values[around.at(-1)!] : NOTHING);
    }
  };
  for (const i of order) {
    closeBefore(prefixes[i].first);
    around.push(i);
    begin(prefixes[i].first, values[i]);
  }
  closeBefore(undefined);
  return pack(family, firsts, owners);
}

/** @param firsts in order; changed */
function pack(family: 4 | 6, firsts: bigint[], values: readonly number[]): Ranges {
  const bits = family === 4 ? 32n : 128n;
  // what ends with the last address of all has nothing behind it
  if (firsts.at(-1) === 1n << bits) firsts.pop();
  const words = family === 4 ? 1 : 4;
  const starts = new Uint32Array(firsts.length * words);
  firsts.forEach((first, i) => {
    for (let word = 0; word < words; word++) {
      starts[i * words + word] = Number((first >> BigInt((words - 1 - word) * 32)) & 0xffff_ffffn);
    }
  });
  return { words, starts, values: Uint32Array.from(values.slice(0, firsts.length)) };
}

/** A run of addresses of one family. */
export type Interval = Pick<Prefix, 'family' | 'first' | 'last'>;

/** Ranges that have the value 1 for the addresses of these intervals. */
export function makeIntervals(family: 4 | 6, intervals: readonly Interval[]): Ranges {
  const ours = intervals.filter(interval => interval.family === family);
  const bounds: bigint[] = [];
  for (const { first, last } of ours.toSorted((a, b) => (a.first < b.first ? -1 : Number(a.first > b.first)))) {
    // a bound in an odd place ends a run
    if (bounds.length > 0 && first <= bounds.at(-1)!) {
      if (last + 1n > bounds.at(-1)!) bounds[bounds.length - 1] = last + 1n;
    } else bounds.push(first, last + 1n);
  }
  return pack(
    family,
    bounds,
    bounds.map((_, i) => 1 - (i % 2)),
  );
}

/** By first address, the wider one before the narrower one. */
function compare(prefixes: readonly Prefix[], a: number, b: number): number {
  const { first, length } = prefixes[a];
  const other = prefixes[b];
  if (first !== other.first) return first < other.first ? -1 : 1;
  return length - other.length || a - b;
}

/** The value of the longest prefix around an address, by binary search; nothing is allocated. */
export class PrefixTable {
  readonly #starts: Uint32Array;
  readonly #values: Uint32Array;
  readonly #words: 1 | 4;

  constructor(ranges: Ranges) {
    this.#starts = ranges.starts;
    this.#values = ranges.values;
    this.#words = ranges.words;
  }

  /** No address has a value. */
  get empty(): boolean {
    return this.#values.length === 0;
  }

  /** @param bytes holds the address in network byte order from `at` on. @returns NOTHING where no prefix is around it */
  find(bytes: Uint8Array, at: number): number {
    const after = this.#words === 1 ? this.#after4(bytes, at) : this.#after6(bytes, at);
    return after === 0 ? NOTHING : this.#values[after - 1];
  }

  /** The first range that begins after the address. */
  #after4(bytes: Uint8Array, at: number): number {
    const starts = this.#starts;
    const address = readWord(bytes, at);
    let low = 0;
    let high = this.#values.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle] > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #after6(bytes: Uint8Array, at: number): number {
    const starts = this.#starts;
    const first = readWord(bytes, at);
    const second = readWord(bytes, at + 4);
    const third = readWord(bytes, at + 8);
    const fourth = readWord(bytes, at + 12);
    let low = 0;
    let high = this.#values.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const from = middle * 4;
      let order = starts[from] - first;
      if (order === 0) order = starts[from + 1] - second;
      if (order === 0) order = starts[from + 2] - third;
      if (order === 0) order = starts[from + 3] - fourth;
      if (order > 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function readWord(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}
