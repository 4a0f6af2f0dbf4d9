import test from 'ava';
import { array, assert, integer, property } from 'fast-check';
import { rankTest } from '../../../bench/compare/rank-test.js';

type Known = readonly [title: string, a: readonly number[], b: readonly number[], u: number, p: number];

// Two-sided, by scipy.stats.mannwhitneyu, exact and asymptotic; with ties as many of the 126 ways as lie as far out.
const COUNTED: readonly Known[] = [
  ['three and three apart', [1, 2, 3], [4, 5, 6], 0, 0.1],
  ['four and four apart', [1, 2, 3, 4], [5, 6, 7, 8], 0, 0.02857142857142857],
  ['mixed, of two sizes', [19, 22, 16, 29, 24], [20, 11, 17, 12], 17, 0.1111111111111111],
  ['mixed', [3, 1, 4, 15, 9, 2.6], [5.3, 5.8, 9.7, 9.3, 2.3, 8.4], 13, 0.48484848484848486],
  ['ties', [1, 2, 2, 3], [2, 3, 4, 4, 5], 2.5, 11 / 126],
];
const APPROXIMATED: readonly Known[] = [
  [
    'no ties',
    series(40, i => ((i * 37) % 101) / 7),
    series(45, i => ((i * 53) % 97) / 7 + 1.5),
    796,
    0.3621548738412732,
  ],
  ['ties', series(40, i => i % 5), series(45, i => i % 6), 784, 0.3014702097448788],
];

function series(length: number, value: (i: number) => number): number[] {
  return Array.from({ length }, (_, i) => value(i));
}

for (const [known, exactness, kind] of [
  [COUNTED, 1e-12, 'counted out'],
  [APPROXIMATED, 1e-6, 'approximated'],
] as const) {
  for (const [title, a, b, u, p] of known) {
    test(`${kind}: ${title}`, t => {
      const found = rankTest(a, b);
      t.is(found.u, u);
      t.true(Math.abs(found.p - p) < exactness, `p is ${found.p}, not ${p}`);
    });
  }
}

test('without samples or without differences nothing is significant', t => {
  t.is(rankTest([], [1, 2]).p, 1);
  t.is(rankTest([5, 5, 5], [5, 5, 5, 5]).p, 1);
  const same = series(50, () => 7);
  t.is(rankTest(same, same).p, 1);
});

test('p is a probability and the same both ways', t => {
  const samples = array(integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 40 });
  assert(
    property(samples, samples, (a, b) => {
      const one = rankTest(a, b);
      const other = rankTest(b, a);
      t.true(one.p > 0 && one.p <= 1);
      t.true(Math.abs(one.p - other.p) < 1e-9);
      t.is(one.u + other.u, a.length * b.length);
    }),
    { numRuns: 200 },
  );
});
