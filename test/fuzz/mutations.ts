import { Buffer } from 'node:buffer';
import { LARGEST_INPUT } from './target.js';

/** Numbers at which programs make mistakes. */
const EDGES = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 127, 128, 254, 255, 256, 257, 32_767, 32_768, 65_534, 65_535];
const EDGES_32 = [...EDGES, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
const MOST_CHANGES = 8;

/** Random numbers that a seed repeats (Marsaglia's xorshift). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** From 0 to below a limit. */
  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % limit;
  }

  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)];
  }
}

type Change = (input: Buffer, random: Random, other: Uint8Array, words: readonly string[]) => Buffer;

/** A place and a length in it, short ones more often. */
function range(random: Random, length: number): [at: number, size: number] {
  const at = random.below(length + 1);
  const most = random.below(4) === 0 ? length : 16;
  return [at, Math.min(length - at, random.below(most + 1))];
}

function insert(input: Buffer, at: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([input.subarray(0, at), bytes, input.subarray(at)]);
}

function overwrite(input: Buffer, at: number, bytes: Uint8Array): Buffer {
  const copy = Buffer.from(input);
  copy.set(bytes.subarray(0, copy.length - at), at);
  return copy;
}

function edge(random: Random): Buffer {
  const bytes = Buffer.alloc(random.one([1, 2, 4]));
  const value = random.one(bytes.length === 4 ? EDGES_32 : EDGES) % 256 ** bytes.length;
  if (random.below(2) === 0) bytes.writeUIntBE(value, 0, bytes.length);
  else bytes.writeUIntLE(value, 0, bytes.length);
  return bytes;
}

const CHANGES: readonly Change[] = [
  (input, random) => {
    const at = random.below(Math.max(input.length, 1));
    return overwrite(input, at, Buffer.from([(input[at] ?? 0) ^ (1 << random.below(8))]));
  },
  (input, random) => overwrite(input, random.below(input.length + 1), Buffer.from([random.below(256)])),
  (input, random) => {
    const at = random.below(Math.max(input.length, 1));
    return overwrite(input, at, Buffer.from([(input[at] ?? 0) + random.below(33) - 16]));
  },
  (input, random) => overwrite(input, random.below(input.length + 1), edge(random)),
  (input, random) => insert(input, random.below(input.length + 1), edge(random)),
  (input, random) => {
    const [at, size] = range(random, input.length);
    return Buffer.concat([input.subarray(0, at), input.subarray(at + size)]);
  },
  (input, random) => {
    const [at, size] = range(random, input.length);
    return insert(input, random.below(input.length + 1), input.subarray(at, at + size));
  },
  (input, random) => {
    const [at, size] = range(random, input.length);
    return overwrite(input, random.below(input.length + 1), input.subarray(at, at + size));
  },
  (input, random, other) => {
    const [at, size] = range(random, other.length);
    return insert(input, random.below(input.length + 1), other.subarray(at, at + size));
  },
  (input, random, other) =>
    Buffer.concat([input.subarray(0, random.below(input.length + 1)), other.subarray(random.below(other.length + 1))]),
  (input, random, _, words) =>
    words.length === 0 ? input : insert(input, random.below(input.length + 1), Buffer.from(random.one(words))),
  (input, random, _, words) =>
    words.length === 0 ? input : overwrite(input, random.below(input.length + 1), Buffer.from(random.one(words))),
];

/** An input made of one that is known, and parts of another. */
export function mutate(input: Uint8Array, other: Uint8Array, words: readonly string[], random: Random): Uint8Array {
  let made = Buffer.from(input);
  for (let changes = 1 + random.below(MOST_CHANGES); changes > 0; changes--)
    made = random.one(CHANGES)(made, random, other, words) as typeof made;
  return made.subarray(0, LARGEST_INPUT);
}
