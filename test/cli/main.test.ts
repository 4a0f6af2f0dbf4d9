import test from 'ava';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Unexported } from '../../src/store/unexported.js';
import { RecordingWriter } from '../../src/sources/recording.js';
import { ctflow, CTFLOW, RECORDING, spawnCtflow } from '../helpers/kernel/cli.js';
import { flows, udpCollector } from '../helpers/fakes/collector-socket.js';
import { eventually } from '../helpers/eventually.js';
import { needs } from '../helpers/kernel/require.js';

const COLLECTOR = ['--collector', 'udp://127.0.0.1:9'];
// takes everything, so that a run that ends in order is a success
const receiver = createSocket('udp4').on('message', () => {});
receiver.bind(0, '127.0.0.1');
await once(receiver, 'listening');
receiver.unref();
const RECEIVER = ['--collector', `udp://127.0.0.1:${receiver.address().port}`];

const wrong: [string, string[], RegExp][] = [
  ['no command', [], /Usage: ctflow/],
  ['an unknown command', ['exprot'], /unknown command 'exprot'/],
  ['an unknown flag', ['dump', '--famly', '4'], /unknown option '--famly'/],
  ['no collector', ['run'], /--collector/],
  [
    'a bad address',
    ['run', '--backend', 'fallback', '--collector', 'http://x'],
    /^ctflow: CTFLOW_USAGE: --collector: 'http:\/\/x' is not a collector address\. Write/,
  ],
  ['a value that is empty', ['dump', '--netns', ''], /CTFLOW_USAGE: --netns: '' is empty/],
  ['a source that is empty', ['dump', '--source='], /CTFLOW_USAGE: --source: '' is empty/],
  ['one collector twice', ['run', ...COLLECTOR, ...COLLECTOR], /--collector: 'udp:\/\/127\.0\.0\.1:9' is given twice/],
  ['TCP states without their events', ['run', ...COLLECTOR, '--tcp-state-history'], /CTFLOW_USAGE.*--events all/],
  ['a flag without its value', ['dump', '--family'], /argument missing/],
  ['an argument too many', ['dump', 'now'], /too many arguments/],
  ['no file to record to', ['record'], /missing required argument 'file'/],
  ['an unknown source', ['dump', '--source', 'pcap'], /CTFLOW_USAGE: --source: 'pcap' is not a source/],
  ['a namespace of a recording', ['dump', '--source', 'replay:x', '--netns', 'blue'], /CTFLOW_USAGE.*--netns/],
  [
    'a state file for a recording',
    ['run', ...COLLECTOR, '--source', `replay:${RECORDING}`, '--state', '/nowhere/state'],
    /CTFLOW_USAGE: --state needs conntrack ids and start times/,
  ],
  [
    'denied packets beside a recording',
    ['run', ...COLLECTOR, '--source', `replay:${RECORDING}`, '--nflog-group', '5'],
    /CTFLOW_USAGE: --nflog-group needs --source kernel/,
  ],
  [
    'a mistake in a filter',
    ['dump', '--filter', 'protocl == tcp'],
    /CTFLOW_USAGE: --filter: column 1: 'protocl' is not a field. Write protocol/,
  ],
  ['a bad status', ['dump', '--status', 'FINE'], /CTFLOW_USAGE: --status: 'FINE' is not a status/],
];
for (const [what, args, said] of wrong) {
  test(`exit code 2 for a usage error: ${what}`, async t => {
    const { code, stdout, stderr } = await ctflow(args);
    t.is(code, 2);
    t.is(stdout, '');
    t.regex(stderr, said);
    t.notRegex(stderr, /\n {4}at /, 'no stack');
  });
}

test('exit code 2 for a bad value in the environment, which is named', async t => {
  for (const [env, said] of [
    [{ CTFLOW_MTU: 'large' }, "CTFLOW_MTU: 'large' is not a number. Write a whole number from 256 to 65535, or path"],
    [{ CTFLOW_PROFILE: 'x' }, "CTFLOW_PROFILE: 'x' is not a choice. Allowed choices are standard, antrea"],
    [{ CTFLOW_SETUP_SYSCTL: 'maybe' }, "CTFLOW_SETUP_SYSCTL: 'maybe' is not a choice. Write on or off"],
  ] as const) {
    const { code, stderr } = await ctflow(['run', '--backend', 'fallback', ...COLLECTOR], env);
    t.is(code, 2);
    t.true(stderr.startsWith(`ctflow: CTFLOW_USAGE: ${said}`), stderr);
  }
});

