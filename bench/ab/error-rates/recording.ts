import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../host/machine.js';
import type { Machine } from '../../results/results.js';
import type { SideName } from '../result.js';

/** Where the recordings are that the page is made from. */
export const RECORDINGS = join(ROOT, 'bench/ab/recordings');
export const KINDS = ['quiet', 'beside-load', 'slower-5', 'slower-10'] as const;
export type Kind = (typeof KINDS)[number];

/** How much slower HEAD was made in each kind of recording. */
export const PLANTED_SHARE: Record<Kind, number> = { quiet: 0, 'beside-load': 0, 'slower-5': 0.05, 'slower-10': 0.1 };

/** Pairs of processes of one commit against itself, of each job. */
export interface Recording {
  readonly kind: Kind;
  /** ISO 8601, UTC. */
  readonly began: string;
  readonly ended: string;
  readonly machine: Machine;
  /** Processes that wanted a core besides, the mean of what the kernel said before each pair. */
  readonly load: number;
  /** `decode native` */
  readonly rows: readonly string[];
  readonly pairs: readonly RecordedPair[];
}

export interface RecordedPair {
  /** Of each row, which process began. */
  readonly first: readonly SideName[];
  /** BASE and HEAD of each row: seconds of CPU an operation. */
  readonly cpu: readonly (readonly [base: number, head: number])[];
  readonly wall: readonly (readonly [base: number, head: number])[];
}

/** Those that are there, in the order of KINDS. */
export function readRecordings(folder: string): Recording[] {
  return KINDS.map(kind => fileOf(folder, kind))
    .filter(file => existsSync(file))
    .map(file => JSON.parse(readFileSync(file, 'utf8')) as Recording);
}

export function fileOf(folder: string, kind: Kind): string {
  return join(folder, `${kind}.json`);
}
