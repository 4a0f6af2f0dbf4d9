import test from 'ava';
import type { LiveResult } from '../../../src/cli/demo/live.js';
import type { Stage } from '../../../src/cli/demo/stage.js';
import { validRun } from '../../../src/cli/demo/valid-run.js';

function result(retransmissions: number): LiveResult {
  const counts = { kernelOctets: 1, exportedOctets: 1, kernelPackets: 1, exportedPackets: 1, sequenceLost: 0 };
  const records = { connections: 1, recordsExported: 1, recordsCollected: 1 };
  return { report: { mode: 'live', backend: 'native', ...records, ...counts }, retransmissions };
}

function stage(signal: AbortSignal = new AbortController().signal) {
  const said: string[] = [];
  const made: Stage = { signal, show: () => {}, say: line => said.push(line) };
  return { said, made };
}

/** Plays results, one a run. */
function runs(...results: LiveResult[]) {
  return async () => results.shift() ?? Promise.reject(new Error('one run too many'));
}

test('a run without retransmissions counts', async t => {
  const { said, made } = stage();
  t.false((await validRun(runs(result(0)), made)).repeated);
  t.deepEqual(said, []);
});

test('a void run is repeated once, with a message', async t => {
  const { said, made } = stage();
  t.true((await validRun(runs(result(2), result(0)), made)).repeated);
  t.is(said.length, 1);
  t.regex(said[0], /void.*\(2\).*Once more/);
});

test('a second void run fails', async t => {
  await t.throwsAsync(validRun(runs(result(2), result(3)), stage().made), { code: 'CTFLOW_DEMO', message: /\(3\)/ });
});

test('a run that the user stopped is not repeated', async t => {
  await t.throwsAsync(validRun(runs(result(1)), stage(AbortSignal.abort()).made), { code: 'CTFLOW_DEMO' });
});