test('variables that ctflow does not know are named in a warning, in the form of the log', async t => {
  const env = { CTFLOW_MTO: '1400' };
  const dump = await ctflow(['dump', '--source', `replay:${RECORDING}`], env);
  t.is(dump.code, 0);
  t.regex(dump.stderr, /^ctflow: CTFLOW_MTO is a variable that ctflow does not know; the nearest is CTFLOW_MTU/m);
  const check = await ctflow(['config', 'check', '--config', 'none', ...COLLECTOR], env);
  t.is(check.stderr.split('CTFLOW_MTO').length, 2, check.stderr);
  const args = ['run', ...RECEIVER, '--source', `replay:${RECORDING}`, '--flow-poll-interval', '20ms'];
  const run = await ctflow(args, env);
  t.is(run.code, 0);
  t.like(JSON.parse(run.stderr.split('\n')[0]), {
    level: 'warn',
    msg: 'CTFLOW_MTO is a variable that ctflow does not know; the nearest is CTFLOW_MTU',
  });
});

test('a recording is readable by its owner alone, also where a file of that name was there', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'ctflow-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const file of ['new', 'old']) {
    const path = join(folder, file);
    if (file === 'old') await writeFile(path, 'x', { mode: 0o644 });
    await (await RecordingWriter.create(path, true)).close();
    t.is((await stat(path)).mode & 0o777, 0o600);
  }
});

needs(test, ['linux', 'bash'])('too few open files are an error of one line', async t => {
  for (const limit of [24, 64, 127]) {
    const { status, stderr } = spawnSync(
      'bash',
      ['-c', `ulimit -n ${limit}; exec "$0" "$@"`, process.execPath, CTFLOW, 'version'],
      {
        encoding: 'utf8',
      },
    );
    t.is(status, 1);
    t.is(stderr, `ctflow: CTFLOW_LIMIT: ${limit} open files are too few. Allow 128 at least (ulimit -Hn)\n`);
  }
});

test('exit code 1 for a recording that does not exist', async t => {
  const { code, stderr } = await ctflow(['dump', '--source', 'replay:/nowhere/x.ctflow']);
  t.is(code, 1);
  t.regex(stderr, /^ctflow: CTFLOW_RECORDING: /m);
});

test('exit code 1 for a bad inventory, before anything is opened', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'ctflow-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const inventory = join(folder, 'inventory.yaml');
  const args = ['run', ...COLLECTOR, '--source', `replay:${RECORDING}`, '--inventory', inventory];
  const missing = await ctflow(args);
  t.is(missing.code, 1);
  t.regex(
    missing.stderr,
    /^ctflow: CTFLOW_INVENTORY: .+inventory\.yaml cannot be read: ENOENT\. Give a file that exists/m,
  );
  await writeFile(inventory, 'node: worker-1\npods: 3\n');
  const wrong = await ctflow(args);
  t.is(wrong.code, 1);
  t.regex(wrong.stderr, /^ctflow: CTFLOW_INVENTORY: .+inventory\.yaml:2:7: pods is 3\. It must be a list/m);
});

test('exit code 1 where all records were larger than a message may be', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'ctflow-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const inventory = join(folder, 'inventory.yaml');
  const node = 'n'.repeat(253);
  await writeFile(inventory, `nodes: [{name: ${node}, addresses: [0.0.0.0/0, '::/0']}]\n`);
  const args = ['run', ...RECEIVER, '--source', `replay:${RECORDING}`, '--flow-poll-interval', '20ms'];
  const names = ['--inventory', inventory, '--fields', 'flowId,sourceNodeName,destinationNodeName'];
  const { code, stderr } = await ctflow([...args, ...names, '--mtu', '256']);
  t.is(code, 1, stderr);
  t.regex(
    stderr,
    /^ctflow: CTFLOW_UNEXPORTED: no record was exported to udp:\S+: each was larger than a message may be\. Give a larger --mtu/m,
  );
  const larger = await ctflow([...args, ...names, '--mtu', '1400']);
  t.is(larger.code, 0, larger.stderr);
});

