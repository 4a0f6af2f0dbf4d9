import test from 'ava';
import { fitLine, median, spread } from '../../../bench/results/statistics.js';

test('median: the middle, or between the two in the middle', t => {
  t.is(median([3, 1, 2]), 2);
  t.is(median([4, 1, 3, 2]), 2.5);
  t.is(median([]), Number.NaN);
});

test('spread: half of the middle half against the median', t => {
  t.is(spread([5, 5, 5]), 0);
  t.is(spread([8, 9, 10, 11, 12]), 0.1);
});

test('a line through points: slope, intercept and how well it fits', t => {
  t.deepEqual(
    fitLine([
      [0, 10],
      [1, 12],
      [2, 14],
    ]),
    { slope: 2, intercept: 10, fit: 1 },
  );
  const { fit } = fitLine([
    [1, 1],
    [2, 5],
    [3, 1],
  ]);
  t.is(fit, 0);
  const flat = fitLine([
    [1, 5],
    [2, 5],
  ]);
  t.deepEqual(flat, { slope: 0, intercept: 5, fit: 1 });
});
