import benny from 'benny';
import type { Taken, Timing } from './timing.js';
import type { Case } from '../subject.js';

/** Seconds of operations that go into one sample: far above the resolution of the clock. */
const SECONDS_A_SAMPLE = 0.05;
/** Turns of each case at most, so that what disturbs the machine meets all of them. */
const MOST_TURNS = 10;

/** Operations that can be repeated at will; a sample is the mean of as many as fill its time. benny sorts them. */
export async function sampleWithBenny(title: string, cases: readonly Case[], timing: Timing): Promise<Taken[]> {
  const turns = Math.min(timing.samples, MOST_TURNS);
  const limits = {
    minTime: SECONDS_A_SAMPLE,
    maxTime: timing.seconds / turns,
    minSamples: Math.ceil(timing.samples / turns),
  };
  const samples: number[][] = cases.map(() => []);
  for (let turn = 0; turn < turns; turn++) {
    const summary = await benny.suite(
      title,
      ...cases.map(({ backend, operation }) => benny.add(backend, () => void operation(), limits)),
    );
    for (const [i, { completed, details }] of summary.results.entries()) {
      if (!completed) throw new Error(`${title} [${cases[i].backend}] failed under benny`);
      samples[i].push(...details.sampleResults);
    }
  }
  return cases.map((one, i) => ({ samples: samples[i], extra: { ...one.extra?.() } }));
}
