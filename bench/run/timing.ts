import type { Result } from '../results/results.js';

/** How long to measure. */
export interface Timing {
  /** Samples of each case at least. */
  readonly samples: number;
  /** Operations before the first that counts: the compiler has seen the code, and caches and pools are filled. */
  readonly warmUps?: number;
  /** Seconds that each case may take before no more samples are wanted. */
  readonly seconds: number;
  /**
   * The process is one of a pair, see bench/ab/pair.ts: it takes turns with the other, and each operation is a sample with a
   * CPU time, also where it could simply be repeated.
   */
  readonly paired?: boolean;
}

export type Taken = Pick<Result, 'samples' | 'cpu' | 'gc' | 'extra'>;
