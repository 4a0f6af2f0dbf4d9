import { seededRandom } from '../../workload/random.js';
import { median } from '../../results/statistics.js';
import { leastPairs, MOST_PRIMARY, ruleFor, Trial } from '../rule.js';
import { PRIMARY } from '../primary.js';
import { hodgesLehmann } from '../signed-rank.js';
import { percent } from '../../compare/units.js';
import { consecutiveRuns, resampledRuns, wilson, type Ratios, type Tally } from './replay.js';
import { PLANTED_SHARE, type Kind, type Recording } from './recording.js';

const THRESHOLD = 0.05;
const RESAMPLED = 1_000;
const SIMULATED = 2_000;
/** Of a run that is simulated, which takes the longest where rows are at the threshold. */
const SIMULATED_PAIRS = 90;

const WHAT: Record<Kind, string> = {
  quiet: 'alike',
  'beside-load': 'alike, beside busy processes',
  'slower-5': '5 % planted',
  'slower-10': '10 % planted',
};

/** How often the rule was wrong, in Markdown, from what was recorded. */
export function errorRates(recordings: readonly Recording[]): string {
  const recorded = table(
    ['recorded', 'pairs', 'time', 'other processes'],
    recordings.map(({ kind, pairs, began, ended, load }) => [
      WHAT[kind],
      String(pairs.length),
      `${began.slice(0, 16).replace('T', ' ')} to ${ended.slice(11, 16)} UTC`,
      load.toFixed(1),
    ]),
  );
  const rows = table(
    [
      'measured change of CPU time, and by how much half of the pairs sway',
      ...recordings.map(({ kind }) => WHAT[kind]),
    ],
    recordings[0].rows.map(row => [row, ...recordings.map(recording => changeAndSway(recording, row))]),
  );
  const rates = table(
    ['recorded', 'runs of the rule', 'worse', 'fine', 'undecided', 'slower by however little', 'pairs a run'],
    recordings.flatMap(recording => {
      const pairs = ratiosOf(recording);
      const alike = PLANTED_SHARE[recording.kind] === 0;
      const resampled = resampledRuns(pairs, THRESHOLD, RESAMPLED, seededRandom(1), alike);
      return [
        [WHAT[recording.kind], `one after another: `, consecutiveRuns(pairs, THRESHOLD)] as const,
        [WHAT[recording.kind], `of blocks drawn at random: `, resampled] as const,
      ].map(([what, how, tally]) => [what, `${how}${tally.runs}`, ...rateCells(tally)]);
    }),
  );
  return [recorded, rows, rates, simulated()].join('\n');
}

/** Rows at the threshold, where the rule errs most, under noise that has nothing of a normal distribution. */
function simulated(): string {
  const rows = [1, PRIMARY.length, MOST_PRIMARY];
  return table(
    ['simulated rows, all at the threshold', 'least pairs', `"worse" of ${SIMULATED}`, '"fine", one row, of as many'],
    rows.map(count => {
      let worse = 0;
      let fine = 0;
      const random = seededRandom(count);
      const rule = ruleFor(THRESHOLD, count, SIMULATED_PAIRS);
      for (let run = 0; run < SIMULATED; run++) {
        // each run has a sway of its own, each pair one of four times as much with probability 0.1
        const sway = random() * 0.3;
        const pairs = Array.from({ length: count }, () =>
          Array.from({ length: SIMULATED_PAIRS }, () => {
            const noise = (random() - random()) * sway * (random() < 0.1 ? 4 : 1);
            return rule.threshold + noise;
          }),
        );
        const trial = new Trial(rule);
        while (trial.next !== undefined && !trial.decided) trial.look(pairs.map(row => row.slice(0, trial.next)));
        if (trial.rows.some(({ verdict }) => verdict === 'worse')) worse++;
        if (trial.rows[0].verdict === 'fine') fine++;
      }
      return [String(count), String(leastPairs(count)), rate(worse, SIMULATED), rate(fine, SIMULATED)];
    }),
  );
}

function rateCells({ runs, verdicts, slower, pairs }: Tally): string[] {
  const rates = [verdicts.worse, verdicts.fine, verdicts.undecided, slower].map(count => rate(count, runs));
  return [...rates, runs === 0 ? '' : `${median(pairs)}, at most ${Math.max(...pairs)}`];
}

/** `3 %, 1 % to 6 %` */
function rate(count: number, of: number): string {
  if (of === 0) return '';
  const [low, high] = wilson(count, of);
  return `${count}: ${share(count / of)} (${share(low)} to ${share(high)})`;
}

function ratiosOf({ pairs }: Recording): Ratios[] {
  return pairs.map(({ cpu }) => cpu.map(([base, head]) => Math.log(head / base)));
}

/** `+5.1 % ± 1.2 %`: half of the pairs differ by less from the middle. Empty where the row was not recorded. */
function changeAndSway({ rows, pairs }: Recording, row: string): string {
  const at = rows.indexOf(row);
  if (at < 0) return '';
  const ratios = pairs.map(({ cpu }) => Math.log(cpu[at][1] / cpu[at][0]));
  const middle = median(ratios);
  const sway = median(ratios.map(ratio => Math.abs(ratio - middle)));
  return `${percent(Math.expm1(hodgesLehmann(ratios)))} ± ${share(sway)}`;
}

function share(value: number): string {
  return `${Number((value * 100).toFixed(1))} %`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return `${line(heads)}|${'---|'.repeat(heads.length)}\n${rows.map(line).join('')}`;
}
