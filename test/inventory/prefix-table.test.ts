import test from 'ava';
import { type Arbitrary, array, assert, bigInt, constantFrom, integer, nat, oneof, property, tuple } from 'fast-check';
import { parsePrefix, prefix, type Prefix } from '../../src/common/prefix.js';
import { makeIntervals, makeRanges, NOTHING, PrefixTable } from '../../src/inventory/prefix-table.js';
import { seeded } from '../helpers/seed.js';

function tableOf(family: 4 | 6, prefixes: readonly Prefix[], values: readonly number[]): (address: bigint) => number {
  return finder(family, new PrefixTable(makeRanges(family, prefixes, values)));
}

function finder(family: 4 | 6, table: PrefixTable): (address: bigint) => number {
  const size = family === 4 ? 4 : 16;
  return address => {
    // not at the beginning of the bytes, as in a row
    const bytes = new Uint8Array(size + 3);
    for (let i = 0; i < size; i++) bytes[3 + i] = Number((address >> BigInt((size - 1 - i) * 8)) & 255n);
    return table.find(bytes, 3);
  };
}

/** What a table must say, by looking at every prefix. */
function longest(family: 4 | 6, prefixes: readonly Prefix[], values: readonly number[], address: bigint): number {
  let best = NOTHING;
  let length = -1;
  prefixes.forEach((one, i) => {
    const around = one.family === family && one.first <= address && address <= one.last;
    if (around && one.length >= length) {
      best = values[i];
      length = one.length;
    }
  });
  return best;
}

/** Addresses that are near to each other, so that prefixes lie within and beside each other. */
function addresses(family: 4 | 6): Arbitrary<bigint> {
  const top = (1n << (family === 4 ? 32n : 128n)) - 1n;
  return oneof(
    bigInt({ min: 0n, max: top }),
    bigInt({ min: 0n, max: 600n }),
    bigInt({ min: top - 600n, max: top }),
    constantFrom(
      ...(family === 4 ? [0x7fff_ffffn, 0x8000_0000n] : [(1n << 96n) - 1n, 1n << 96n, 1n << 64n, 1n << 32n]),
    ),
  );
}

for (const family of [4, 6] as const) {
  const bits = family === 4 ? 32 : 128;
  const prefixes = array(
    tuple(addresses(family), oneof(nat(bits), integer({ min: bits - 10, max: bits }))).map(([address, length]) =>
      prefix(family, address, length),
    ),
    { maxLength: 30 },
  );
  test(`property: a table of IPv${family} prefixes finds what a search of every prefix finds`, t => {
    assert(
      property(prefixes, array(addresses(family), { maxLength: 20 }), (some, others) => {
        const values = some.map((_, i) => i + 1);
        const find = tableOf(family, some, values);
        const top = (1n << BigInt(bits)) - 1n;
        const edges = some.flatMap(({ first, last }) => [first - 1n, first, last, last + 1n]);
        for (const address of [...others, ...edges, 0n, top]) {
          if (address < 0n || address > top) continue;
          t.is(find(address), longest(family, some, values, address), address.toString(16));
        }
      }),
      { ...seeded(t), numRuns: 400 },
    );
  });
}

for (const family of [4, 6] as const) {
  const top = (1n << (family === 4 ? 32n : 128n)) - 1n;
  const interval = tuple(addresses(family), addresses(family)).map(([a, b]) => ({
    family,
    first: a < b ? a : b,
    last: a < b ? b : a,
  }));
  test(`property: a table of IPv${family} intervals has the addresses in one of them`, t => {
    assert(
      property(array(interval, { maxLength: 8 }), array(addresses(family), { maxLength: 20 }), (some, others) => {
        const table = makeIntervals(family, some);
        const find = finder(family, new PrefixTable(table));
        const edges = some.flatMap(({ first, last }) => [first - 1n, first, last, last + 1n]);
        for (const address of [...others, ...edges, 0n, top]) {
          if (address < 0n || address > top) continue;
          const inside = some.some(({ first, last }) => first <= address && address <= last);
          t.is(find(address), Number(inside), address.toString(16));
        }
        t.is(new PrefixTable(table).empty, some.length === 0);
        t.true(new PrefixTable(makeIntervals(family === 4 ? 6 : 4, some)).empty);
      }),
      { ...seeded(t), numRuns: 200 },
    );
  });
}

test('an empty table, and one of the other family, find nothing', t => {
  t.is(tableOf(4, [], [])(0n), NOTHING);
  t.is(tableOf(4, [parsePrefix('::/0')!], [1])(0n), NOTHING);
});