test('an inventory with a profile that exports no names is logged as a warning', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'ctflow-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const inventory = join(folder, 'inventory.yaml');
  await writeFile(inventory, '{}');
  const args = ['run', ...RECEIVER, '--source', `replay:${RECORDING}`, '--flow-poll-interval', '20ms'];
  const standard = await ctflow([...args, '--inventory', inventory]);
  t.is(standard.code, 0, standard.stderr);
  t.regex(standard.stderr, /"level":"warn".+--inventory has no effect without --profile antrea/);
  const antrea = await ctflow([...args, '--inventory', inventory, '--profile', 'antrea']);
  t.notRegex(antrea.stderr, /antrea alone/);
  t.regex(antrea.stderr, /"stopped"/);
});

test('exit code 1, with their number, for records that a collector did not take before the end', async t => {
  const dead = createServer().listen(0, '127.0.0.1');
  await once(dead, 'listening');
  const { port } = dead.address() as AddressInfo;
  await new Promise(resolve => dead.close(resolve));
  const args = ['run', '--source', `replay:${RECORDING}`, '--flow-poll-interval', '20ms'];
  const { code, stderr } = await ctflow([...args, '--collector', `tcp://127.0.0.1:${port}`]);
  t.is(code, 1, stderr);
  t.regex(stderr, /^ctflow: CTFLOW_UNEXPORTED: [1-9][0-9]* records were left unexported/m);
  t.regex(stderr, /"connections":[1-9].*connections not exported at shutdown/);
});

test('exit code 1 for an incomplete dump, whose connections are still printed', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'ctflow-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const cut = join(folder, 'cut.ctflow');
  await copyFile(RECORDING, cut);
  await truncate(cut, 700);
  const { code, stdout, stderr } = await ctflow(['dump', '--source', `replay:${cut}`]);
  t.is(code, 1);
  t.regex(stderr, /CTFLOW_/);
  t.true(stdout.split('\n').length > 1 || /CTFLOW_RECORDING/.test(stderr));
});

for (const args of [['--help'], ['help'], ['--version'], ['version', '--backend', 'fallback']]) {
  test(`exit code 0: ctflow ${args.join(' ')}`, async t => {
    const { code, stdout, stderr } = await ctflow(args);
    t.is(code, 0);
    t.true(stdout.length > 0);
    t.is(stderr, '');
  });
}

for (const command of [
  'run',
  'collect',
  'dump',
  'config',
  'config check',
  'config print',
  'record',
  'demo',
  'version',
]) {
  test(`${command} --help has examples, and every flag’s variable`, async t => {
    const { code, stdout } = await ctflow([...command.split(' '), '--help']);
    t.is(code, 0);
    t.regex(stdout, new RegExp(`Examples:\n(?:.*\n)*? +[#$] ctflow ${command}`));
    const flags = [...stdout.matchAll(/^ {2}--[a-z-]+/gm)].length;
    t.is([...stdout.matchAll(/env:\s+CTFLOW_[A-Z_]+/g)].length, flags);
  });
}

test('CTFLOW_BACKEND chooses the backend, as the flag does', async t => {
  const { code, stdout } = await ctflow(['version'], { CTFLOW_BACKEND: 'fallback' });
  t.is(code, 0);
  t.regex(stdout, /^backend fallback /m);
});

test('dump prints the connections, as a table and as JSON', async t => {
  const table = await ctflow(['dump', '--source', `replay:${RECORDING}`, '--backend', 'fallback']);
  t.is(table.code, 0);
  t.is(table.stdout.trimEnd().split('\n').length, 21);
  t.regex(table.stderr, /20 connections/);
  const json = await ctflow(['dump', '--format', 'json', '--source', `replay:${RECORDING}`, '--backend', 'fallback']);
  const lines = json.stdout.trimEnd().split('\n');
  t.is(lines.length, 20);
  for (const line of lines) t.truthy((JSON.parse(line) as { original: { source: string } }).original.source);
  const none = await ctflow(['dump', '--protocol-filter', 'gre', '--source', `replay:${RECORDING}`]);
  t.is(none.code, 0);
  t.is(none.stdout, '');
});

test('dump --filter prints the connections that match, and counts the others', async t => {
  const replay = ['dump', '--format', 'json', '--source', `replay:${RECORDING}`, '--backend', 'fallback'];
  const all = (await ctflow(replay)).stdout.trimEnd().split('\n');
  const isTcp = (line: string): boolean => (JSON.parse(line) as { protocol: string }).protocol === 'tcp';
  const { code, stdout, stderr } = await ctflow([...replay, '--filter', 'protocol == tcp']);
  t.is(code, 0);
  t.deepEqual(stdout.trimEnd().split('\n'), all.filter(isTcp));
  t.true(all.some(isTcp) && !all.every(isTcp));
  const left = all.filter(line => !isTcp(line)).length;
  t.regex(stderr, new RegExp(`^ctflow: ${all.length - left} connections, ${left} left out by --filter`, 'm'));
});

