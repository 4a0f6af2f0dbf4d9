import { readFileSync, writeFileSync } from 'node:fs';
import type { Machine, MeasuredBackend, MeasuredFamily, Parameters } from '../results/results.js';

/** Raised when a reader of the old form would misread the new one. */
export const AB_VERSION = 1;

export const SIDES = ['base', 'head'] as const;
export type SideName = (typeof SIDES)[number];

/** What was found. `fine`: worse by less than the threshold, or not at all. `undecided` is no pass. */
export type Verdict = 'fine' | 'worse' | 'undecided';

/** One comparison of two commits: `npm run bench:ab -- BASE HEAD --out FILE`. */
export interface AbRun {
  readonly version: typeof AB_VERSION;
  readonly base: Checkout;
  readonly head: Checkout;
  /** ISO 8601, UTC: before the first pair, and after the last. */
  readonly began: string;
  readonly ended: string;
  readonly machine: Machine;
  readonly rule: RuleSummary;
  /** Of all primary rows together: worse where one is worse, fine where all are. */
  readonly verdict: Verdict;
  /** Why it ended: every primary row is decided or cannot be, or the time or the most pairs are over. */
  readonly end: 'decided' | 'time' | 'pairs';
  /** Primary rows first. */
  readonly rows: readonly AbRow[];
  /** Sentences: what a side lacks, which processes failed. */
  readonly problems: readonly string[];
  /** One fixed piece of work, done before each pair of processes: how fast the machine was. */
  readonly drift: readonly Drift[];
}

export interface Checkout {
  /** As it was asked for: `main`, `HEAD~1`. */
  readonly name: string;
  readonly commit: string;
}

/** By what a run was judged. */
export interface RuleSummary {
  /** 0.05: 5 %. */
  readonly threshold: number;
  /** How often at most a run may call something worse that is not, and call something fine that is worse. */
  readonly alpha: number;
  /** Numbers of pairs after which it was looked at. */
  readonly looks: readonly number[];
  /** Rows that Holm held together. */
  readonly primary: number;
  /** With fewer pairs nothing can be decided. */
  readonly leastPairs: number;
}

/** One case of one subject on both sides. */
export interface AbRow {
  readonly subject: string;
  readonly case: string;
  readonly backend: MeasuredBackend;
  readonly family: MeasuredFamily;
  readonly parameters: Parameters;
  /** Rows or records that one operation handles. */
  readonly items: number;
  /** It decides; others are shown. */
  readonly primary: boolean;
  /** What a primary row is judged by, and others are sorted by. */
  readonly judgedBy: 'cpu' | 'wall';
  /** In the order in which they were measured. */
  readonly pairs: readonly AbPair[];
  /** Absent where no pair has it on both sides. */
  readonly cpu?: Change;
  readonly wall?: Change;
  /** Absent where the row does not decide. */
  readonly verdict?: Verdict;
  /** Probability of pairs as high as these if HEAD took the threshold and no more. Absent where the row does not decide. */
  readonly p?: number;
  /** Why it is undecided, where it is not for want of pairs. */
  readonly why?: string;
}

/** A pair of processes, one of each side, one right after the other. */
export interface AbPair {
  /** ISO 8601, UTC, before the first of the two. */
  readonly at: string;
  /** Which of them the lot put first. */
  readonly first: SideName;
  readonly base: Cost;
  readonly head: Cost;
}

/** Of one process: seconds an operation, medians of its samples. */
export interface Cost {
  readonly wall?: number;
  /** User and system, of all threads. */
  readonly cpu?: number;
  /** Part of `wall` in which the main thread stood still for garbage collection; a mean. */
  readonly gc?: number;
  /** Why there is none of them. */
  readonly void?: string;
}

/** How HEAD differs from BASE: 0.05 is 5 % more. */
export interface Change {
  /** Hodges-Lehmann: the median of the means of all two pairs, on log ratios. */
  readonly estimate: number;
  /** Bounds of the interval at the look it ended with; null where there were too few pairs for one. */
  readonly low: number | null;
  readonly high: number | null;
  /** Pairs that count. */
  readonly pairs: number;
}

export interface Drift {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Seconds of the same work. */
  readonly wall: number;
  readonly cpu: number;
}

export function writeAbRun(path: string, run: AbRun): void {
  writeFileSync(path, `${JSON.stringify(run)}\n`);
}

/** @throws where the file is no comparison of this version */
export function readAbRun(path: string): AbRun {
  const run = JSON.parse(readFileSync(path, 'utf8')) as AbRun;
  if (run.version !== AB_VERSION || !Array.isArray(run.rows) || !Array.isArray(run.drift)) {
    throw new Error(`${path} is not a comparison by bench:ab of version ${AB_VERSION}`);
  }
  return run;
}
