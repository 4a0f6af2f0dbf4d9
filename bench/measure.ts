import type { Result } from './results.js';
import { sampleInTurn } from './sampler.js';
import type { Case } from './subject.js';
import { sampleWithBenny } from './with-benny.js';

/** How long to measure. */
export interface Timing {
  /** Samples of each case at least. */
  readonly samples: number;
  /** Operations before the first that counts: the compiler has seen the code, and caches and pools are filled. */
  readonly warmUps?: number;
  /** Seconds that each case may take before no more samples are wanted. */
  readonly seconds: number;
}

export type Taken = Pick<Result, 'samples' | 'cpu' | 'extra'>;

/**
 * Takes samples of every case. benny takes those that can simply be repeated; it has no place for what must be done between
 * two operations outside the timing, nor for an operation that must end before the next begins, so those are sampled here.
 */
export function measure(title: string, cases: readonly Case[], timing: Timing): Promise<Taken[]> {
  return cases.every(({ repeatable }) => repeatable)
    ? sampleWithBenny(title, cases, timing)
    : sampleInTurn(cases, timing);
}
