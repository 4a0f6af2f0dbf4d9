import benny from 'benny';
import type { Taken, Timing } from './timing.js';
import type { Case } from '../subject.js';

/** Seconds of operations that go into one sample: far above the resolution of the clock. */
const SECONDS_A_SAMPLE = 0.05;

/** Operations that can be repeated at will; a sample is the mean of as many as fill its time. benny sorts them. */
export async function sampleWithBenny(title: string, cases: readonly Case[], timing: Timing): Promise<Taken[]> {
  const limits = { minTime: SECONDS_A_SAMPLE, maxTime: timing.seconds, minSamples: timing.samples };
  const summary = await benny.suite(
    title,
    ...cases.map(({ backend, operation }) => benny.add(backend, () => void operation(), limits)),
  );
  return cases.map((one, i) => {
    const { samples, completed } = summary.results[i];
    if (!completed || samples === 0) throw new Error(`${title} [${one.backend}] failed under benny`);
    return { samples: summary.results[i].details.sampleResults, extra: { ...one.extra?.() } };
  });
}
