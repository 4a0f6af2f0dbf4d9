import test, { type ExecutionContext } from 'ava';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { collectFile } from '../src/collector/file/collect-file.js';
import { newStats } from '../src/collector/stats.js';
import { parseInventory } from '../src/inventory/parse.js';
import { eventually } from './helpers/eventually.js';
import { PrivateNamespace } from './helpers/kernel/namespace.js';
import { needs } from './helpers/kernel/require.js';
import { Traffic } from './helpers/kernel/traffic.js';
import { temporaryPath } from './helpers/temporary.js';

const pathOf = (name: string): string => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));

test('the example inventory is valid', t => {
  const name = 'inventory.yaml';
  const { pods, nodes, services, podPrefixes } = parseInventory(readFileSync(pathOf(name), 'utf8'), name);
  t.deepEqual([pods.length, nodes.length, services.length, podPrefixes?.length], [2, 2, 1, 3]);
});

needs(test, ['namespace'])('nft accepts the example of a ruleset', async t => {
  const namespace = await PrivateNamespace.create(t);
  await namespace.run('nft', ['-f', pathOf('ctflow.nft')]);
  t.regex(await namespace.run('nft', ['list', 'ruleset']), /log prefix "ctflow:drop:in:prod\/web:no-ssh" group 5/);
});

test('the example of library use dumps, exports and collects a recording', async t => {
  const { stdout } = await promisify(execFile)(process.execPath, [pathOf('library.mjs')]);
  t.is(stdout.trimEnd().split('\n').at(-1), '11 connections dumped, 20 records exported, 20 collected');
});

test('the example of an encoder writes a file that a collector reads', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  const recording = fileURLToPath(new URL('../../fixtures/demo.ctflow', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [pathOf('encode.mjs'), path, recording]);
  t.regex(stdout, /^11 connections in \d+ messages\n$/);
  let records = 0;
  t.is(await collectFile(path, { onRecord: () => void records++, stats: newStats() }), undefined);
  t.is(records, 11);
});

needs(test, ['namespace', 'native'])(
  'the examples of an exporter and a collector: a namespace is exported',
  async t => {
    const namespace = await PrivateNamespace.create(t);
    await namespace.track();
    const traffic = new Traffic(namespace);
    const { port } = await traffic.do('udpListen', { host: '127.0.0.1' });
    await traffic.do('udpSend', { host: '127.0.0.1', port, from: 6001, packets: 5, size: 11, answered: false });
    const collector = printed(t, spawn(process.execPath, [pathOf('collector.mjs'), 'udp://127.0.0.1:0']));
    const [, address] = await collector.line(/listening on (udp:.*)/);
    const args = [pathOf('export-namespace.mjs'), `/proc/${namespace.pid}/ns/net`, address];
    const exporter = printed(t, namespace.spawn(process.execPath, args, {}, 'owner'));
    await exporter.line(/exporting 1 connections of/);
    exporter.child.kill('SIGINT');
    await exporter.line(/1 records exported, 0 left/);
    await collector.line(/protocol 17: 127\.0\.0\.1 > 127\.0\.0\.1, 195 octets/);
    collector.child.kill('SIGINT');
    t.truthy(await collector.line(/1 records received, 0 lost/));
  },
);

/** What a program prints on both streams; it is killed at the end of the test. */
function printed(t: ExecutionContext, child: ChildProcess) {
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  let text = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', chunk => (text += chunk));
  const line = async (wanted: RegExp): Promise<RegExpExecArray> => {
    return eventually(`a line ${wanted}`, () => {
      const found = wanted.exec(text);
      if (!found && (child.exitCode ?? child.signalCode) !== null) throw new Error(`no line ${wanted} in\n${text}`);
      return found ?? undefined;
    });
  };
  return { child, line };
}
