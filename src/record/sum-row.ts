import { increase, readNumber } from '../common/u64.js';
import { REMAINDER_FLAG, SUM_DIRECTION, SUM_FLOWS } from '../ipfix/profile-aggregate.js';
import * as row from '../row/layout.generated.js';

/**
 * The row of a sum, laid out as that of a connection: its keys where a connection has them and zeros elsewhere, the sums where a
 * connection counts, and where a stored one has them the earliest start and the latest end. So an encoder writes it like any other.
 */

/** Bits of PRESENT that belong to the key. */
export const KEY_FLAGS = row.HAS_PORTS | row.HAS_ORIG_ZONE | row.HAS_REPLY_ZONE | row.HAS_MARK | REMAINDER_FLAG;
const COUNTED_FLAGS = row.HAS_ORIG_COUNTERS | row.HAS_REPLY_COUNTERS;
/** Words that a key consists of, with PRESENT, of which only KEY_FLAGS count. */
export const KEY_WORDS: readonly number[] = [
  ...Array.from({ length: row.PRESENT_WORD }, (_, word) => word),
  row.MARK_WORD,
  row.ORIG_ZONE_WORD,
];
/** Which keys it was made with, as bits. */
export const KEY_SET_WORD = row.EVENT_WORD;
export const FLOWS_WORD = SUM_FLOWS / 4;
export const START_DOUBLE = row.LABELS / 8;
export const END_DOUBLE = START_DOUBLE + 1;
export const COUNTERS_WORD = row.ORIG_PACKETS_WORD;
export const COUNTER_WORDS = 8;
/** biflowDirection of connections that do not agree: arbitrary. */
const ARBITRARY = 0;

/** Rows as words, bytes and doubles; a row is named by its number. */
export interface SumRows {
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  readonly doubles: Float64Array;
}

export function newSumRows(count: number): SumRows {
  const buffer = new ArrayBuffer(count * row.ROW_SIZE);
  return { words: new Uint32Array(buffer), bytes: new Uint8Array(buffer), doubles: new Float64Array(buffer) };
}

/** Nothing was added to it, or it was sent: nothing ended in 1970. */
export function isEmpty({ doubles }: SumRows, at: number): boolean {
  return doubles[at * (row.ROW_SIZE / 8) + END_DOUBLE] === 0;
}

/** Adds one sum to another, whatever its key. */
export function addSum(to: SumRows, at: number, from: SumRows, of: number): void {
  const [target, source] = [at * row.ROW_WORDS, of * row.ROW_WORDS];
  for (let word = 0; word < COUNTER_WORDS; word += 2)
    increase(to.words, target + COUNTERS_WORD + word, from.words, source + COUNTERS_WORD + word);
  increase(to.words, target + FLOWS_WORD, from.words, source + FLOWS_WORD);
  to.words[target + row.PRESENT_WORD] |= from.words[source + row.PRESENT_WORD] & COUNTED_FLAGS;
  const times = of * (row.ROW_SIZE / 8);
  const direction = from.bytes[of * row.ROW_SIZE + SUM_DIRECTION];
  widen(to, at, from.doubles[times + START_DOUBLE], from.doubles[times + END_DOUBLE], direction);
}

/** Takes times and direction of what is added. */
export function widen(sums: SumRows, at: number, start: number, end: number, direction: number): void {
  const { bytes, doubles } = sums;
  const times = at * (row.ROW_SIZE / 8);
  const place = at * row.ROW_SIZE + SUM_DIRECTION;
  if (isEmpty(sums, at)) {
    doubles[times + START_DOUBLE] = start;
    doubles[times + END_DOUBLE] = end;
    bytes[place] = direction;
    return;
  }
  if (start < doubles[times + START_DOUBLE]) doubles[times + START_DOUBLE] = start;
  if (end > doubles[times + END_DOUBLE]) doubles[times + END_DOUBLE] = end;
  if (bytes[place] !== direction) bytes[place] = ARBITRARY;
}

/** Whether two rows have the same key. */
export function sameKey(a: Uint32Array, from: number, b: Uint32Array, of: number): boolean {
  if (((a[from + row.PRESENT_WORD] ^ b[of + row.PRESENT_WORD]) & KEY_FLAGS) !== 0) return false;
  for (let i = 0; i < KEY_WORDS.length; i++) {
    const word = KEY_WORDS[i];
    if (a[from + word] !== b[of + word]) return false;
  }
  return true;
}

/** Of its key. */
export function hashKey(words: Uint32Array, from: number): number {
  let hash = words[from + row.PRESENT_WORD] & KEY_FLAGS;
  for (let i = 0; i < KEY_WORDS.length; i++) {
    hash = Math.imul(hash ^ words[from + KEY_WORDS[i]], 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0x2c1b3c6d);
  return (hash ^ (hash >>> 12)) >>> 0;
}

/** A copy of a row. */
export function copyRow(words: Uint32Array, from: number): SumRows {
  const copy = newSumRows(1);
  copy.words.set(words.subarray(from, from + row.ROW_WORDS));
  return copy;
}

/** Packets and octets of both directions. */
export function countsOf({ words }: SumRows, at = 0): { packets: number; octets: number } {
  const counter = (number: number): number => readNumber(words, at * row.ROW_WORDS + COUNTERS_WORD + number * 2);
  return { packets: counter(0) + counter(2), octets: counter(1) + counter(3) };
}

/** Key and key set as a text. */
export function keyText(words: Uint32Array, from: number): string {
  const key = new Uint32Array(KEY_WORDS.length + 2);
  KEY_WORDS.forEach((word, i) => (key[i] = words[from + word]));
  key[KEY_WORDS.length] = words[from + row.PRESENT_WORD] & KEY_FLAGS;
  key[KEY_WORDS.length + 1] = words[from + KEY_SET_WORD];
  return Buffer.from(key.buffer).toString('latin1');
}
