import { MOST_PAIRS, ruleFor, Trial, type Judged, type Rule } from '../rule.js';
import type { Verdict } from '../result.js';
import { pAbove } from '../signed-rank.js';

/** Log ratios of one pair, for each primary row of bench:ab. */
export type Ratios = readonly number[];

/** How runs of the rule ended. */
export interface Tally {
  readonly runs: number;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** Runs in which a row's lower bound lay above no change at all: said to be slower, by however little. */
  readonly slower: number;
  /** Pairs that each run took. */
  readonly pairs: readonly number[];
}

interface Run {
  readonly rows: readonly Judged[];
  readonly pairs: number;
}

/** Pairs that stay together when they are drawn: neighbours have met the same load. */
const BLOCK = 10;

/** Runs the rule again and again, each time on pairs that no run before has used. One for which pairs lack is left out. */
export function consecutiveRuns(pairs: readonly Ratios[], threshold: number): Tally {
  const runs: Run[] = [];
  for (let from = 0; from < pairs.length;) {
    const left = pairs.slice(from);
    const run = runOnce(left, ruleFor(threshold, pairs[0].length));
    const decided = run.rows.every(({ verdict }) => verdict !== 'undecided');
    if (!decided && left.length < MOST_PAIRS) break;
    runs.push(run);
    from += run.pairs;
  }
  return tallyOf(runs);
}

/**
 * Runs the rule on blocks of pairs that are drawn at random, as often as wanted.
 * @param random from 0 to 1
 * @param relabel draws anew which process of a pair was BASE: right only where both were alike
 */
export function resampledRuns(
  pairs: readonly Ratios[],
  threshold: number,
  count: number,
  random: () => number,
  relabel: boolean,
): Tally {
  const rule = ruleFor(threshold, pairs[0].length);
  const runs = Array.from({ length: count }, () => {
    const drawn: Ratios[] = [];
    while (drawn.length < MOST_PAIRS) {
      const from = Math.floor(random() * pairs.length);
      for (let i = 0; i < BLOCK; i++) {
        const pair = pairs[(from + i) % pairs.length];
        drawn.push(relabel && random() < 0.5 ? pair.map(ratio => -ratio) : pair);
      }
    }
    return runOnce(drawn, rule);
  });
  return tallyOf(runs);
}

function runOnce(pairs: readonly Ratios[], rule: Rule): Run {
  const trial = new Trial(rule);
  let taken = 0;
  while (trial.next !== undefined && trial.next <= pairs.length && !trial.decided) {
    taken = trial.next;
    trial.look(pairs[0].map((_, row) => pairs.slice(0, taken).map(pair => pair[row])));
  }
  return { rows: trial.rows, pairs: taken };
}

function tallyOf(runs: readonly Run[]): Tally {
  const verdicts = { fine: 0, worse: 0, undecided: 0 };
  let slower = 0;
  for (const { rows } of runs) {
    const some = (wanted: Verdict): boolean => rows.some(({ verdict }) => verdict === wanted);
    verdicts[some('worse') ? 'worse' : some('undecided') ? 'undecided' : 'fine']++;
    if (rows.some(({ values, levels }) => pAbove(values, 0) <= levels.below)) slower++;
  }
  return { runs: runs.length, verdicts, slower, pairs: runs.map(({ pairs }) => pairs) };
}

/** Wilson's interval of 95 % of a share. */
export function wilson(count: number, of: number): [low: number, high: number] {
  if (of === 0) return [0, 1];
  const z = 1.959964;
  const share = count / of;
  const middle = (share + (z * z) / (2 * of)) / (1 + (z * z) / of);
  const half = (z / (1 + (z * z) / of)) * Math.sqrt((share * (1 - share)) / of + (z * z) / (4 * of * of));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}
