import test from 'ava';
import { judge, type Finding, type ProofCase } from '../../proof/case.js';
import { NO_FAULTS } from '../../proof/truth.js';
import { CtflowError } from '../../src/common/errors.js';
import { EndingScope } from '../helpers/kernel/scope.js';
import { finding, SIZE } from './findings.js';

/** A case whose runs end like this, one after the other. */
function runsOf(...findings: Finding[]): ProofCase & { scopes: number } {
  return {
    name: 'a-case',
    title: 'a case',
    criterion: 'missing 0',
    scopes: 0,
    async run(scope) {
      scope.teardown(() => {
        this.scopes--;
      });
      this.scopes++;
      return findings.shift()!;
    },
  };
}

const VOID = finding({
  faults: { ...NO_FAULTS, earlyDrop: 3 },
});

test('a void run is repeated, and the second one counts', async t => {
  const proof = runsOf(VOID, finding({}));
  const { outcome, voidRuns } = await judge(proof, SIZE);
  t.is(outcome, 'pass');
  t.deepEqual(voidRuns, ['earlyDrop 3']);
  t.is(proof.scopes, 0, 'what a run has put up is taken down');
});

test('a run that is void twice is void, not passed', async t => {
  const { outcome, voidRuns } = await judge(runsOf(VOID, VOID, finding({})), SIZE);
  t.is(outcome, 'void');
  t.is(voidRuns.length, 2);
});

test('a failure is not repeated', async t => {
  t.is((await judge(runsOf(finding({ failures: ['missing'] }), finding({})), SIZE)).outcome, 'fail');
});

test('a run that comes to no end fails and says why, unless this machine cannot do it', async t => {
  const breaks = (error: Error): ProofCase => ({
    ...runsOf(),
    run: async () => {
      throw error;
    },
  });
  const { outcome, error } = await judge(breaks(new Error('the exporter ended with 1')), SIZE);
  t.is(outcome, 'fail');
  t.true(error!.includes('the exporter ended with 1'));
  await t.throwsAsync(judge(breaks(new CtflowError('CTFLOW_NAMESPACE', 'no', 'none')), SIZE), {
    instanceOf: CtflowError,
  });
});

test('a scope closes everything in reverse order, even when one closer fails', async t => {
  const scope = new EndingScope();
  const order: number[] = [];
  scope.teardown(() => void order.push(1));
  scope.teardown(() => {
    throw new Error('two');
  });
  scope.teardown(() => void order.push(3));
  await t.throwsAsync(scope.end(), { message: 'two' });
  t.deepEqual(order, [3, 1]);
});
