import test from 'ava';
import type { Result } from '../../bench/results/results.js';
import { backends } from '../helpers/backends.js';
import { lacking } from '../helpers/kernel/require.js';
import { runProgram, shortRun } from './run.js';

const MINUTES = 60_000;
const names = backends().map(({ name }) => name);

function casesOf(results: readonly Result[]): string[] {
  return results.map(({ subject, backend, family }) => `${subject} ${backend} ${family}`);
}

/** Where it can be built, it stands before ctflow. */
const floor = lacking('linux') || lacking('cargo') ? [] : ['floor'];

test('decode and encode: the floor, each backend and family, all records of one operation', async t => {
  t.timeout(20 * MINUTES);
  const run = await shortRun(t, '--only', 'decode,encode', '--connections', '300', '--mtu', '1400');
  const expected = ['decode', 'encode'].flatMap(subject =>
    ['ipv4', 'ipv6'].flatMap(family => [...floor, ...names].map(name => `${subject} ${name} ${family}`)),
  );
  t.deepEqual(casesOf(run.results), expected);
  for (const { items, samples } of run.results) {
    t.is(items, 300);
    t.true(samples.length >= 2);
    t.true(samples.every(sample => sample > 0));
  }
});

test('poll and store: the floor, one code for both backends, CPU beside the clock', async t => {
  const run = await shortRun(t, '--only', 'poll,store', '--family', 'ipv6', '--connections', '500', '--new', '70');
  const floors = floor.map(name => `poll ${name} ipv6`);
  t.deepEqual(casesOf(run.results), [...floors, 'poll both ipv6', 'poll both ipv6', 'store both ipv6']);
  const [poll] = run.results;
  t.deepEqual(poll.parameters, { connections: 500, fresh: 70, gone: 50, destinations: 1 });
  t.is(poll.cpu?.length, poll.samples.length);
});

test('a run records what was measured on which machine', async t => {
  const { commit, machine, parameters } = await shortRun(
    t,
    '--only',
    'decode',
    '--family',
    'ipv4',
    '--connections',
    '9',
  );
  t.regex(commit, /^[0-9a-f]{40}$|^unknown$/);
  t.true(machine.cores > 0);
  t.is(machine.node, process.version);
  t.deepEqual(parameters['only'], ['decode']);
  t.is(parameters['connections'], 9);
});

test('a sweep ends with a table of what a connection costs at each size', async t => {
  const sizes = ['--sweep', '100,200,400', '--samples', '1', '--time', '0s', '--no-memory'];
  const { code, stdout } = await runProgram('main', ['--only', 'store', '--family', 'ipv4', ...sizes]);
  t.is(code, 0);
  t.regex(
    stdout,
    /store: from empty, both, ipv4, destinations 1\n.*against the first\n.*100 .*1\.00 x\n.*200 .*\n.*400 /,
  );
  t.regex(stdout, /slope .* ns a connection, fit R² /);
});

test('an unknown subject is an error that lists the known ones', async t => {
  const { code, stderr } = await runProgram('main', ['--only', 'poll,pole']);
  t.is(code, 2);
  t.regex(stderr, /--only: 'pole' is not a choice\. Allowed choices are .*poll/s);
});
