import test from 'ava';
import * as fc from 'fast-check';
import {
  lessThan,
  nanosecondsToMilliseconds,
  readBigInt,
  readNumber,
  nanosecondsBeyond,
  subtract,
  writeNtp,
  writeNumber,
} from '../../src/common/u64.js';
import { seeded } from '../helpers/seed.js';

const U64 = 1n << 64n;
const u64 = fc.oneof(
  fc.bigInt({ min: 0n, max: U64 - 1n }),
  fc.constantFrom(0n, 1n, (1n << 32n) - 1n, 1n << 32n, (1n << 53n) + 1n, 1n << 63n, U64 - 1n),
);

function words(...values: bigint[]): Uint32Array {
  return Uint32Array.from(values.flatMap(value => [Number(value & 0xffff_ffffn), Number(value >> 32n)]));
}

test('lessThan compares as unsigned 64-bit numbers', t => {
  fc.assert(
    fc.property(u64, u64, (a, b) => lessThan(words(a), 0, words(b), 0) === a < b),
    seeded(t),
  );
  t.false(lessThan(words(5n), 0, words(5n), 0));
});

test('subtract is exact modulo 2^64, also in place', t => {
  fc.assert(
    fc.property(u64, u64, (a, b) => {
      const pair = words(a, b);
      const out = new Uint32Array(2);
      subtract(pair, 0, pair, 2, out, 0);
      const expected = (a - b + U64) % U64;
      const intoFirst = pair.slice();
      subtract(intoFirst, 0, intoFirst, 2, intoFirst, 0);
      const intoSecond = pair.slice();
      subtract(intoSecond, 0, intoSecond, 2, intoSecond, 2);
      return [readBigInt(out, 0), readBigInt(intoFirst, 0), readBigInt(intoSecond, 2)].every(r => r === expected);
    }),
    seeded(t),
  );
  const out = new Uint32Array(2);
  subtract(words(3n), 0, words(5n), 0, out, 0);
  t.is(readBigInt(out, 0), U64 - 2n);
});

test('nanoseconds to milliseconds is exact over the whole unsigned range', t => {
  const around = fc
    .tuple(fc.bigInt({ min: 0n, max: U64 / 1_000_000n - 1n }), fc.constantFrom(-1n, 0n, 1n, 999_999n))
    .map(([milliseconds, more]) => milliseconds * 1_000_000n + more)
    .filter(value => value >= 0n);
  fc.assert(
    fc.property(fc.oneof(u64, around), value => {
      const [low, high] = words(value);
      return nanosecondsToMilliseconds(low, high) === Number(value / 1_000_000n);
    }),
    { ...seeded(t), numRuns: 2000 },
  );
  t.is(
    nanosecondsToMilliseconds(...(words(1_700_000_000_123_999_999n) as unknown as [number, number])),
    1_700_000_000_123,
  );
});

test('numbers up to 2^53 come back as they were written', t => {
  fc.assert(
    fc.property(fc.maxSafeNat(), value => {
      const out = new Uint32Array(4);
      writeNumber(out, 2, value);
      return readNumber(out, 2) === value && readBigInt(out, 2) === BigInt(value);
    }),
    seeded(t),
  );
  const out = new Uint32Array(2);
  writeNumber(out, 0, 2 ** 32);
  t.deepEqual([...out], [0, 1]);
});

test('nanoseconds since 1970 become the 64 bits of NTP, to the last bit', t => {
  const from1970 = fc.bigInt({ min: 0n, max: 6_000_000_000_000_000_000n });
  fc.assert(
    fc.property(fc.oneof(from1970, fc.constantFrom(0n, 999_999_999n, 1_795_777_928_999_999_999n)), nanoseconds => {
      const [low, high] = words(nanoseconds);
      const out = new Uint32Array(2);
      writeNtp(out, 0, nanosecondsToMilliseconds(low, high), nanosecondsBeyond(low, high));
      const seconds = nanoseconds / 1_000_000_000n + 2_208_988_800n;
      const fraction = ((nanoseconds % 1_000_000_000n) << 32n) / 1_000_000_000n;
      return readBigInt(out, 0) === (((seconds & 0xffff_ffffn) << 32n) | fraction);
    }),
    seeded(t),
  );
  t.pass();
});
