import test from 'ava';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { consecutiveRuns, resampledRuns, wilson } from '../../../bench/ab/error-rates/replay.js';
import { KINDS, PLANTED_SHARE, readRecordings, RECORDINGS } from '../../../bench/ab/error-rates/recording.js';
import { errorRates } from '../../../bench/ab/error-rates/tables.js';
import { PRIMARY } from '../../../bench/ab/primary.js';
import { titleOf } from '../../../bench/ab/session.js';
import { ROOT } from '../../../bench/host/machine.js';
import { seededRandom } from '../../../bench/workload/random.js';

/** So many pairs of one row around a log ratio. */
function pairsAround(middle: number, count: number): number[][] {
  const random = seededRandom(9);
  return Array.from({ length: count }, () => [middle + (random() - random()) * 0.02]);
}

test('runs one after another use each pair once, and one for which pairs lack is left out', t => {
  const tally = consecutiveRuns(pairsAround(0, 40), 0.05);
  t.deepEqual(tally.pairs, [12, 12, 12]);
  t.deepEqual(tally.verdicts, { fine: 3, worse: 0, undecided: 0 });
});

test('what was planted is found, and not relabelled away', t => {
  const slower = pairsAround(Math.log(1.2), 60);
  t.is(resampledRuns(slower, 0.05, 20, seededRandom(1), false).verdicts.worse, 20);
  t.is(resampledRuns(slower, 0.05, 20, seededRandom(1), true).verdicts.worse, 0);
});

test('each recording has all primary rows in each pair', t => {
  const recordings = readRecordings(RECORDINGS);
  t.deepEqual(
    recordings.map(({ kind }) => kind),
    [...KINDS],
  );
  for (const { rows, pairs } of recordings) {
    t.deepEqual([...rows].sort(), PRIMARY.map(titleOf).sort());
    t.true(pairs.every(({ first, cpu, wall }) => [first, cpu, wall].every(all => all.length === rows.length)));
  }
});

test("Wilson's interval of a share", t => {
  const rounded = (count: number, of: number): number[] => wilson(count, of).map(value => Number(value.toFixed(4)));
  // R: binom::binom.wilson(c(0, 8, 5), c(45, 10, 200))
  t.deepEqual(rounded(0, 45), [0, 0.0787]);
  t.deepEqual(rounded(8, 10), [0.4902, 0.9433]);
  t.deepEqual(rounded(5, 200), [0.0107, 0.0572]);
  t.deepEqual(wilson(0, 0), [0, 1]);
});

test('the page has what the recordings give', t => {
  const tables = errorRates(readRecordings(RECORDINGS));
  t.true(readFileSync(join(ROOT, 'docs/benchmarks-method.md'), 'utf8').includes(tables));
});

test('of the recorded pairs that are alike none were called worse', t => {
  const alike = readRecordings(RECORDINGS).filter(({ kind }) => PLANTED_SHARE[kind] === 0);
  t.true(alike.length > 0);
  for (const { pairs } of alike) {
    const ratios = pairs.map(({ cpu }) => cpu.map(([base, head]) => Math.log(head / base)));
    t.is(consecutiveRuns(ratios, 0.05).verdicts.worse, 0);
  }
});
