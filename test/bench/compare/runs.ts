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

/** Two runs that differ in every way that a comparison shows. */
export function twoRuns(): [base: BenchmarkRun, head: BenchmarkRun] {
  return [benchmarkRun(results(1)), benchmarkRun(results(0.7), { commit: 'fedcba98'.repeat(5) })];
}

function results(factor: number): Result[] {
  const sizes = [2_000, 5_000, 10_000, 20_000];
  return (['native', 'fallback'] as const).flatMap((backend, i) =>
    (['ipv4', 'ipv6'] as const).flatMap(family =>
      sizes.flatMap(items => {
        const more = { backend, family, items, parameters: { connections: items } };
        const seconds = items * 1e-7 * (i * 4 + 1);
        const rust = { bytes: items * 8 * factor, allocations: 3 };
        const memory = { bytes: items * 40 * factor, allocations: 12, estimated: true, ...(i === 0 && { rust }) };
        return [
          benchmarkResult({ ...more, samples: around(seconds * factor), memory }),
          benchmarkResult({
            ...more,
            subject: 'export',
            case: 'conntrack',
            samples: around(seconds * 4 * (i ? 1.2 - factor / 5 : 1)),
            memory,
          }),
        ];
      }),
    ),
  );
}
