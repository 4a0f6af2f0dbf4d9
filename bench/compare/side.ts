import { readRun, type BenchmarkRun, type Memory, type Result } from '../results/results.js';
import { median } from '../results/statistics.js';

/** One side of a comparison: the runs of one commit. */
export interface Side {
  readonly commit: string;
  readonly dirty: boolean;
  /** ISO 8601, of each run. */
  readonly dates: readonly string[];
  readonly machine: BenchmarkRun['machine'];
  readonly results: ReadonlyMap<string, SideResult>;
}

/**
 * A result of all runs of a side. `samples` and `cpu` have one figure a run, the median of what it took: samples of one process
 * all met the same minute of the machine, so that many of them say no more than one.
 */
export interface SideResult extends Result {
  /** Of the runs with valid samples, as long as `samples`. */
  readonly dates: readonly string[];
  /** Runs that have it, those without a valid sample too. */
  readonly runs: number;
}

/** Reads `a.json,b.json`. @throws where one cannot be read, or the runs of one side are not of one commit and machine */
export function readSide(files: string): Side {
  const paths = files.split(',').filter(Boolean);
  if (paths.length === 0) throw new Error('one side has no file');
  return sideOf(paths.map(readRun));
}

export function sideOf(runs: readonly BenchmarkRun[]): Side {
  const [{ commit, machine }] = runs;
  const seen = new Set<string>();
  for (const run of runs) {
    if (run.commit !== commit) throw new Error(`runs of ${commit} and of ${run.commit} cannot be one side`);
    const differences = machineDifferences(machine, run.machine);
    if (differences.length > 0)
      throw new Error(`runs of one side are of different machines: ${differences.join('; ')}`);
    const content = JSON.stringify([run.date, run.results]);
    if (seen.has(content)) throw new Error(`the run of ${run.date} is there twice, and is one run`);
    seen.add(content);
  }
  const parts = new Map<string, [string, Result][]>();
  for (const { date, results } of runs) {
    for (const result of results) {
      const key = identityOf(result);
      parts.set(key, [...(parts.get(key) ?? []), [date, result]]);
    }
  }
  const results = new Map([...parts].map(([key, same]) => [key, together(same)]));
  return { commit, dirty: runs.some(({ dirty }) => dirty), dates: runs.map(({ date }) => date), machine, results };
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

function together(parts: readonly (readonly [date: string, result: Result])[]): SideResult {
  const valid = parts.filter(([, { samples }]) => samples.length > 0);
  const cpu = valid.flatMap(([, { cpu }]) => (cpu && median(cpu) > 0 ? [median(cpu)] : []));
  const memories = parts.flatMap(([, { memory }]) => memory ?? []);
  const [, first] = parts[0];
  // why samples are void is said of a run that has some
  const { extra } = (parts.find(([, { extra }]) => 'void' in extra) ?? parts[0])[1];
  const { cpu: _, ...rest } = first;
  return {
    ...rest,
    extra,
    samples: valid.map(([, { samples }]) => median(samples)),
    ...(cpu.length === valid.length && { cpu }),
    ...(memories.length > 0 && { memory: middle(memories) }),
    dates: valid.map(([date]) => date),
    runs: parts.length,
  };
}

/** Figures that are not the same in every run were not exact. */
function middle(memories: readonly Memory[]): Memory {
  const exact = memories.flatMap(({ rust }) => rust ?? []);
  const { bytes, allocations } = middleOf(memories);
  return {
    bytes,
    allocations,
    estimated: memories.some(({ estimated }) => estimated) || !allEqual(memories),
    ...(exact.length === memories.length && allEqual(exact) && { rust: exact[0] }),
  };
}

type Allocated = Pick<Memory, 'bytes' | 'allocations'>;

function middleOf(all: readonly Allocated[]): Allocated {
  return {
    bytes: median(all.map(({ bytes }) => bytes)),
    allocations: median(all.map(({ allocations }) => allocations)),
  };
}

function allEqual([first, ...others]: readonly Allocated[]): boolean {
  return others.every(({ bytes, allocations }) => bytes === first.bytes && allocations === first.allocations);
}