test('run replays a recording to its end, and every record arrives', async t => {
  const collector = await udpCollector(t);
  const { port } = collector.endpoint;
  const args = ['run', '--collector', `udp://127.0.0.1:${port}`, '--source', `replay:${RECORDING}`];
  const { code, stdout, stderr } = await ctflow([...args, '--flow-poll-interval', '20ms', '--backend', 'fallback']);
  t.is(code, 0, stderr);
  t.is(stdout, '');
  const lines = stderr
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);
  const end = lines.at(-1)!;
  t.is(end['msg'], 'stopped');
  t.true(Number(end['recordsExported']) > 0);
  await eventually('every record', () => flows(collector).length === end['recordsExported']);
});

test('run --filter exports the connections that match, and counts the others', async t => {
  const collector = await udpCollector(t);
  const { port } = collector.endpoint;
  const args = ['run', '--collector', `udp://127.0.0.1:${port}`, '--source', `replay:${RECORDING}`];
  const replay = [...args, '--flow-poll-interval', '20ms', '--filter', 'protocol == udp && bytes > 0'];
  const { code, stderr } = await ctflow(replay);
  t.is(code, 0, stderr);
  const lines = stderr.trimEnd().split('\n');
  const end = JSON.parse(lines.at(-1)!) as { recordsExported: number; destinations: { filtered: Unexported }[] };
  t.true(end.recordsExported > 0);
  await eventually('every record', () => flows(collector).length === end.recordsExported);
  t.true(flows(collector).every(record => record.get('protocolIdentifier') === 17));
  const { connections, packets, octets } = end.destinations[0].filtered;
  t.true(connections > 0 && packets >= connections && octets > packets);
});

for (const backend of ['auto', 'fallback']) {
  test(`run --fields exports the elements of the list, in its order (${backend})`, async t => {
    const collector = await udpCollector(t);
    const { port } = collector.endpoint;
    const list = ['flowId', 'octetDeltaCount', 'sourceIPv4Address', 'destinationTransportPort', 'flowStartSeconds'];
    const own = { tcpState: '12345/7', status: '12345/8', offloaded: '12345/9' };
    const args = ['run', '--collector', `udp://127.0.0.1:${port}`, '--source', `replay:${RECORDING}`];
    const flags = ['--flow-poll-interval', '20ms', '--backend', backend, '--fields'];
    flags.push([...list, ...Object.entries(own).map(one => one.join('='))].join());
    list.push(...Object.values(own));
    const { code, stderr } = await ctflow([...args, ...flags]);
    t.is(code, 0, stderr);
    const { recordsExported } = JSON.parse(stderr.trimEnd().split('\n').at(-1)!) as { recordsExported: number };
    await eventually('every record', () => flows(collector).length === recordsExported);
    const found = flows(collector).map(record => record.fields.map(({ element }) => element.name));
    t.true(found.some(names => names.length === list.length));
    for (const names of found) {
      t.deepEqual(
        names,
        list.filter(name => names.includes(name)),
      );
      t.true(names.includes('flowId') && names.includes('flowStartSeconds'));
    }
  });
}

