import { identityOf } from '../compare/side.js';
import type { Result } from '../results/results.js';
import { median } from '../results/statistics.js';
import type { MeasuredPair, Outcome } from './pair.js';
import { SIDES, type AbPair, type Cost, type SideName } from './result.js';

/** What says which row it is. */
export type RowIdentity = Pick<Result, 'subject' | 'case' | 'backend' | 'family' | 'parameters' | 'items'>;

/** One row, and its costs on both sides, pair by pair. */
export class PairRow {
  readonly identity: RowIdentity;
  readonly pairs: AbPair[] = [];

  constructor({ subject, case: name, backend, family, parameters, items }: RowIdentity) {
    this.identity = { subject, case: name, backend, family, parameters, items };
  }

  /** Log ratios HEAD to BASE of the pairs that have it on both sides. */
  logRatios(what: 'cpu' | 'wall'): number[] {
    return this.pairs.flatMap(({ base, head }) => {
      const ratio = (head[what] ?? 0) / (base[what] ?? 0);
      return ratio > 0 && Number.isFinite(ratio) ? [Math.log(ratio)] : [];
    });
  }

  /** How often a side has no CPU time, and why, as one sentence; undefined where it always has. */
  lack(side: SideName): { times: number; sentence: string } | undefined {
    const lacking = this.pairs.filter(pair => pair[side].cpu === undefined);
    if (lacking.length === 0) return undefined;
    const name = side.toUpperCase();
    const why = lacking[0][side].void ?? 'its worker takes none';
    const times = lacking.length;
    return { times, sentence: `${name} has no CPU time in ${times} of ${this.pairs.length} pairs: ${why}` };
  }
}

/** The rows of all pairs, in the order in which they first came. */
export class PairRows {
  readonly #rows = new Map<string, PairRow>();

  get all(): readonly PairRow[] {
    return [...this.#rows.values()];
  }

  /** Adds what the processes of a pair answered, to every row that either of them has or once had. */
  add(subject: string, { at, first, base, head }: MeasuredPair): void {
    const results = { base: resultsOf(base), head: resultsOf(head) };
    for (const side of SIDES) {
      for (const [key, result] of results[side]) if (!this.#rows.has(key)) this.#rows.set(key, new PairRow(result));
    }
    for (const [key, row] of this.#rows) {
      if (row.identity.subject !== subject) continue;
      const cost = (side: SideName, outcome: Outcome): Cost =>
        'failed' in outcome ? { void: outcome.failed } : costOf(results[side].get(key));
      row.pairs.push({ at, first, base: cost('base', base), head: cost('head', head) });
    }
  }
}

function resultsOf(outcome: Outcome): Map<string, Result> {
  return new Map('failed' in outcome ? [] : outcome.results.map(result => [identityOf(result), result]));
}

function costOf(result: Result | undefined): Cost {
  if (!result) return { void: 'it does not measure this row' };
  const { samples, cpu, gc, extra } = result;
  if (samples.length === 0) {
    const why = extra['why'] ?? extra['void'];
    return { void: `not one valid sample${why === undefined ? '' : ` (${String(why)})`}` };
  }
  return {
    wall: median(samples),
    ...(cpu && cpu.length > 0 && { cpu: median(cpu) }),
    ...(gc !== undefined && { gc }),
  };
}
