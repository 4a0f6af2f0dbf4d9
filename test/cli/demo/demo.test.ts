import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { DemoReport } from '../../../src/cli/demo/report.js';
import { backends } from '../../helpers/backends.js';
import { eventually } from '../../helpers/eventually.js';
import { descendants, isAlive } from '../../helpers/kernel/processes.js';
import { needs } from '../../helpers/kernel/require.js';

const CTFLOW = fileURLToPath(new URL('../../../../bin/ctflow.js', import.meta.url));

/** Starts `ctflow demo`; ended with the test, whatever becomes of it. */
function demo(t: ExecutionContext, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [CTFLOW, 'demo', ...args], { env: { ...process.env, ...env } });
  t.teardown(() => child.kill('SIGKILL'));
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', chunk => out.push(chunk));
  child.stderr.on('data', chunk => err.push(chunk));
  const finished = once(child, 'close').then(([code]) => ({
    code: code as number | null,
    stdout: Buffer.concat(out).toString(),
    stderr: Buffer.concat(err).toString(),
  }));
  return { child, finished, said: () => Buffer.concat(out).toString() };
}

function requireEqualCounts(t: ExecutionContext, report: DemoReport): void {
  t.is(report.exportedOctets, report.kernelOctets);
  t.is(report.exportedPackets, report.kernelPackets);
  t.is(report.recordsCollected, report.recordsExported);
  t.is(report.sequenceLost, 0);
}

/** Connections and records of a line of totals. */
const TOTALS = /^\[\d+ s\] (\d+) connections in (\d+) IPFIX flow records/gm;

/** IPv4 packets that reached the network namespace of a process, none where it is this one's or the process has ended. */
function packetsAround(pid: number): number {
  try {
    if (readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net')) return 0;
    return Number(/^Ip: \d+ \d+ (\d+)/m.exec(readFileSync(`/proc/${pid}/net/snmp`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
}

const onKernel = needs(test.serial, ['demo']);

for (const { name: backend } of backends()) {
  onKernel(`live, ${backend}: every packet that the kernel counted is collected`, async t => {
    const { finished } = demo(t, ['--json', '--duration', '6s', '--backend', backend]);
    const { code, stdout, stderr } = await finished;
    t.is(code, 0, stderr);
    const report = JSON.parse(stdout) as DemoReport;
    t.is(report.mode, 'live');
    t.is(report.backend, backend);
    requireEqualCounts(t, report);
    // each kind of traffic in both families, however seldom it was its turn
    t.true(report.connections >= 14 && report.kernelPackets > 100, stdout);
    t.true(report.recordsExported >= report.connections, stdout);
    t.deepEqual(Object.keys(report).sort(), [
      'backend',
      'connections',
      'exportedOctets',
      'exportedPackets',
      'kernelOctets',
      'kernelPackets',
      'mode',
      'recordsCollected',
      'recordsExported',
      'repeated',
      'sequenceLost',
    ]);
  });

  test.serial(`replay, ${backend}: without a namespace it says so in one sentence and replays a recording`, async t => {
    const folder = await mkdtemp(join(tmpdir(), 'ctflow-demo-'));
    t.teardown(() => rm(folder, { recursive: true }));
    const refusal = 'unshare: unshare failed: Operation not permitted';
    for (const name of ['unshare', 'perl']) {
      await writeFile(join(folder, name), `#!/bin/sh\necho '${refusal}' >&2\nexit 1\n`, { mode: 0o755 });
    }
    const env = { PATH: [folder, process.env['PATH']].join(delimiter) };
    const { code, stdout, stderr } = await demo(t, ['--json', '--backend', backend], env).finished;
    t.is(code, 0, stderr);
    t.is(stderr.trim().split('\n').length, 1, stderr);
    t.regex(stderr, process.platform === 'linux' ? /Operation not permitted.*recording/ : /Linux.*recording/);
    const report = JSON.parse(stdout) as DemoReport;
    t.is(report.mode, 'replay');
    t.is(report.backend, backend);
    requireEqualCounts(t, report);
    t.true(report.connections > 0 && report.kernelOctets > 0, stdout);
  });
}

onKernel('lines for people where stdout is no terminal, with the table and the verdict', async t => {
  const { child, finished, said } = demo(t, ['--duration', '10m']);
  const rows = [
    /^tcp +192\.0\.2\.10:\d+ +→ 203\.0\.113\.80:443 +to 198\.51\.100\.20:8443 +\d/m,
    /^icmp6 2001:db8::10 +→ 2001:db8::20 /m,
  ];
  await eventually('rows, and more records than connections', () => {
    const [, connections, records] = [...said().matchAll(TOTALS)].at(-1) ?? [];
    return Number(records) > Number(connections) && rows.every(row => row.test(said()));
  });
  child.kill('SIGTERM');
  const { code, stdout, stderr } = await finished;
  t.is(code, 0, stderr);
  t.regex(stdout, /^ctflow demo · Linux .* backend · \d+ s of 600 s$/m);
  for (const row of rows) t.regex(stdout, row);
  t.regex(stdout, /^ {2}octets +([\d,]+) +\1$/m);
  t.regex(stdout, /^Equal: /m);
  t.false(stdout.includes('\x1b'));
});

for (const [signal, env] of [
  ['SIGINT', {}],
  ['SIGTERM', { CTFLOW_BACKEND: 'fallback' }],
] as const) {
  onKernel(`${signal} ends it early, with a report, and leaves no process`, async t => {
    const { child, finished } = demo(t, ['--json', '--duration', '10m'], env);
    const inside = await eventually('the traffic of the demonstration', () => {
      t.is(child.exitCode, null, 'it goes on');
      const found = descendants(child.pid!);
      return found.length >= 2 && found.some(pid => packetsAround(pid) > 100) && found;
    });
    child.kill(signal);
    const { code, stdout, stderr } = await finished;
    t.is(code, 0, stderr);
    const report = JSON.parse(stdout) as DemoReport;
    requireEqualCounts(t, report);
    if ('CTFLOW_BACKEND' in env) t.is(report.backend, env.CTFLOW_BACKEND);
    t.true(report.kernelPackets > 0);
    t.deepEqual(inside.filter(isAlive), []);
  });
}

onKernel('a demonstration killed by SIGKILL leaves no child process', async t => {
  const { child, finished } = demo(t, ['--json', '--duration', '10m']);
  const inside = await eventually('the demo has children and grandchildren', async () => {
    const found = descendants(child.pid!);
    return found.length >= 2 && found;
  });
  child.kill('SIGKILL');
  await finished;
  await eventually('nothing is left of it', () => !inside.some(isAlive));
  t.deepEqual(inside.filter(isAlive), []);
});

test('a duration out of range is a usage error', async t => {
  for (const duration of ['2s', '2h', 'soon']) {
    const { code, stdout, stderr } = await demo(t, ['--duration', duration]).finished;
    t.is(code, 2);
    t.is(stdout, '');
    t.regex(stderr, new RegExp(`CTFLOW_USAGE.*'${duration}'`));
  }
});

test('the help has examples', async t => {
  const { code, stdout } = await demo(t, ['--help']).finished;
  t.is(code, 0);
  t.regex(stdout, /CTFLOW_DURATION/);
  t.regex(stdout, /\$ ctflow demo --json/);
});
