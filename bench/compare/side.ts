import { readRun, type BenchmarkRun, type Memory, type Result } from '../results/results.js';
import { median } from '../results/statistics.js';

/** One side of a comparison: one run, or several of the same commit whose samples are put together. */
export interface Side {
  readonly commit: string;
  readonly dirty: boolean;
  /** Of the first run. */
  readonly date: string;
  readonly machine: BenchmarkRun['machine'];
  readonly results: ReadonlyMap<string, Result>;
}

/** Reads `a.json,b.json`. @throws where one cannot be read, or the runs of one side are not of one commit and machine */
export function readSide(files: string): Side {
  const paths = files.split(',').filter(Boolean);
  if (paths.length === 0) throw new Error('one side has no file');
  return sideOf(paths.map(readRun));
}

export function sideOf(runs: readonly BenchmarkRun[]): Side {
  const [{ commit, date, machine }] = runs;
  for (const run of runs) {
    if (run.commit !== commit) throw new Error(`runs of ${commit} and of ${run.commit} cannot be one side`);
    const differences = machineDifferences(machine, run.machine);
    if (differences.length > 0)
      throw new Error(`runs of one side are of different machines: ${differences.join('; ')}`);
  }
  const parts = new Map<string, Result[]>();
  for (const { results } of runs) {
    for (const result of results) {
      const key = identityOf(result);
      parts.set(key, [...(parts.get(key) ?? []), result]);
    }
  }
  const results = new Map([...parts].map(([key, same]) => [key, together(same)]));
  return { commit, dirty: runs.some(({ dirty }) => dirty), date, machine, results };
}

/** Two results are of the same thing where this is equal. */
export function identityOf(result: Result): string {
  return JSON.stringify([...namesOf(result), sorted(result.parameters), result.items]);
}

/** Two results are of the same benchmark, perhaps with other parameters, where this is equal. */
export function benchmarkOf(result: Result): string {
  return JSON.stringify(namesOf(result));
}

/** What differs between two machines, as `cpu: A, B`. */
export function machineDifferences(a: BenchmarkRun['machine'], b: BenchmarkRun['machine']): string[] {
  return Object.entries(a)
    .filter(([key, value]) => value !== b[key as keyof typeof b])
    .map(([key, value]) => `${key}: ${value}, ${b[key as keyof typeof b]}`);
}

function namesOf(result: Result): string[] {
  return [result.subject, result.case, result.backend, result.family];
}

function sorted(parameters: Result['parameters']): [string, unknown][] {
  return Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1));
}

function together(results: readonly Result[]): Result {
  const [first] = results;
  const samples = results.flatMap(({ samples }) => samples);
  const memories = results.flatMap(({ memory }) => memory ?? []);
  return { ...first, samples, ...(memories.length > 0 && { memory: middle(memories) }) };
}

function middle(memories: readonly Memory[]): Memory {
  const exact = memories.flatMap(({ rust }) => rust ?? []);
  return {
    bytes: median(memories.map(({ bytes }) => bytes)),
    allocations: median(memories.map(({ allocations }) => allocations)),
    estimated: memories.some(({ estimated }) => estimated),
    ...(exact.length === memories.length && {
      rust: {
        bytes: median(exact.map(({ bytes }) => bytes)),
        allocations: median(exact.map(({ allocations }) => allocations)),
      },
    }),
  };
}
