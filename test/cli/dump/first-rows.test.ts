import test from 'ava';
import * as fc from 'fast-check';
import { FirstRows } from '../../../src/cli/dump/first-rows.js';
import { orderBy } from '../../../src/cli/dump/order.js';
import { ID_WORD, ROW_WORDS } from '../../../src/row/layout.generated.js';
import { rows } from '../../helpers/builders/rows.js';

const MOST = 5_000;

/** Names of the rows in their order. */
function idsOf(first: FirstRows): number[] {
  const { rows: batch, numbers } = first.sorted();
  return [...numbers].map(number => batch.u32[number * ROW_WORDS + ID_WORD]);
}

test('the first rows are those of a sort that keeps the order of equals', t => {
  const octets = fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined });
  fc.assert(
    fc.property(fc.array(octets, { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 70 }), (counts, limit) => {
      const batch = rows(
        ...counts.map((count, id) => ({ id, ...(count !== undefined && { counters: [1, count, 0, 0] as const }) })),
      );
      const first = new FirstRows(limit, orderBy('bytes'));
      for (let i = 0; i < counts.length; i++) first.add(batch, i);
      const expected = counts.map((_, id) => id).toSorted((a, b) => (counts[b] ?? -1) - (counts[a] ?? -1));
      t.deepEqual(idsOf(first), expected.slice(0, limit));
    }),
  );
});

test('no more rows are held than the limit, however many come', t => {
  const batch = rows(...Array.from({ length: 100 }, (_, i) => ({ id: i, timeout: i })));
  const first = new FirstRows(7, orderBy('timeout', true));
  for (let turn = 0; turn < MOST / 100; turn++) for (let i = 0; i < 100; i++) first.add(batch, i);
  t.is(first.count, 7);
  t.deepEqual(idsOf(first), Array(7).fill(99));
  const all = new FirstRows(MOST, orderBy('timeout'));
  for (let turn = 0; turn < MOST / 100; turn++) for (let i = 0; i < 100; i++) all.add(batch, i);
  t.is(all.count, MOST);
});
