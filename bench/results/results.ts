import { readFileSync, writeFileSync } from 'node:fs';

/** Raised when a reader of the old form would misread the new one. */
export const RESULTS_VERSION = 1;

/** One run of the benchmarks: `npm run bench -- --out FILE`. */
export interface BenchmarkRun {
  readonly version: typeof RESULTS_VERSION;
  /** Of the checkout that was measured. */
  readonly commit: string;
  /** There were changes that no commit has. */
  readonly dirty: boolean;
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly machine: Machine;
  /** The command line as it was understood. */
  readonly parameters: Parameters;
  readonly results: readonly Result[];
}

export interface Machine {
  /** As the processor calls itself. */
  readonly cpu: string;
  readonly cores: number;
  /** Bytes. */
  readonly memory: number;
  readonly kernel: string;
  readonly node: string;
  /** Version of rustc, empty where it is not installed. */
  readonly rust: string;
}

export type Value = number | string | boolean;
export type Parameters = Readonly<Record<string, Value | readonly Value[]>>;

/**
 * `both`: code that exists once. `kernel` and `floor`: what ctflow's time is held against, the kernel's part alone, and a loop
 * that does with the same input no more than must be. `peer`: a program that is not ctflow.
 */
export type MeasuredBackend = 'native' | 'fallback' | 'both' | 'kernel' | 'floor' | 'peer';
export type MeasuredFamily = 'ipv4' | 'ipv6';

/** Whether it is ctflow's own; floors and peers are shown, and decide nothing. */
export function isOurs({ backend }: { readonly backend: MeasuredBackend }): boolean {
  return !isFloor({ backend }) && backend !== 'peer';
}

export function isFloor({ backend }: { readonly backend: MeasuredBackend }): boolean {
  return backend === 'kernel' || backend === 'floor';
}

/** What one case of one subject cost. Two results are of the same thing where everything up to `items` is equal. */
export interface Result {
  /** decode, encode, poll, … */
  readonly subject: string;
  /** What of the subject. */
  readonly case: string;
  readonly backend: MeasuredBackend;
  readonly family: MeasuredFamily;
  /** Sizes and settings of this case. */
  readonly parameters: Parameters;
  /** Rows or records that one operation handles; a sample divided by it is the cost of one. */
  readonly items: number;
  /** Seconds an operation took on the clock, in the order in which they were taken. Empty in a case of memory alone. */
  readonly samples: readonly number[];
  /**
   * Seconds of CPU, user and system, of all threads, that each operation took: as many as `samples`, or the means of some turns. Absent
   * where it was not taken.
   */
  readonly cpu?: readonly number[];
  /** Of the wall time of an operation, in the mean, seconds in which the main thread stood still for garbage collection. */
  readonly gc?: number;
  readonly memory?: Memory;
  /** What else is worth knowing: figures of the receiver, counts, why samples are void. */
  readonly extra: Readonly<Record<string, Value>>;
}

/** What one operation allocated. */
export interface Memory {
  /** Bytes, those of Rust and of JavaScript together. */
  readonly bytes: number;
  readonly allocations: number;
  /** Something of it is an estimate: the figures of JavaScript always are. */
  readonly estimated: boolean;
  /** The part that Rust's allocator counted, exact; absent where the case runs no Rust. */
  readonly rust?: { readonly bytes: number; readonly allocations: number };
}

export function writeRun(path: string, run: Omit<BenchmarkRun, 'version'>): void {
  writeFileSync(path, `${JSON.stringify({ version: RESULTS_VERSION, ...run })}\n`);
}

/** @throws where the file is no run of this version */
export function readRun(path: string): BenchmarkRun {
  const run = JSON.parse(readFileSync(path, 'utf8')) as BenchmarkRun;
  if (run.version !== RESULTS_VERSION || !Array.isArray(run.results)) {
    throw new Error(`${path} is not a run of the benchmarks of version ${RESULTS_VERSION}`);
  }
  for (const { subject, case: name, samples } of run.results) {
    if (!Array.isArray(samples) || !samples.every(sample => Number.isFinite(sample) && sample > 0)) {
      throw new Error(`${path}: the samples of ${subject} (${name}) are not all positive numbers`);
    }
  }
  return run;
}
