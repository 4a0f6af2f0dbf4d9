import test from 'ava';
import {
  ALPHA,
  holm,
  intervalOf,
  leastPairs,
  LOOKS,
  MOST_PRIMARY,
  ruleFor,
  Trial,
  type Rule,
} from '../../../bench/ab/rule.js';
import { PRIMARY } from '../../../bench/ab/primary.js';
import { seededRandom } from '../../../bench/workload/random.js';

const RULE = ruleFor(0.05, 1);

/** Runs the rule over log ratios of one row. @returns its verdict and the pairs that it took */
function run(rule: Rule, values: readonly number[]): [string, number] {
  const trial = new Trial(rule);
  while (trial.next !== undefined && !trial.decided) trial.look([values.slice(0, trial.next)]);
  return [trial.rows[0].verdict, trial.rows[0].values.length];
}

/** `count` values around `middle`, the same ones for the same seed. */
function around(middle: number, spread: number, seed: number, count = LOOKS[LOOKS.length - 1]): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => middle + spread * (random() + random() + random() - 1.5));
}

test('at most eight rows decide', t => {
  t.true(PRIMARY.length > 0 && PRIMARY.length <= MOST_PRIMARY);
});

test('what does not differ is fine, what is slower is worse, both early where pairs agree', t => {
  t.deepEqual(run(RULE, around(0, 0.01, 1)), ['fine', 12]);
  t.deepEqual(run(RULE, around(Math.log(1.2), 0.01, 1)), ['worse', 12]);
  t.deepEqual(run(RULE, around(Math.log(0.5), 0.01, 1)), ['fine', 12]);
});

test('what differs by just the threshold stays undecided to the last pair', t => {
  t.deepEqual(run(RULE, around(Math.log(1.05), 0.3, 2)), ['undecided', 300]);
});

test('pairs that sway take more pairs', t => {
  const [verdict, pairs] = run(RULE, around(0, 0.2, 3));
  t.is(verdict, 'fine');
  t.true(pairs > 12, `${pairs} pairs`);
});

test('the least pairs that it names are enough, and one less is not', t => {
  for (let rows = 1; rows <= MOST_PRIMARY; rows++) {
    const least = leastPairs(rows);
    for (const pairs of [least - 1, least]) {
      const trial = new Trial(ruleFor(0.05, rows, pairs));
      trial.look(Array.from({ length: rows }, () => Array.from({ length: pairs }, (_, i) => 1 + i / 100)));
      t.is(trial.rows[0].verdict, pairs === least ? 'worse' : 'undecided', `${rows} rows, ${pairs} pairs`);
    }
  }
});

test("Holm's steps: each p is held to its share, and all after the first that does not pass to that one's", t => {
  t.deepEqual(holm([0.001, 0.04, 0.012, 0.9], 0.05), [0.0125, 0.025, 0.05 / 3, 0.025]);
});

test('one of several rows that is worse is named, and the others are not', t => {
  const trial = new Trial(ruleFor(0.05, 3));
  trial.look([0, Math.log(1.2), 0].map((middle, i) => around(middle, 0.01, i, 12)));
  t.deepEqual(
    trial.rows.map(({ verdict }) => verdict),
    ['fine', 'worse', 'fine'],
  );
});

test('a row without pairs is never decided', t => {
  const trial = new Trial(ruleFor(0.05, 2));
  while (trial.next !== undefined) trial.look([[], around(0, 0.01, 1, trial.next)]);
  t.deepEqual(
    trial.rows.map(({ verdict }) => verdict),
    ['undecided', 'fine'],
  );
});

test('the last look has what is left of alpha, and there is none after it', t => {
  const pairs = around(0.025, 0.15, 7, 12); // too little for one share of alpha
  const [early, last] = [new Trial(RULE), new Trial(RULE)];
  early.look([pairs]);
  last.look([pairs], true);
  t.is(last.next, undefined);
  const [before, after] = [early, last].map(({ rows }) => intervalOf(rows[0]));
  t.true(after.high! < before.high!);
  t.true(after.low! > before.low!);
});

test('errors counted by simulation stay below alpha', t => {
  const runs = 400;
  const rows = PRIMARY.length;
  const rule = ruleFor(0.05, rows, 60);
  let wrongWorse = 0;
  let wrongFine = 0;
  for (let seed = 0; seed < runs; seed++) {
    const random = seededRandom(seed);
    // worst for the first error: every row at the threshold; for the second: one of them
    const atThreshold = Array.from({ length: rows }, (_, i) =>
      around(rule.threshold, 0.4 * random(), seed * 10 + i, 60),
    );
    const trial = new Trial(rule);
    while (trial.next !== undefined && !trial.decided) trial.look(atThreshold.map(row => row.slice(0, trial.next)));
    if (trial.rows.some(({ verdict }) => verdict === 'worse')) wrongWorse++;
    if (trial.rows[0].verdict === 'fine') wrongFine++;
  }
  // three standard deviations above alpha
  const most = runs * ALPHA + 3 * Math.sqrt(runs * ALPHA * (1 - ALPHA));
  t.true(wrongWorse <= most, `worse: ${wrongWorse} of ${runs}`);
  t.true(wrongFine <= most, `fine: ${wrongFine} of ${runs}`);
  t.log(`said worse: ${wrongWorse}, said fine: ${wrongFine}, of ${runs}`);
});
