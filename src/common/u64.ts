import { endianness } from 'node:os';
import { TWO_32 } from './unsigned.js';

/** 64-bit numbers as two 32-bit words, low first: exact over the whole unsigned range, without allocation. */

/** Whether the number at `a` is smaller than the number at `b`; `at` counts words. */
export function lessThan(a: Uint32Array, at: number, b: Uint32Array, bt: number): boolean {
  return a[at + 1] < b[bt + 1] || (a[at + 1] === b[bt + 1] && a[at] < b[bt]);
}

/** `out = a - b` modulo 2^64; `out` may be `a` or `b`. */
export function subtract(a: Uint32Array, at: number, b: Uint32Array, bt: number, out: Uint32Array, ot: number): void {
  const borrow = a[at] < b[bt] ? 1 : 0;
  const high = a[at + 1] - b[bt + 1] - borrow;
  out[ot] = a[at] - b[bt];
  out[ot + 1] = high;
}

/** Whole milliseconds of a time in nanoseconds, exact. */
export function nanosecondsToMilliseconds(low: number, high: number): number {
  // 2^32 ns are 4294 ms and 967296 ns, so no product leaves the exact range of a double
  return high * 4294 + Math.floor((high * 967_296 + low) / 1_000_000);
}

/** Seconds from 1900, where NTP begins, to 1970. */
export const NTP_EPOCH = 2_208_988_800;

/** Writes milliseconds since 1970, and nanoseconds beyond them, as NTP's 64 bits: seconds since 1900, and their fraction. */
export function writeNtp(out: Uint32Array, at: number, milliseconds: number, nanoseconds = 0): void {
  const seconds = Math.floor(milliseconds / 1000);
  // 2^32 / 10^9 is 2^23 / 5^9, and no product leaves the exact range of a double
  const fraction = Math.floor((((milliseconds - seconds * 1000) * 1_000_000 + nanoseconds) * 8_388_608) / 1_953_125);
  out[at] = fraction;
  out[at + 1] = seconds + NTP_EPOCH;
}

/** What {@link nanosecondsToMilliseconds} leaves out: nanoseconds below a million. */
export function nanosecondsBeyond(low: number, high: number): number {
  const rest = high * 967_296 + low;
  // V8 calls a function of C for the remainder of two doubles
  return rest - Math.floor(rest / 1_000_000) * 1_000_000;
}

/** Writes a whole number of up to 2^53 as two words. */
export function writeNumber(out: Uint32Array, at: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  // exact, and much cheaper than a remainder
  out[at] = value - high * TWO_32;
  out[at + 1] = high;
}

/** Reads two words; exact up to 2^53. */
export function readNumber(words: Uint32Array, at: number): number {
  return words[at + 1] * TWO_32 + words[at];
}

/** Reads two words exactly; for display, not for hot paths. */
export function readBigInt(words: Uint32Array, at: number): bigint {
  return (BigInt(words[at + 1]) << 32n) | BigInt(words[at]);
}

/** The host stores the low byte of a number first. */
export const HOST_LITTLE_ENDIAN = endianness() === 'LE';

/** Adds `b` to `a`, modulo 2^64. */
export function increase(a: Uint32Array, at: number, b: Uint32Array, bt: number): void {
  const low = a[at] + b[bt];
  a[at] = low;
  a[at + 1] += b[bt + 1] + (low > 0xffff_ffff ? 1 : 0);
}
