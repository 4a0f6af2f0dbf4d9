import type { Job } from '../run/job.js';
import { machineSpeed } from './machine-speed.js';
import type { MeasuredPair } from './pair.js';
import { PairRows, type PairRow } from './pair-rows.js';
import { JUDGED_BY, sameName } from './primary.js';
import { SIDES, type AbRow, type AbRun, type Change, type Drift, type Verdict } from './result.js';
import { intervalOf, Trial, type Judged, type Rule } from './rule.js';
import { isOurs, type Result } from '../results/results.js';

export interface Session {
  readonly jobs: readonly Job[];
  readonly primary: readonly Pick<Result, 'subject' | 'case' | 'backend'>[];
  readonly rule: Rule;
  /** Milliseconds it may take. */
  readonly time: number;
  measure(job: Job): Promise<MeasuredPair>;
  /** Told after each round. */
  progress?(round: number, trial: Trial): void;
}

/** A row may lack a side in so many pairs, or in this share of them, before it is given up. */
const MOST_LACKING = 2;
const MOST_LACKING_SHARE = 0.1;
/** Of intervals that decide nothing: of 95 %, as if there were one look. */
const SHOWN = { below: 0.025, above: 0.025 };

/** Measures pairs of processes in rounds until every primary row is decided, or the time or the most pairs are over. */
export async function runSession(
  session: Session,
): Promise<Pick<AbRun, 'verdict' | 'end' | 'rows' | 'problems' | 'drift'>> {
  const { jobs, primary, rule, time, measure, progress } = session;
  const deadline = Date.now() + time;
  const rows = new PairRows();
  const drift: Drift[] = [];
  const trial = new Trial(rule);
  const named = (i: number): PairRow[] => rows.all.filter(({ identity }) => sameName(primary[i], identity));
  const open = (i: number): boolean => trial.rows[i].verdict === 'undecided' && whyNot(named(i)) === undefined;
  const logs = (): number[][] => primary.map((_, i) => (open(i) ? named(i)[0].logRatios(JUDGED_BY) : []));
  let end: AbRun['end'] = 'decided';
  for (let round = 1; ; round++) {
    const began = Date.now();
    drift.push(machineSpeed());
    for (const job of jobs) {
      const wanted = primary.some((name, i) => name.subject === job.subject && (round === 1 || open(i)));
      if (wanted) rows.add(job.subject, await measure(job));
    }
    if (round === trial.next) trial.look(logs());
    progress?.(round, trial);
    if (!primary.some((_, i) => open(i))) break;
    const now = Date.now();
    const over = now + (now - began) > deadline;
    if (!over && trial.next !== undefined) continue;
    end = trial.next === undefined ? 'pairs' : 'time';
    trial.look(logs(), true);
    break;
  }
  return { end, drift, ...summary(session, rows, trial) };
}

/** Why a primary row cannot be judged; undefined where it can. @param rows of its name */
function whyNot(rows: readonly PairRow[]): string | undefined {
  if (rows.length === 0) return 'neither side measures it';
  if (rows.length > 1) return 'it was measured with different parameters';
  const [row] = rows;
  for (const side of SIDES) {
    const lack = row.lack(side);
    if (lack && lack.times > Math.max(MOST_LACKING, row.pairs.length * MOST_LACKING_SHARE)) return lack.sentence;
  }
  return undefined;
}

function summary({ primary }: Session, rows: PairRows, trial: Trial): Pick<AbRun, 'verdict' | 'rows' | 'problems'> {
  const problems: string[] = [];
  const judged = primary.flatMap((name, i): AbRow[] => {
    const found = rows.all.filter(({ identity }) => sameName(name, identity));
    const why = whyNot(found);
    if (why !== undefined) problems.push(`${titleOf(name)}: ${why}.`);
    const judgement = why === undefined ? trial.rows[i] : undefined;
    return found.map(row => abRow(row, true, judgement, why));
  });
  const others = rows.all.filter(({ identity }) => !primary.some(name => sameName(name, identity)));
  for (const row of others.filter(({ identity }) => isOurs(identity))) {
    for (const side of SIDES) {
      const lack = row.lack(side);
      if (lack?.times === row.pairs.length) problems.push(`${titleOf(row.identity)}: ${lack.sentence}.`);
    }
  }
  const verdicts = primary.map((_, i) => trial.rows[i].verdict);
  return {
    verdict: together(verdicts, problems),
    rows: [...judged, ...others.map(row => abRow(row, false, undefined, undefined))],
    problems,
  };
}

function together(verdicts: readonly Verdict[], problems: readonly string[]): Verdict {
  if (verdicts.includes('worse')) return 'worse';
  return problems.length === 0 && verdicts.every(verdict => verdict === 'fine') ? 'fine' : 'undecided';
}

function abRow(row: PairRow, primary: boolean, judged: Judged | undefined, why: string | undefined): AbRow {
  const cpu = judged ? changeOf(judged) : changeOf({ values: row.logRatios('cpu'), levels: SHOWN });
  const wall = changeOf({ values: row.logRatios('wall'), levels: SHOWN });
  return {
    ...row.identity,
    primary,
    judgedBy: JUDGED_BY,
    pairs: row.pairs,
    ...(cpu && { cpu }),
    ...(wall && { wall }),
    ...(primary && { verdict: judged?.verdict ?? 'undecided' }),
    ...(judged && { p: judged.p }),
    ...(why !== undefined && { why }),
  };
}

function changeOf(judged: Pick<Judged, 'values' | 'levels'>): Change | undefined {
  if (judged.values.length === 0) return undefined;
  const { estimate, low, high } = intervalOf(judged);
  return {
    estimate: Math.expm1(estimate),
    low: low === undefined ? null : Math.expm1(low),
    high: high === undefined ? null : Math.expm1(high),
    pairs: judged.values.length,
  };
}

/** `decode native` */
export function titleOf({ subject, case: name, backend }: Pick<Result, 'subject' | 'case' | 'backend'>): string {
  return [...new Set([subject, name]), ...(backend === 'both' ? [] : [backend])].join(' ');
}
