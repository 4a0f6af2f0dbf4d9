import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import test from 'ava';
import { statusText } from '../../../src/cli/control/status-text.js';
import type { DaemonStatus } from '../../../src/daemon/control/status.js';
import { eventually } from '../../helpers/eventually.js';
import { ctflow, RECORDING, spawnCtflow } from '../../helpers/kernel/cli.js';
import { temporaryPath } from '../../helpers/temporary.js';

const TEMPLATE_SET = 2;

test('a running ctflow says how it does, exports at once when told to, and sends its templates again', async t => {
  const control = temporaryPath(t, 'control.sock');
  const collector = createSocket('udp4');
  const sets: number[] = [];
  collector.on('message', message => sets.push(message.readUInt16BE(16)));
  collector.bind(0, '127.0.0.1');
  await once(collector, 'listening');
  t.teardown(() => collector.close());
  const to = `udp://127.0.0.1:${collector.address().port}`;
  const args = ['run', '--config', 'none', '--collector', to, '--source', `replay:${RECORDING}`, '--control', control];
  const timeouts = ['--flow-poll-interval', '1h', '--active-flow-export-timeout', '1h'];
  const run = spawnCtflow([...args, ...timeouts, '--idle-flow-export-timeout', '1h']);
  t.teardown(() => run.kill('SIGKILL'));
  let log = '';
  run.stderr.on('data', chunk => (log += chunk));
  run.stdout.resume();
  await eventually('it runs', () => log.includes('ctflow runs'));

  const before = sets.length;
  const flushed = await ctflow(['flush', '--control', control]);
  t.is(flushed.code, 0, flushed.stderr);
  t.regex(flushed.stdout, new RegExp(`^${to}: [1-9]\\d* connections due now\n$`));
  await eventually('records without a timeout', () => sets.length > before);

  const templates = sets.filter(set => set === TEMPLATE_SET).length;
  const resent = await ctflow(['templates', 'resend', to, '--control', control]);
  t.regex(resent.stdout, new RegExp(`^${to}: [1-9]\\d* sent again\n$`), resent.stderr);
  await eventually('templates', () => sets.filter(set => set === TEMPLATE_SET).length > templates);

  const status = await ctflow(['status', '--json', '--control', control]);
  const { destinations, state, statistics, ...rest } = JSON.parse(status.stdout) as DaemonStatus;
  t.is(state, 'running');
  t.is(rest.pid, run.pid!);
  t.is(rest.source, 'replay');
  t.is(destinations[0].name, to);
  t.is(destinations[0].state, 'connected');
  t.true(destinations[0].records > 0);
  t.is(statistics?.recordsExported, destinations[0].records);
  const { stdout } = await ctflow(['status', '--control', control]);
  t.regex(stdout, /running, for .*\n.*\n.*source replay/);
  t.regex(stdout, /^connections  11 stored, at most 1,048,576 \(0 %\)$/m);

  const wrong = await ctflow(['flush', 'nobody', '--control', control]);
  t.is(wrong.code, 2);
  t.regex(wrong.stderr, /CTFLOW_USAGE: There is no destination 'nobody'\. There are: udp/);

  const second = await ctflow(args);
  t.is(second.code, 1);
  t.regex(second.stderr, /CTFLOW_CONTROL: Another ctflow run has the control socket/);

  run.kill('SIGTERM');
  await once(run, 'close');
  const none = await ctflow(['status', '--control', control]);
  t.is(none.code, 1);
  t.regex(none.stderr, /CTFLOW_CONTROL: No ctflow run answers at .*\. Start ctflow run/);
});

test('status fits into 80 columns, and names the last error of a destination', t => {
  const one = {
    profile: 'standard',
    observationDomain: 1,
    messages: 2,
    octets: 3,
    unexported: 1,
    waitingLimit: 131_072,
  };
  const text = statusText({
    version: '1.0.0',
    state: 'running',
    pid: 7,
    node: 'v22.0.0',
    startedAt: '2026-01-01T00:00:00.000Z',
    uptime: 7_290_000,
    configFile: '/etc/ctflow/ctflow.yaml',
    backend: 'native',
    source: 'netlink',
    conntrack: { entries: 65_536, limit: 262_144 },
    forecast: { rate: 12_345, span: 60_000, removesIn: 3_599_000, fullIn: 86_340_000 },
    destinations: [
      {
        ...one,
        name: 'main',
        endpoint: 'tcp://192.0.2.10:4739',
        state: 'not connected',
        records: 12_345_678,
        lostRecords: 30,
        oversize: 11,
        waiting: 65_536,
        pressure: 50,
        lastError: { at: '2026-01-01T01:00:00.000Z', why: 'ECONNREFUSED', meaning: 'nobody listens there' },
      },
    ],
  });
  t.deepEqual(text.split('\n'), [
    'ctflow 1.0.0: running, for 2 h 1 min (pid 7)',
    'settings     /etc/ctflow/ctflow.yaml',
    'backend      native, source netlink',
    'conntrack    65,536 entries, at most 262,144 (25 %)',
    'pressure     +12,345 a second: early removal in 59 min 59 s, full in 23 h 59 min',
    '',
    'DESTINATION            STATE              RECORDS     LOST  WAITING  QUEUE',
    'main                   not connected   12,345,678       42   65,536   50 %',
    '  tcp://192.0.2.10:4739',
    '  last error 2026-01-01T01:00:00.000Z: ECONNREFUSED, nobody listens there',
    '',
  ]);
});
