import type { Timing } from './timing.js';
import type { MeasuredFamily, Result } from '../results/results.js';
import type { Sizes } from '../subject.js';

/** One subject, one family, one set of sizes: what one process measures. */
export interface Job {
  readonly subject: string;
  readonly family: MeasuredFamily;
  readonly sizes: Sizes;
  readonly backends: readonly ('native' | 'fallback')[];
  /** Names of the peers that are measured beside ctflow. */
  readonly peers?: readonly string[];
  readonly timing: Timing;
  /** What an operation allocates is measured, and not how long it takes. */
  readonly memory: boolean;
}

/** What it answers on standard output. */
export interface Answer {
  readonly results: readonly Result[];
}
