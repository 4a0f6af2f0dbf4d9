import { time } from '@datadog/pprof';
import test from 'ava';
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { callTree, without, type CallTree } from '../../bench/profile/call-tree.js';
import { backends } from '../helpers/backends.js';
import { temporaryPath } from '../helpers/temporary.js';
import { runProgram } from './run.js';

const { name } = backends()[0];

test('profiles of the CPU and of the heap, and pages that need no network', async t => {
  const folder = temporaryPath(t, 'profiles');
  const scope = ['--only', 'store', '--family', 'ipv4', '--connections', '2000', '--time', '500ms', '--backend', name];
  const { code, stderr } = await runProgram('profile/main', [...scope, '--folder', folder]);
  t.is(code, 0, stderr);
  t.deepEqual(readdirSync(folder).sort(), [
    'store-from-empty-both-ipv4.cpu.html',
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
});

/** Milliseconds of CPU of this process: what the clock says of one that is held up is no time to take samples in. */
function spent(): number {
  return process.cpuUsage().user / 1000;
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
