import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Readable, Writable } from 'node:stream';
import test from 'ava';
import { anyCollector, ctflow, CTFLOW, RECORDING } from '../helpers/kernel/cli.js';
import { datagramOf, journalFields, RECEIVER } from '../helpers/kernel/datagrams.js';
import { namespaceCommand, needs, PYTHON } from '../helpers/kernel/require.js';
import { VERSION } from '../../src/common/version.js';

type Line = Readonly<Record<string, unknown>>;

const linesOf = (log: string): Line[] =>
  log
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Line);

const run = async (...more: string[]): Promise<string[]> => [
  'run',
  '--collector',
  await anyCollector(),
  '--source',
  `replay:${RECORDING}`,
  '--flow-poll-interval',
  '200ms',
  ...more,
];

test('one line at start has all that is needed to understand the run, the last one a summary, none is about a record', async t => {
  const args = await run('--mtu', '1400');
  const [many, none] = await Promise.all([
    ctflow(args, { CTFLOW_IDLE_FLOW_EXPORT_TIMEOUT: '20s' }),
    ctflow([...args, '--protocol-filter', 'sctp']),
  ]);
  const lines = linesOf(many.stderr);
  const start = lines.find(({ msg }) => msg === 'ctflow runs')!;
  t.like(start, { source: 'replay', events: 'off', version: VERSION, node: process.version, uid: process.geteuid!() });
  t.like(start['settings'], { mtu: '1400', idleFlowExportTimeout: '20s', flowPollInterval: '200ms' });
  t.false(Object.hasOwn(start['settings'] as object, 'pollBudget'), 'what nobody gave is not there');
  const [destination] = start['destinations'] as Line[];
  t.like(destination, { name: args[2], endpoint: args[2], profile: 'standard' });
  t.true(Array.isArray(start['capabilities']) && typeof start['kernel'] === 'string');
  const stopped = lines.at(-1)!;
  t.is(stopped['msg'], 'stopped');
  const words =
    /^ran for \d+ \w+( \d+ s)?: 10 polls, 20 connections, 20 records exported to 1 destination; nothing was lost$/;
  t.regex(String(stopped['summary']), words);
  const texts = (log: readonly Line[]): unknown[] => log.map(({ msg }) => msg);
  t.deepEqual(texts(linesOf(none.stderr)), texts(lines), 'as many lines for no record as for many');
});

/** Under a journald of our own: what it receives, and what comes on standard error. */
async function underJournald(backend: string): Promise<{ entries: Record<string, string>[]; stderr: string }> {
  const socket = '/run/systemd/journal/socket';
  const script = `
    mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal || exit
    ${PYTHON} -c "$0" ${socket} <&4 >&3 &
    while [ ! -S ${socket} ]; do sleep 0.05; done
    export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2)
    exec "$@" 3>&- 4<&-`;
  const mounts = namespaceCommand()!.includes('-Ur') ? '-Urm' : '-m';
  const command = [process.execPath, CTFLOW, ...(await run('--backend', backend))];
  const child = spawn('unshare', [mounts, 'sh', '-c', script, RECEIVER, ...command], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  const [, , , received, end] = child.stdio as [null, null, Readable, Readable, Writable];
  const [datagrams, stderr] = [text(received), text(child.stderr!)];
  await once(child, 'exit');
  end.end();
  const lines = (await datagrams).trim().split('\n').slice(1);
  return { entries: lines.map(line => journalFields(datagramOf(line).bytes)), stderr: await stderr };
}

needs(test, ['native', 'namespace'])('under systemd the log goes to journald in its own protocol', async t => {
  const { entries, stderr } = await underJournald('native');
  t.is(stderr, '');
  const start = entries.find(({ MESSAGE }) => MESSAGE.startsWith('ctflow runs '))!;
  t.like(start, { PRIORITY: '6', SYSLOG_IDENTIFIER: 'ctflow', CTFLOW_BACKEND: 'native', CTFLOW_VERSION: VERSION });
  t.like((JSON.parse(start['CTFLOW_DESTINATIONS']) as Line[])[0], { profile: 'standard' });
  const stopped = entries.at(-1)!;
  t.regex(
    stopped['MESSAGE'].replaceAll(/\s+/g, ' '),
    /^stopped ran for .*, 20 records exported to 1 destination; nothing was lost ctflow: /,
  );
  t.is((JSON.parse(stopped['CTFLOW_STATISTICS']) as { connections: number }).connections, 20);
});

needs(test, ['namespace'])('the fallback tells journald the level of each line', async t => {
  const { entries, stderr } = await underJournald('fallback');
  t.deepEqual(entries, []);
  const lines = stderr.trimEnd().split('\n');
  t.deepEqual(
    lines.filter(line => !/^<[346]>/.test(line)),
    [],
  );
  t.true(lines.some(line => line.startsWith('<6>ctflow runs backend=fallback source=replay ')));
});

needs(test, ['linux'])('an error before the log is there has its level for journald, too', async t => {
  const script = 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$0" "$@"';
  // that there is no native module would stand in front of it
  const args = ['run', '--config', 'none', '--backend', 'fallback'];
  const child = spawn('sh', ['-c', script, process.execPath, CTFLOW, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.regex(await text(child.stderr), /^<3>ctflow: CTFLOW_USAGE: There is no destination/);
});
