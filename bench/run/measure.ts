import { sampleInTurn } from './sampler.js';
import type { Case } from '../subject.js';
import type { Taken, Timing } from './timing.js';
import { sampleWithBenny } from './with-benny.js';

/**
 * Takes samples of every case. benny takes those that can simply be repeated; it has no place for what must be done between
 * two operations outside the timing, nor for an operation that must end before the next begins, so those are sampled here.
 */
export function measure(title: string, cases: readonly Case[], timing: Timing): Promise<Taken[]> {
  return !timing.paired && cases.every(({ repeatable }) => repeatable)
    ? sampleWithBenny(title, cases, timing)
    : sampleInTurn(cases, timing);
}
