import test from 'ava';
import { array, assert, integer, property } from 'fast-check';
import { leastP, Shift } from '../../../bench/compare/shift.js';
import { seeded } from '../../helpers/seed.js';

type Known = readonly [title: string, base: readonly number[], head: readonly number[], p: number];

// One-sided (greater), by scipy.stats.mannwhitneyu(head, base), exact.
const KNOWN: readonly Known[] = [
  ['three and three apart', [1, 2, 3], [4, 5, 6], 0.05],
  ['four and four apart', [1, 2, 3, 4], [5, 6, 7, 8], 1 / 70],
  ['mixed, of two sizes', [20, 11, 17, 12], [19, 22, 16, 29, 24], 0.05555555555555555],
  ['mixed', [3, 1, 4, 15, 9, 2.6], [5.3, 5.8, 9.7, 9.3, 2.3, 8.4], 0.24242424242424243],
];

for (const [title, base, head, p] of KNOWN) {
  test(`counted out: ${title}`, t => {
    const found = new Shift(base, head).pAbove(0);
    t.true(Math.abs(found - p) < 1e-12, `p is ${found}, not ${p}`);
  });
}

test('the least p that so many values can have', t => {
  t.is(leastP(1, 1), 0.5);
  t.true(Math.abs(leastP(3, 3) - 0.05) < 1e-12);
  t.true(Math.abs(leastP(5, 5) - 1 / 252) < 1e-12);
  t.is(leastP(0, 5), 1);
  t.true(leastP(60, 60) > 0 && leastP(60, 60) < 1e-30);
});

test('values that are all alike lie nowhere but where they are', t => {
  const shift = new Shift([5, 5, 5, 5], [5, 5, 5, 5]);
  t.is(shift.pAbove(0), 1);
  t.is(shift.pBelow(0), 1);
  t.is(shift.estimate, 0);
  t.is(shift.lower(0.05), 0);
  t.is(shift.upper(0.05), 0);
});

test('with too few values there is no bound', t => {
  const shift = new Shift([1, 2], [3, 4]);
  t.is(shift.estimate, 2);
  t.is(shift.lower(0.05), undefined);
  t.is(shift.upper(0.05), undefined);
});

test('bounds are where the test begins to pass, and lie about the estimate', t => {
  const values = array(integer({ min: -50, max: 50 }), { minLength: 3, maxLength: 9 });
  const EPSILON = 1e-9;
  assert(
    property(values, values, (base, head) => {
      const shift = new Shift(base, head);
      for (const level of [0.05, 0.2]) {
        const [low, high] = [shift.lower(level), shift.upper(level)];
        t.is(low === undefined, leastP(base.length, head.length) > level);
        if (low === undefined || high === undefined) continue;
        t.true(low <= shift.estimate && shift.estimate <= high);
        t.true(shift.pAbove(low - EPSILON) <= level && shift.pAbove(low) > level);
        t.true(shift.pBelow(high + EPSILON) <= level && shift.pBelow(high) > level);
      }
    }),
    { ...seeded(t), numRuns: 200 },
  );
});
