import { RESULTS_VERSION, type BenchmarkRun, type Result } from '../../../bench/results/results.js';

/** A run of the benchmarks as `npm run bench -- --out FILE` stores it. */
export function benchmarkRun(results: readonly Result[], more: Partial<BenchmarkRun> = {}): BenchmarkRun {
  return {
    version: RESULTS_VERSION,
    commit: '0123456789abcdef0123456789abcdef01234567',
    dirty: false,
    date: '2026-11-24T20:00:00.000Z',
    machine: { cpu: 'Sample CPU', cores: 2, memory: 8e9, kernel: '6.18.0', node: 'v20.19.0', rust: '1.91.0' },
    parameters: {},
    results,
    ...more,
  };
}

export function benchmarkResult(more: Partial<Result> = {}): Result {
  return {
    subject: 'decode',
    case: 'decode',
    backend: 'native',
    family: 'ipv4',
    parameters: { connections: 10_000 },
    items: 10_000,
    samples: around(0.001),
    cpu: around(0.001),
    extra: {},
    ...more,
  };
}

/** Samples that differ by some percent, the same ones for the same arguments; their median is `middle`. */
export function around(middle: number, count = 11, spread = 0.02): number[] {
  return Array.from(
    { length: count },
    (_, i) => middle * (1 + (spread * ((i * 7) % count)) / count - (spread * (count - 1)) / 2 / count),
  );
}

/** The same result with so many seconds of wall and CPU time. */
export function took(seconds: number, more: Partial<Result> = {}): Result {
  return benchmarkResult({ ...more, samples: around(seconds), cpu: around(seconds * 0.9) });
}

export const HEAD_COMMIT = { commit: 'fedcba98'.repeat(5) };

/**
 * Runs of two commits that were taken in turn, a minute after each other, each some tenths of a percent off the one before.
 * @param results of one run; `off` is about 1
 */
export function inTurn(
  count: number,
  base: (off: number) => readonly Result[],
  head: (off: number) => readonly Result[],
): [base: BenchmarkRun[], head: BenchmarkRun[]] {
  const run = (i: number, results: (off: number) => readonly Result[], more: Partial<BenchmarkRun>): BenchmarkRun => {
    const date = new Date(Date.UTC(2026, 10, 24, 20, i)).toISOString();
    return benchmarkRun(results(1 + (((i * 7) % 11) - 5) / 1000), { date, ...more });
  };
  const numbers = Array.from({ length: count }, (_, i) => i * 2);
  return [numbers.map(i => run(i, base, {})), numbers.map(i => run(i + 1, head, HEAD_COMMIT))];
}

/** Runs of two commits that differ in every way that a comparison shows. */
export function twoSides(count = 5): [base: BenchmarkRun[], head: BenchmarkRun[]] {
  return inTurn(
    count,
    off => results(off, 1),
    off => results(off, 0.7),
  );
}

function results(off: number, factor: number): Result[] {
  const sizes = [2_000, 5_000, 10_000, 20_000];
  return (['native', 'fallback'] as const).flatMap((backend, i) =>
    (['ipv4', 'ipv6'] as const).flatMap(family =>
      sizes.flatMap(items => {
        const more = { backend, family, items, parameters: { connections: items } };
        const seconds = items * 1e-7 * (i * 4 + 1) * off;
        const rust = { bytes: items * 8 * factor, allocations: 3 };
        const memory = { bytes: items * 40 * factor, allocations: 12, estimated: true, ...(i === 0 && { rust }) };
        return [
          took(seconds * factor, { ...more, memory }),
          took(seconds * 4 * (i ? 1.2 - factor / 5 : 1), { ...more, subject: 'export', case: 'conntrack', memory }),
        ];
      }),
    ),
  );
}

/** Median microseconds of four runs of one checkout one after another, on a machine that others used meanwhile. */
const SHARED_MACHINE: readonly [subject: string, backend: Result['backend'], mtu: number, ...runs: number[]][] = [
  ['decode', 'native', 0, 1480.5, 1346.9, 1200.9, 1635.2],
  ['decode', 'fallback', 0, 8677.7, 8277.2, 8052.2, 11357.4],
  ['store', 'both', 0, 4012.2, 2662.6, 3588.3, 3911.6],
  ['encode', 'native', 1400, 427.9, 364.9, 189.6, 364.9],
  ['encode', 'fallback', 1400, 2438.4, 3138.6, 1640.0, 4257.2],
  ['encode', 'native', 512, 329.7, 496.7, 277.5, 498.7],
  ['encode', 'fallback', 512, 1628.7, 3398.8, 1904.4, 3197.8],
];

/** Four runs of one checkout on a shared machine, some dozen samples each. */
export function sharedMachineRuns(): BenchmarkRun[] {
  return [0, 1, 2, 3].map(run =>
    benchmarkRun(
      SHARED_MACHINE.map(([subject, backend, mtu, ...runs]) => {
        const parameters = { connections: 5_000, ...(mtu > 0 && { mtu }) };
        return took(runs[run] / 1e6, { subject, case: subject, backend, parameters, items: 5_000 });
      }),
      { date: new Date(Date.UTC(2026, 10, 26, 19, 20 + run)).toISOString() },
    ),
  );
}
