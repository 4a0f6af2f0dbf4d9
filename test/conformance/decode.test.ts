import assert from 'node:assert/strict';
import test from 'ava';
import * as fc from 'fast-check';
import { filterWords } from '../../src/row/filter.js';
import { ROW_SIZE } from '../../src/row/layout.generated.js';
import { backends, withoutNative } from '../helpers/backends.js';
import { seeded } from '../helpers/seed.js';
import { damagedStreams, filters, noise, repeatedStreams, type Stream, streams } from './netlink-arbitraries.js';
import { type Decoding, decoding } from './outcome.js';

/** The counts add up: what was consumed is a row, or is counted, or ended the dump. */
function assertSound({ answer }: Decoding, stream: Stream, capacity: number): void {
  if (typeof answer === 'string') assert.fail(answer);
  const counted = answer.rows + answer.filtered + answer.malformed + answer.ignored;
  assert.ok(answer.rows * ROW_SIZE <= capacity);
  assert.ok(answer.consumed <= stream.netlink.length);
  assert.equal(answer.consumed > 0, counted > 0 || answer.done || answer.error > 0);
}

for (const [title, arbitrary, readable] of [
  ['messages of a kernel', streams, 1000],
  ['messages of one shape after the other', repeatedStreams, 1000],
  ['damaged messages', damagedStreams, 100],
  ['noise', noise, 0],
] as const) {
  test(`decoding ${title}: identical rows and counts`, t => {
    if (withoutNative) t.log(`only the fallback: ${withoutNative}`);
    let rows = 0;
    const property = fc.property(
      arbitrary,
      filters,
      fc.integer({ min: 0, max: 20 * ROW_SIZE }),
      (stream, words, capacity) => {
        const [first, ...others] = backends().map(backend => decoding(backend, stream, words, capacity));
        assertSound(first, stream, capacity);
        for (const other of others) assert.deepEqual(other, first);
        rows += first.rows.length / ROW_SIZE;
      },
    );
    t.notThrows(() => fc.assert(property, { ...seeded(t), numRuns: 3000 }));
    t.true(rows >= readable, `${rows} rows`);
  });
}

test('decoding: the same error for a filter of another length', t => {
  for (const backend of backends()) {
    const stream = { littleEndian: true, netlink: new Uint8Array(0) };
    t.is(decoding(backend, stream, filterWords({}).subarray(1), ROW_SIZE).answer, 'CTFLOW_USAGE', backend.name);
  }
});

test('decoding: rows at any address', t => {
  const property = fc.property(streams, fc.integer({ min: 1, max: 3 }), (stream, shift) => {
    const [first, ...others] = backends().flatMap(backend => {
      const shifted = new Uint8Array(shift + 4 * ROW_SIZE).subarray(shift);
      const { rows } = backend.decode(stream.netlink, stream.littleEndian, filterWords({}), shifted);
      return [
        Buffer.from(shifted.subarray(0, rows * ROW_SIZE)),
        decoding(backend, stream, filterWords({}), 4 * ROW_SIZE).rows,
      ];
    });
    for (const other of others) assert.deepEqual(other, first);
  });
  t.notThrows(() => fc.assert(property, { ...seeded(t), numRuns: 300 }));
});