test('run stops at SIGTERM with exit code 0', async t => {
  const args = ['run', ...RECEIVER, '--source', `replay:${RECORDING}`, '--flow-poll-interval', '1h'];
  const child = spawnCtflow(args);
  t.teardown(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', chunk => (stderr += chunk));
  await eventually('it runs', () => stderr.includes('export session started'));
  child.kill('SIGTERM');
  const [code] = (await once(child, 'close')) as [number | null];
  t.is(code, 0);
  t.regex(stderr, /"stopped"/);
});

test('exit code 1 for a dump that nobody read to its end, without a message', async t => {
  const child = spawnCtflow(['dump', '--format', 'json', '--source', `replay:${RECORDING}`]);
  child.stdout.destroy();
  let stderr = '';
  child.stderr.on('data', chunk => (stderr += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  t.is(code, 1);
  t.notRegex(stderr, /EPIPE|OUTPUT/);
});

for (const command of [[], ['run'], ['collect'], ['dump'], ['record'], ['demo'], ['version']]) {
  test(`the help of '${command.join(' ')}' that nobody reads ends without a trace`, async t => {
    const child = spawnCtflow([...command, '--help']);
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', chunk => (stderr += chunk));
    await once(child, 'close');
    t.is(stderr, '');
  });
}

needs(test, ['linux'])('exit code 1 for output to a full disk, which is named', async t => {
  const replay = ['dump', '--source', `replay:${RECORDING}`];
  for (const args of [replay, [...replay, '--format', 'json'], ['version'], ['run', '--help']]) {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [CTFLOW, ...args], {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(full);
    t.is(status, 1, args.join(' '));
    t.regex(stderr, /^ctflow: CTFLOW_OUTPUT: Standard output cannot be written \(ENOSPC\)\. Free space/m);
  }
});

needs(test, ['linux'])('the exit code is that of the work, also where nobody can be told', async t => {
  const replay = ['dump', '--source', `replay:${RECORDING}`];
  for (const [args, code] of [
    [replay, 0],
    [['dump', '--family', '5'], 2],
    [['dump', '--source', 'replay:/nowhere'], 1],
  ] as const) {
    const full = openSync('/dev/full', 'w');
    const { status } = spawnSync(process.execPath, [CTFLOW, ...args], { stdio: ['ignore', 'ignore', full] });
    closeSync(full);
    t.is(status, code, args.join(' '));
    const child = spawnCtflow(args);
    child.stderr.destroy();
    child.stdout.resume();
    t.deepEqual(await once(child, 'close'), [code, null]);
  }
});

test('an address in use is an error, not a usage error', async t => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => new Promise<void>(resolve => socket.close(() => resolve())));
  const { code, stderr } = await ctflow(['collect', '--listen', `udp://127.0.0.1:${socket.address().port}`]);
  t.is(code, 1);
  t.regex(stderr, /^ctflow: CTFLOW_ADDRESS: /m);
});

if (process.platform === 'linux') {
  const absurd: [string, (path: string) => void | Promise<void>, RegExp][] = [
    ['a FIFO', path => void spawnSync('mkfifo', [path]), /it is a pipe, a socket or a device/],
    ['a device without an end', path => symlink('/dev/zero', path), /it is a pipe, a socket or a device/],
    ['a folder', path => void mkdir(path), /it is a directory/],
    [
      'a file that is far too large',
      path => writeFile(path, '').then(() => truncate(path, 2 ** 40)),
      /limit|not a rec/,
    ],
  ];
  for (const [what, make, why] of absurd) {
    test(`${what} given as inventory or recording is an error at once`, async t => {
      const folder = await mkdtemp(join(tmpdir(), 'ctflow-'));
      t.teardown(() => rm(folder, { recursive: true }));
      const path = join(folder, 'absurd');
      await make(path);
      const run = ['run', ...COLLECTOR, '--flow-poll-interval', '20ms'];
      const inventory = await ctflow([...run, '--source', `replay:${RECORDING}`, '--inventory', path]);
      t.is(inventory.code, 1);
      t.regex(inventory.stderr, /^ctflow: CTFLOW_INVENTORY: /m);
      t.regex(inventory.stderr, why);
      const recording = await ctflow(['dump', '--source', `replay:${path}`]);
      t.is(recording.code, 1);
      t.regex(recording.stderr, /CTFLOW_RECORDING/);
      t.regex(recording.stderr, why);
    });
  }

  test('SIGTERM ends a start that still reads a large inventory', async t => {
    const folder = await mkdtemp(join(tmpdir(), 'ctflow-'));
    t.teardown(() => rm(folder, { recursive: true }));
    const path = join(folder, 'inventory.yaml');
    const prefixes = Array.from({ length: 300_000 }, (_, i) => `  - 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32\n`);
    await writeFile(path, `podPrefixes:\n${prefixes.join('')}`);
    const child = spawnCtflow(['run', ...COLLECTOR, '--source', `replay:${RECORDING}`, '--inventory', path]);
    t.teardown(() => child.kill('SIGKILL'));
    let stderr = '';
    child.stderr.on('data', chunk => (stderr += chunk));
    await eventually('it starts', () => stderr.includes('--inventory has no effect'));
    child.kill('SIGTERM');
    const [code] = (await once(child, 'close')) as [number | null];
    t.is(code, 0, stderr);
    t.regex(stderr, /stopped before anything was exported/);
  });
}
