import test from 'ava';
import { hodgesLehmann, lowerBound, pAbove, pBelow, upperBound } from '../../../bench/ab/signed-rank.js';
import { seededRandom } from '../../../bench/workload/random.js';

/** The test's own definition: of all ways to put signs before the distances, the share whose ranks sum as high. */
function byAllSigns(values: readonly number[], theta: number): number {
  const distances = values.map(value => value - theta);
  const order = distances.map((_, i) => i).sort((a, b) => Math.abs(distances[a]) - Math.abs(distances[b]));
  const sumOf = (isAbove: (i: number) => boolean): number =>
    order.reduce((sum, i, rank) => sum + (isAbove(i) ? rank + 1 : 0), 0);
  const seen = sumOf(i => distances[i] > 0);
  let asHigh = 0;
  for (let signs = 0; signs < 2 ** values.length; signs++) if (sumOf(i => ((signs >> i) & 1) === 1) >= seen) asHigh++;
  return asHigh / 2 ** values.length;
}

const random = seededRandom(1);
const sets = Array.from({ length: 30 }, (_, i) => Array.from({ length: 1 + (i % 10) }, () => random() - 0.4));

test('p is the share of all signs that put the values as far above', t => {
  for (const values of sets) {
    for (const theta of [-0.2, 0, 0.1]) {
      t.true(Math.abs(pAbove(values, theta) - byAllSigns(values, theta)) < 1e-12);
      const turned = values.map(value => -value);
      t.true(Math.abs(pBelow(values, theta) - byAllSigns(turned, -theta)) < 1e-12);
    }
  }
});

test('a bound is where the test turns', t => {
  for (const values of sets) {
    for (const level of [0.05, 0.2]) {
      const low = lowerBound(values, level);
      const high = upperBound(values, level);
      t.is(low === undefined, 0.5 ** values.length > level);
      if (low === undefined || high === undefined) continue;
      t.true(pAbove(values, low - 1e-9) <= level && pAbove(values, low) > level);
      t.true(pBelow(values, high + 1e-9) <= level && pBelow(values, high) > level);
      t.true(low <= hodgesLehmann(values) && hodgesLehmann(values) <= high);
    }
  }
});

test('values that are all alike are as far above as values can be', t => {
  t.is(pAbove([2, 2, 2, 2, 2], 0), 1 / 32);
  t.is(hodgesLehmann([2, 2, 2]), 2);
  t.is(pAbove([], 0), 1);
  t.is(lowerBound([], 0.05), undefined);
});
