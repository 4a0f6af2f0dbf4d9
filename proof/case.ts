import { CtflowError, describeError } from '../src/common/errors.js';
import type { Count } from '../src/cli/demo/traffic/loopback-count.js';
import type { Balance, ConnectionCount } from './balance.js';
import type { ExporterEnd } from './exporter-process.js';
import type { TrafficSummary } from './generator.js';
import { EndingScope, type Scope } from '../test/helpers/kernel/scope.js';
import type { Size } from './scene.js';
import { faultNames, type Faults } from './truth.js';

/** Records that may have arrived or not. */
export interface Uncertain extends Count {
  readonly records: number;
}

/** What a run showed. */
export interface Finding extends Balance {
  /** Records handed to a connection that broke. */
  readonly uncertain?: number;
  /** Records that were pending when an exporter was killed. */
  readonly restartUncertain?: Uncertain;
  /** Of missing: what connections counted that ended while no exporter listened. */
  readonly endedWhileDown?: ConnectionCount;
  /**
   * Of missing: what connections counted that ended while an exporter ran, and which neither it exported before it was killed
   * nor the next one.
   */
  readonly notExported?: ConnectionCount;
  /** Events at most that lay unread in the kernel when exporters were killed, or were in their hands at that moment. */
  readonly unread?: number;
  /** Denied flows, against the counters of the rules that dropped their packets. */
  readonly denied?: Balance;
  readonly traffic: TrafficSummary;
  readonly exporter: ExporterEnd;
  readonly faults: Faults;
  /** What is not as the criterion has it, in words; empty where all is. */
  readonly failures: readonly string[];
  /** What a reader should know beside the numbers. */
  readonly notes: readonly string[];
}

/** One way of disturbing the exporter or the collector, and what must hold nevertheless. */
export interface ProofCase {
  /** For the command line. */
  readonly name: string;
  readonly title: string;
  readonly criterion: string;
  run(scope: Scope, size: Size): Promise<Finding>;
}

export interface CaseResult {
  readonly name: string;
  readonly title: string;
  readonly criterion: string;
  /** Void where the kernel itself lost count in every run. A run that comes to no end fails. */
  readonly outcome: 'pass' | 'fail' | 'void';
  /** Runs that were void and were repeated, with what made them so. */
  readonly voidRuns: readonly string[];
  /** Of the last run; undefined where it came to no end. */
  readonly finding?: Finding;
  /** Why the last run came to no end. */
  readonly error?: string;
}

/**
 * Runs a case in a network of its own, and again where the run was void.
 * @param runs at most
 * @param scopes gives a scope for each run; it is ended here
 */
export async function judge(
  proof: ProofCase,
  size: Size,
  runs = 2,
  scopes: () => EndingScope = () => new EndingScope(),
): Promise<CaseResult> {
  const { name, title, criterion } = proof;
  const voidRuns: string[] = [];
  for (;;) {
    const scope = scopes();
    let finding: Finding;
    try {
      finding = await proof.run(scope, size);
    } catch (error) {
      if (error instanceof CtflowError) throw error; // this machine or user cannot do it
      return { name, title, criterion, outcome: 'fail', voidRuns, error: describeError(error) };
    } finally {
      await scope.end();
    }
    const faults = faultNames(finding.faults);
    if (faults.length === 0) {
      const outcome = finding.failures.length === 0 ? 'pass' : 'fail';
      return { name, title, criterion, outcome, voidRuns, finding };
    }
    voidRuns.push(faults.join(', '));
    if (voidRuns.length >= runs) return { name, title, criterion, outcome: 'void', voidRuns, finding };
  }
}
