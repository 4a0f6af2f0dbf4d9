import { time } from '@datadog/pprof';
import test from 'ava';
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { callTree, without, type CallTree } from '../../bench/profile/call-tree.js';
import { partsOf, partTable } from '../../bench/profile/parts.js';
import { profileCase } from '../../bench/profile/profile-case.js';
import type { Case } from '../../bench/subject.js';
import { backends } from '../helpers/backends.js';
import { temporaryPath } from '../helpers/temporary.js';
import { runProgram } from './run.js';

const { name } = backends()[0];
/** CPU of each of the three turns of an operation. */
const TURN_MS = 4;

test('profiles of the CPU and of the heap, and pages that need no network', async t => {
  const folder = temporaryPath(t, 'profiles');
  const scope = ['--only', 'store', '--family', 'ipv4', '--connections', '2000', '--time', '500ms', '--backend', name];
  const { code, stderr } = await runProgram('profile/main', [...scope, '--folder', folder]);
  t.is(code, 0, stderr);
  t.deepEqual(readdirSync(folder).sort(), [
    'store-from-empty-both-ipv4.cpu.html',
    'store-from-empty-both-ipv4.cpu.md',
    'store-from-empty-both-ipv4.cpu.pb.gz',
    'store-from-empty-both-ipv4.heap.html',
    'store-from-empty-both-ipv4.heap.pb.gz',
  ]);
  const read = (file: string): Buffer => readFileSync(`${folder}/store-from-empty-both-ipv4.${file}`);
  // names stand in the profile as they are
  t.true(gunzipSync(read('cpu.pb.gz')).includes('merge'));
  t.true(gunzipSync(read('heap.pb.gz')).includes('inuse_space'));
  const page = read('cpu.html').toString();
  t.regex(page, /"name":"merge connection-store\.js/);
  t.notRegex(page, /"name":"(advance|prepare) /);
  t.notRegex(page, /<(script|link|img)[^>]+(src|href)=/);
  // the compiler may put a small function into its caller: which ones have a share of their own differs from run to run
  t.regex(read('cpu.md').toString(), /^\| store \| [\d.]+ ns \| [\d.]+ % \| .*\w+ [\d.]+ %/m);
});

/** Milliseconds of CPU of this process: what the clock says of one that is held up is no time to take samples in. */
function spent(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function outer(until: number): void {
  while (spent() < until) inner(until);
}

function inner(until: number): void {
  for (let i = 0; i < 1e5 && spent() < until; i++);
}

function names(tree: CallTree): string[] {
  return [tree.name, ...tree.children.flatMap(names)];
}

test('the CPU profile is of the operation alone, and says how much CPU that took', async t => {
  const turn = (): void => outer(spent() + TURN_MS);
  function before(): void {
    turn();
  }
  function within(): void {
    turn();
  }
  function after(): undefined {
    turn();
  }
  const parameters = { connections: 1 };
  const one = { name: 'it', backend: 'both', parameters, items: 1, prepare: before, operation: within, check: after };
  const { cpu, operations, total } = await profileCase(one as Case, 0);
  const found = names(callTree(cpu, 'cpu'));
  t.true(found.some(name => name.startsWith('within ')));
  t.deepEqual(
    found.filter(name => /^(before|after) /.test(name)),
    [],
  );
  const [part] = partsOf(cpu);
  t.is(part.name, 'the benchmark');
  t.true(
    ['turn', 'outer', 'inner', 'spent'].some(name => part.functions.has(name)),
    [...part.functions.keys()].join(),
  );
  // the two that are not the operation would make it three times as much
  const expected = operations * TURN_MS * 1e6;
  t.true(total < expected * 2, `${total} of ${expected} ns`);
  t.true(part.cpu < expected * 2, `${part.cpu} of ${expected} ns`);
});

test('the table of parts is for each item, and what no profile sees is a part too', t => {
  const parts = [
    {
      name: 'store',
      cpu: 600,
      functions: new Map([
        ['merge', 595],
        ['take', 5],
      ]),
    },
    { name: 'Node and its event loop', cpu: 1, functions: new Map() },
  ];
  t.is(
    partTable(parts, 1000, 10),
    `| part | CPU for each | share | functions |
|---|---:|---:|---|
| store | 60.0 ns | 60.0 % | merge 59.5 % |
| Node and its event loop | 40.0 ns | 40.0 % |  |
| all | 100.0 ns | 100.0 % |  |
`,
  );
});

test('a tree has callers above callees; a function left out takes its callees with it', t => {
  time.start({ intervalMicros: 500 });
  outer(spent() + 300);
  const profile = time.stop();
  const tree = callTree(profile, 'wall');
  const find = (node: CallTree, start: string): CallTree | undefined =>
    node.name.startsWith(start) ? node : node.children.map(child => find(child, start)).find(Boolean);
  t.truthy(find(find(tree, 'outer profile.test.js')!, 'inner profile.test.js'));
  const sum = tree.children.reduce((all, { value }) => all + value, 0);
  t.is(tree.value, sum);
  without(profile, new Set(['outer']));
  t.false(names(callTree(profile, 'wall')).some(name => /^(outer|inner) /.test(name)));
  t.throws(() => callTree(profile, 'space'), { message: /no values of space/ });
});
