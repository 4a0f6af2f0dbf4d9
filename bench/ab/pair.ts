import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { Answer, Job } from '../run/job.js';
import { askWorker } from '../run/worker-process.js';
import type { Result } from '../results/results.js';
import { SIDES, type SideName } from './result.js';
import { TurnTaking } from './turn-taking.js';

/** A checkout whose worker is given jobs. */
export interface Side {
  readonly root: string;
  /** What its workers find in their environment besides. */
  readonly env?: NodeJS.ProcessEnv;
}

export type Sides = Readonly<Record<SideName, Side>>;

/** What a process of one side answered, or why it did not. */
export type Outcome = { readonly results: readonly Result[] } | { readonly failed: string };

export interface MeasuredPair {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly first: SideName;
  readonly base: Outcome;
  readonly head: Outcome;
}

/** Milliseconds after which a process hangs: a hundred times what a pair takes. */
const PATIENCE = 240_000;

/**
 * Runs a process of each side. The first is drawn by lot: a fixed order, or one in turn, would give what the machine does
 * meanwhile to one side more than to the other. Once both stand ready they take turns of some milliseconds, each time in an
 * order drawn by lot, so that both meet the same machine; those of a worker that knows no turns run one after the other.
 */
export async function measurePair(
  job: Job,
  sides: Sides,
  lot: () => number = () => randomInt(2),
): Promise<MeasuredPair> {
  const at = new Date().toISOString();
  const first = SIDES[lot()];
  const second = first === 'base' ? 'head' : 'base';
  const turns = new TurnTaking(lot);
  const started = (child: ChildProcess): void => turns.join(child);
  const earlier = outcomeOf(job, sides[first], started);
  await turns.firstWaits;
  const outcomes = { [second]: await outcomeOf(job, sides[second], started), [first]: await earlier };
  return { at, first, base: outcomes['base'], head: outcomes['head'] };
}

async function outcomeOf(job: Job, { root, env }: Side, started: (child: ChildProcess) => void): Promise<Outcome> {
  const worker = join(root, 'build/bench/run/worker.js');
  try {
    const options = { flags: ['--expose-gc'], timeout: PATIENCE, started, ...(env && { env }) };
    const { results } = await askWorker<Answer>(worker, job, options);
    return { results };
  } catch (error) {
    return { failed: (error as Error).message };
  }
}
