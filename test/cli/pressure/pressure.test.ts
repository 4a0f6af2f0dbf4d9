import test from 'ava';
import { writeFileSync } from 'node:fs';
import type { PressureReport } from '../../../src/cli/pressure/report.js';
import { eventually } from '../../helpers/eventually.js';
import { ctflow, RECORDING, spawnCtflow } from '../../helpers/kernel/cli.js';
import { temporaryPath } from '../../helpers/temporary.js';

const REPLAY = ['--source', `replay:${RECORDING}`, '--interval', '200ms'];

test('the connections of a recording are counted, as JSON and for people', async t => {
  const { code, stdout, stderr } = await ctflow(['pressure', ...REPLAY, '--json']);
  t.is(code, 0, stderr);
  t.is(stderr, '');
  const { origin, counted, complete, table, forecast, groups } = JSON.parse(stdout) as PressureReport;
  t.deepEqual([origin, complete, table, forecast], ['a recording', true, undefined, undefined]);
  t.true(counted > 0);
  for (const kind of ['source', 'destination', 'zone', 'state', 'timeout'] as const)
    t.is(groups[kind].entries, counted, kind);
  const { stdout: text } = await ctflow(['pressure', ...REPLAY, '--rows', '1']);
  t.regex(text, /^a recording\ncounted {2}\d+ entries\n\nSOURCE /);
  t.regex(text, /\nand \d+ others with \d+ entries\n/);
});

test('a daemon is asked over its socket, and knows by its settings which ports are free', async t => {
  const control = temporaryPath(t, 'control.sock');
  const file = temporaryPath(t, 'ctflow.yaml');
  writeFileSync(file, 'snatPorts:\n  203.0.113.1: 1024-1030\n');
  const source = ['--source', `replay:${RECORDING}`, '--control', control, '--metrics', '127.0.0.1:0'];
  const run = spawnCtflow(['run', '--config', file, ...source, '--flow-poll-interval', '1h']);
  t.teardown(() => run.kill('SIGKILL'));
  let log = '';
  run.stderr.on('data', chunk => (log += chunk));
  run.stdout.resume();
  await eventually('it runs', () => log.includes('ctflow runs'));
  const { code, stdout, stderr } = await ctflow(['pressure', '--control', control, '--interval', '200ms', '--json']);
  t.is(code, 0, stderr);
  const { origin, counted, groups } = JSON.parse(stdout) as PressureReport;
  t.regex(origin, new RegExp(`^ctflow run \\d+\\.\\d+\\.\\d+ \\(pid ${run.pid}\\)$`));
  t.is(counted, 11);
  const left = ({ entries, free }: { entries: number; free?: number }) => [entries, free];
  t.deepEqual(groups.snat.lines.map(left), [[1, 6]]);
  const flag = ['--snat-ports', '203.0.113.0/24=1-9', '--rows', '1', '--interval', '200ms', '--json'];
  const { stdout: other } = await ctflow(['pressure', '--control', control, ...flag]);
  t.deepEqual((JSON.parse(other) as PressureReport).groups.snat.lines.map(left), [[1, 8]]);
  const { stdout: status } = await ctflow(['status', '--control', control]);
  t.regex(status, /\nsnat ports {3}udp 203\.0\.113\.1 > 198\.51\.100\.2:4500: 1 in use, 6 free\n/);
  const metrics = /http:\/\/[\d.:]+/.exec(log)![0];
  t.regex(await (await fetch(`${metrics}/metrics`)).text(), /\nctflow_top_snat_ports_free\{rank="1"\} 6\n/);
});

test('a daemon or a source, and not both', async t => {
  const both = await ctflow(['pressure', ...REPLAY, '--control', '/nowhere']);
  t.is(both.code, 2);
  t.regex(both.stderr, /CTFLOW_USAGE: ctflow pressure asks a ctflow run or polls itself, and not both/);
  const nobody = await ctflow(['pressure', '--control', '/nowhere/control.sock']);
  t.is(nobody.code, 1);
  t.regex(nobody.stderr, /CTFLOW_CONTROL: No ctflow run answers/);
});
