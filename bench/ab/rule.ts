import type { Verdict } from './result.js';
import { hodgesLehmann, lowerBound, pAbove, pBelow, upperBound } from './signed-rank.js';

/**
 * The rule by which a comparison stops. It looks at the pairs a few times only, and each look has its share of ALPHA: whatever
 * the looks and the rows have to do with each other, all shares together are the most that errors can reach.
 *
 * - Worse: at a look, Holm's test over all primary rows says that a row's log ratio lies above the threshold.
 * - Fine: at a look, the row's upper bound lies below the threshold. All rows must be, so that needs no correction.
 * - Else more pairs are taken. Where time or pairs are over, the last look has what is left of ALPHA.
 */
export const ALPHA = 0.05;
export const LOOKS: readonly number[] = [12, 18, 27, 40, 60, 90, 135, 200, 300];
export const MOST_PAIRS = LOOKS[LOOKS.length - 1];
export const MOST_PRIMARY = 8;

export interface Rule {
  /** On log ratios. */
  readonly threshold: number;
  readonly looks: readonly number[];
  /** Primary rows. */
  readonly rows: number;
}

/** What is known of a row. */
export interface Judged {
  readonly verdict: Verdict;
  readonly p: number;
  /** The log ratios that were looked at last. */
  readonly values: readonly number[];
  /** What the bounds were held to then. */
  readonly levels: { readonly below: number; readonly above: number };
}

/** On log ratios. Bounds are undefined where there are too few pairs for them. */
export interface Interval {
  readonly estimate: number;
  readonly low: number | undefined;
  readonly high: number | undefined;
}

/** @param most pairs */
export function ruleFor(threshold: number, rows: number, most = MOST_PAIRS): Rule {
  const looks = [...LOOKS.filter(look => look < most), most];
  return { threshold: Math.log1p(threshold), looks, rows };
}

/** So few pairs can just decide: with all of them above the threshold, Holm's first step is passed. */
export function leastPairs(rows: number): number {
  for (let pairs = 1; ; pairs++) if (0.5 ** pairs <= levelOf(ruleFor(0, rows, pairs), 1) / rows) return pairs;
}

/** @param looks how many looks' shares this one has */
export function levelOf(rule: Rule, looks: number): number {
  return (ALPHA * looks) / rule.looks.length;
}

/** A run of the rule over pairs that come in one after another. */
export class Trial {
  readonly #rule: Rule;
  #looks = 0;
  #judged: readonly Judged[];

  constructor(rule: Rule) {
    this.#rule = rule;
    const none: Judged = { verdict: 'undecided', p: 1, values: [], levels: { below: 0, above: 0 } };
    this.#judged = Array.from({ length: rule.rows }, () => none);
  }

  get rows(): readonly Judged[] {
    return this.#judged;
  }

  /** The pairs after which is looked next; undefined where that was the last. */
  get next(): number | undefined {
    return this.#rule.looks[this.#looks];
  }

  get decided(): boolean {
    return this.#judged.every(({ verdict }) => verdict !== 'undecided');
  }

  /**
   * Looks at the log ratios of each row. Rows that are decided stay so.
   * @param last with all that is left of ALPHA; there is no look after it
   */
  look(rows: readonly (readonly number[])[], last = false): void {
    if (this.next === undefined) return;
    const { threshold, looks } = this.#rule;
    const level = levelOf(this.#rule, last ? looks.length - this.#looks : 1);
    this.#looks = last ? looks.length : this.#looks + 1;
    const p = rows.map((values, i) =>
      this.#judged[i].verdict === 'undecided' ? pAbove(values, threshold) : this.#judged[i].p,
    );
    const levels = holm(p, level);
    this.#judged = rows.map((values, i) => {
      if (this.#judged[i].verdict !== 'undecided') return this.#judged[i];
      const verdict = p[i] <= levels[i] ? 'worse' : pBelow(values, threshold) <= level ? 'fine' : 'undecided';
      return { verdict, p: p[i], values, levels: { below: levels[i], above: level } };
    });
  }
}

/** Bounds of log ratios, each at its own level, and the estimate between them. */
export function intervalOf({ values, levels: { below, above } }: Pick<Judged, 'values' | 'levels'>): Interval {
  return { estimate: hodgesLehmann(values), low: lowerBound(values, below), high: upperBound(values, above) };
}

/**
 * Holm's steps: the least p is held to level / rows, the next to level / (rows - 1), and so on; from the first that does not
 * pass, all are held to what that one was.
 * @returns the level of each
 */
export function holm(p: readonly number[], level: number): number[] {
  const levels = p.map(() => level);
  let held: number | undefined;
  const order = p.map((_, i) => i).sort((a, b) => p[a] - p[b]);
  for (const [step, i] of order.entries()) {
    levels[i] = held ?? level / (p.length - step);
    if (p[i] > levels[i]) held ??= levels[i];
  }
  return levels;
}
