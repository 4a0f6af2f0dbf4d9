import test from 'ava';
import { readRun } from '../../../bench/results/results.js';
import { median } from '../../../bench/results/statistics.js';
import { needs } from '../../helpers/kernel/require.js';
import { temporaryPath } from '../../helpers/temporary.js';
import { runProgram } from '../run.js';

needs(test, ['native', 'namespace', 'conntrack', 'cargo'])('conntrack -L beside a poll, on one table', async t => {
  const file = temporaryPath(t, 'peers.json');
  const short = ['--connections', '500', '--samples', '2', '--time', '0s', '--out', file];
  const args = ['--only', 'conntrack', '--subject', 'peers-poll', ...short];
  const { code, stdout, stderr } = await runProgram('peers/main', args);
  t.is(code, 0, stderr);
  t.regex(stdout, /peers-poll +poll +conntrack -L -o extended +500 +[\d.]+ x/);
  const run = readRun(file);
  t.deepEqual(
    run.results.map(({ case: name, backend }) => `${name}, ${backend}`),
    ['raw dump, kernel', 'dump, native', 'poll, native', 'conntrack -L -o extended, peer'],
  );
  for (const { items, samples } of run.results) {
    t.is(items, 500);
    t.true(median(samples) > 0);
  }
});

test('an unknown peer is a usage error', async t => {
  const { code, stderr } = await runProgram('peers/main', ['--only', 'nobody']);
  t.is(code, 2);
  t.regex(stderr, /--only: 'nobody' is not a choice\. Allowed choices are conntrack, ti-mo/);
});
