import benny from 'benny';
import type { Taken, Timing } from './timing.js';
import type { Case } from '../subject.js';

/** Seconds of operations that go into one sample: far above the resolution of the clock. */
const SECONDS_A_SAMPLE = 0.05;
/** Turns of each case at most, so that what disturbs the machine meets all of them. */
const MOST_TURNS = 10;

/**
 * Operations that can be repeated at will; a sample is the mean of as many as fill its time. benny sorts them. It takes no CPU
 * time: that is the mean of all operations of a turn.
 */
export async function sampleWithBenny(title: string, cases: readonly Case[], timing: Timing): Promise<Taken[]> {
  const turns = Math.min(timing.samples, MOST_TURNS);
  const limits = {
    minTime: SECONDS_A_SAMPLE,
    maxTime: timing.seconds / turns,
    minSamples: Math.ceil(timing.samples / turns),
  };
  const taken = cases.map(one => ({ one, samples: [] as number[], cpu: [] as number[] }));
  const meter = new CpuMeter();
  for (let turn = 0; turn < turns; turn++) {
    const means: number[] = [];
    const summary = await benny.suite(
      title,
      ...cases.map(one =>
        benny.add(
          one.backend,
          () => {
            meter.count(one);
            void one.operation();
          },
          limits,
        ),
      ),
      // after each case; what it returns would be printed
      benny.cycle(() => void means.push(meter.mean())),
    );
    for (const [i, { completed, details }] of summary.results.entries()) {
      if (!completed) throw new Error(`${title} [${cases[i].backend}] failed under benny`);
      taken[i].samples.push(...details.sampleResults);
      taken[i].cpu.push(means[i]);
    }
  }
  return taken.map(({ one, samples, cpu }) => ({ samples, cpu, extra: { ...one.extra?.() } }));
}

/** CPU time of this process since the first of the last operations of one kind. */
class CpuMeter {
  #kind: unknown;
  #operations = 0;
  #began = process.cpuUsage();

  /** Before each operation. */
  count(kind: unknown): void {
    if (kind !== this.#kind) {
      this.#kind = kind;
      this.#operations = 0;
      this.#began = process.cpuUsage();
    }
    this.#operations++;
  }

  /** Seconds an operation. The next one begins anew. */
  mean(): number {
    const { user, system } = process.cpuUsage(this.#began);
    this.#kind = undefined;
    return (user + system) / 1e6 / this.#operations;
  }
}
