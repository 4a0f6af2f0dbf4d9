import type { Backend } from '../src/backend/backend.js';
import type { MeasuredBackend, MeasuredFamily, Parameters, Value } from './results/results.js';

/** How much is measured; the same for every subject of a run. */
export interface Sizes {
  /** Connections in the table or the store. */
  readonly connections: number;
  /** Of them, new in each poll. */
  readonly fresh: number;
  /** Gone in each poll. */
  readonly gone: number;
  /** Export schedules that follow the store's changes. */
  readonly destinations: number;
  /** Bytes of an IP packet to the collector at most. */
  readonly mtu: number;
}

/** What a subject is given to make its cases. */
export interface Scene {
  readonly backends: readonly Backend[];
  /** Names of the peers that are measured beside ctflow. */
  readonly peers?: readonly string[];
  readonly family: MeasuredFamily;
  readonly sizes: Sizes;
}

/** One thing that is timed. */
export interface Case {
  readonly name: string;
  readonly backend: MeasuredBackend;
  readonly parameters: Parameters;
  /** Rows or records of one operation. */
  readonly items: number;
  /** It can be repeated at will, without `prepare` and `check`, and is over when it returns. */
  readonly repeatable?: true;
  /** Before each operation, outside the timing. */
  prepare?(): void | Promise<void>;
  /**
   * What is timed. What it returns replaces the clock of this process: an operation of another process measures its own times.
   */
  operation(): void | Promise<void> | Promise<Times>;
  /**
   * After each operation, outside the timing.
   * @returns why the sample is void, undefined where it counts
   * @throws where the result is wrong: then nothing of the subject counts
   */
  check?(): string | undefined | Promise<string | undefined>;
  /** What else is to be said once all is measured. */
  extra?(): Readonly<Record<string, Value>>;
  close?(): void | Promise<void>;
}

/** Seconds. */
export interface Times {
  readonly wall: number;
  readonly cpu: number;
}

export interface Subject {
  readonly name: string;
  /** One line for --help. */
  readonly summary: string;
  /** Connections where the command line names none; several are measured one after the other. */
  readonly connections: number | readonly number[];
  /** It needs the kernel's conntrack, and runs in a network namespace of its own. */
  readonly kernel?: true;
  /** It needs the program of crates/ctflow-bench. */
  readonly companion?: true;
  /** Its floor is in the library of crates/ctflow-bench; where that cannot be built it is measured without. */
  readonly floor?: true;
  /** It makes packets, and is measured for each MTU. */
  readonly packets?: true;
  /** So many samples and no operation before them, where one takes long; what it allocates is then not measured. */
  readonly samples?: number;
  /** Makes everything that is not to be timed, and asserts that the backends give the same result. */
  cases(scene: Scene): Case[] | Promise<Case[]>;
}
