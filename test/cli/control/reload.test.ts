import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import test from 'ava';
import type { DaemonStatus } from '../../../src/daemon/control/status.js';
import { eventually } from '../../helpers/eventually.js';
import { anyCollector, ctflow, RECORDING, spawnCtflow } from '../../helpers/kernel/cli.js';
import { temporaryPath } from '../../helpers/temporary.js';

async function statusOf(control: string): Promise<DaemonStatus> {
  const { stdout } = await ctflow(['status', '--json', '--control', control]);
  return JSON.parse(stdout) as DaemonStatus;
}

test('settings are read again: what can changes, the rest is named, and a wrong file changes nothing', async t => {
  const file = temporaryPath(t, 'ctflow.yaml');
  const control = temporaryPath(t, 'control.sock');
  const to = await anyCollector();
  const inventory = temporaryPath(t, 'inventory.yaml');
  writeFileSync(inventory, 'nodes: []\n');
  let interval = '1h';
  const write = (...lines: string[]): void => {
    writeFileSync(file, [`source: replay:${RECORDING}`, `flowPollInterval: ${interval}`, ...lines, ''].join('\n'));
  };
  write('logLevel: info', 'destinations:', '  main:', `    flowCollectorAddr: ${to}`);
  const args = [
    'run',
    '--config',
    relative(process.cwd(), file),
    '--control',
    control,
    '--shutdown-timeout',
    '20s',
    '--inventory',
    inventory,
  ];
  const run = spawnCtflow(args);
  t.teardown(() => run.kill('SIGKILL'));
  let log = '';
  run.stderr.on('data', chunk => (log += chunk));
  run.stdout.resume();
  await eventually('it runs', () => log.includes('ctflow runs'));
  const reload = (): ReturnType<typeof ctflow> => ctflow(['reload', '--control', control]);

  t.is((await statusOf(control)).configFile, file, 'whoever asks is elsewhere');
  t.is((await reload()).stdout, 'no setting has changed\n');

  writeFileSync(inventory, 'nodes: [\n');
  const kept = 'the inventory cannot be used, and stays as it was: see the log of ctflow run\n';
  t.is((await reload()).stdout, kept);
  t.regex(log, /CTFLOW_INVENTORY: .*; the previous inventory stays in use/);
  writeFileSync(inventory, 'nodes: []\n');

  interval = '30m';
  write(
    'logLevel: debug',
    'maxConnections: 1000',
    'shutdownTimeout: 1m',
    'destinations:',
    `  main: {flowCollectorAddr: '${to}', mtu: 1400, filter: protocol == tcp}`,
    '  more: {flowCollectorAddr: udp://127.0.0.1:9}',
  );
  const changed = await reload();
  t.is(changed.code, 0, changed.stderr);
  t.deepEqual(changed.stdout.trimEnd().split('\n'), [
    'logLevel: changed',
    'flowPollInterval: changed',
    'destinations.main.mtu: changed',
    'destinations.main.filter: changed',
    'destinations.more: added',
    'maxConnections: needs a restart',
  ]);
  t.regex(log, /"needRestart":\["maxConnections"\].*these settings need a restart/);
  t.deepEqual(
    (await statusOf(control)).destinations.map(({ name }) => name),
    ['main', 'more'],
  );

  write('logLevel: loud', 'maxConnections: none', 'destinations:', `  main: {flowCollectorAddr: '${to}'}`);
  const wrong = await reload();
  t.is(wrong.code, 2);
  t.regex(wrong.stderr, /^ctflow: nothing has changed: ctflow run keeps the settings that it has\n/);
  t.regex(wrong.stderr, /CTFLOW_CONFIG: .*:3:11: logLevel: 'loud' is not a choice/);
  t.regex(wrong.stderr, /CTFLOW_CONFIG: .*:4:17: maxConnections/);
  t.regex(log, /'loud' is not a choice.*; the settings stay as they were/);

  write('logLevel: warn', 'destinations:', `  main: {flowCollectorAddr: '${to}'}`);
  const quiet = (await reload()).stdout;
  t.deepEqual(
    quiet.trimEnd().split('\n'),
    [
      'logLevel: changed',
      'destinations.main.mtu: changed',
      'destinations.main.filter: changed',
      'destinations.more: removed',
    ],
    'what differed from the start does so no more',
  );
  t.deepEqual(
    (await statusOf(control)).destinations.map(({ name }) => name),
    ['main'],
  );
  const before = log.length;
  run.kill('SIGTERM');
  await once(run, 'close');
  t.notRegex(log.slice(before), /"level":"info"/);
  t.regex((await reload()).stderr, /^ctflow: CTFLOW_CONTROL: No ctflow run answers at /);
});
