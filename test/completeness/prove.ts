import type { TestFn } from 'ava';
import { judge, type ProofCase } from '../../proof/case.js';
import { EndingScope } from '../helpers/kernel/scope.js';
import { needs } from '../helpers/kernel/require.js';

const SIZE = { flows: 1_500, rate: 1_000, pollInterval: 1_000, timeout: 1, freeze: 2, seed: 7 };
const RUNS = 5;

/**
 * Runs cases of the proof (proof/) in a small form, one after another. A run is repeated where the kernel itself lost count,
 * as it may on a busy machine, and nothing depends on how long anything takes.
 */
export function prove(test: TestFn, cases: readonly ProofCase[]): void {
  const rigged = needs(test.serial, ['namespace', 'native', 'traffic', 'ping']);
  for (const proof of cases) {
    rigged(`${proof.name}: ${proof.title}: ${proof.criterion}`, async t => {
      const result = await judge(proof, SIZE, RUNS, () => {
        const scope = new EndingScope();
        t.teardown(() => scope.end()); // where the test is ended from outside
        return scope;
      });
      for (const why of result.voidRuns) t.log(`a run was void: ${why}`);
      if (result.error) throw new Error(result.error);
      t.deepEqual(result.finding!.failures, []);
      t.is(result.outcome, 'pass');
      if (proof.name === 'poll-only') t.true(result.finding!.missing.octets > 0, 'polling alone loses');
    });
  }
}
