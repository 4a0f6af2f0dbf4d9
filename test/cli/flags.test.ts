import test from 'ava';
import { Command, type Option } from 'commander';
import { collectCommand } from '../../src/cli/collect.js';
import { flushCommand } from '../../src/cli/control/flush.js';
import { reloadCommand } from '../../src/cli/control/reload.js';
import { statusCommand } from '../../src/cli/control/status.js';
import { demoCommand } from '../../src/cli/demo.js';
import { dumpCommand } from '../../src/cli/dump.js';
import { pressureCommand } from '../../src/cli/pressure/pressure.js';
import { recordCommand } from '../../src/cli/record.js';
import { runCommand } from '../../src/cli/run.js';
import { topCommand } from '../../src/cli/top/top.js';
import { versionCommand } from '../../src/cli/version.js';
import { addRunSettings } from '../../src/config/run-config.js';

const COMMANDS: readonly (() => Command)[] = [
  runCommand,
  statusCommand,
  flushCommand,
  reloadCommand,
  collectCommand,
  dumpCommand,
  topCommand,
  pressureCommand,
  recordCommand,
  demoCommand,
  versionCommand,
];

/** A value that is not the default, for each flag. */
const SAMPLES: Readonly<Record<string, string>> = {
  '--config': 'none',
  '--collector': 'udp://192.0.2.1:4740,tcp://[2001:db8::1]:4741',
  '--listen': 'udp://127.0.0.1:1,tcp://127.0.0.1:2',
  '--backend': 'fallback',
  '--source': 'replay:x',
  '--netns': 'blue',
  '--max-namespaces': '8',
  '--family': '6',
  '--zone': '7',
  '--mark': '0x1/0xff',
  '--status': 'ASSURED,!SRC_NAT',
  '--protocol-filter': 'tcp,47',
  '--flow-poll-interval': '7s',
  '--poll-budget': '25',
  '--active-flow-export-timeout': '8s',
  '--idle-flow-export-timeout': '9s',
  '--stale-connection-timeout': '10m',
  '--shutdown-timeout': '2m',
  '--handshake-interval': '20s',
  '--max-connections': '1000',
  '--first-sight': 'total',
  '--events': 'off',
  '--event-buffer': '65536',
  '--hold-ended': 'on',
  '--dying-limit': '500',
  '--nflog-group': '5,65535',
  '--nflog-buffer': '65536',
  '--max-denied': '300',
  '--nft-comments': 'off',
  '--marks': '0x10/0xf0=allow:in:prod/web:http,7=drop:out:/lab',
  '--labels': '5=allow:in:prod/web:http',
  '--inventory': 'inventory.yaml',
  '--geoip-asn': 'asn.mmdb',
  '--geoip-country': 'country.mmdb',
  '--dns-names': 'on',
  '--dns-servers': '192.0.2.53,[2001:db8::53]:5353',
  '--dns-cache': '17',
  '--dns-max-age': '5m',
  '--kubernetes': 'in-cluster',
  '--kubernetes-node': 'worker-7',
  '--kubernetes-pods': 'node',
  '--kubernetes-pod-prefixes': '10.244.0.0/16,fd00:10::/56',
  '--kubernetes-labels': 'app.kubernetes.io/name,team',
  '--state': '/run/ctflow.state',
  '--control': '/run/ctflow/one.sock',
  '--watch': 'on',
  '--instance': 'edge',
  '--exclude-self': 'off',
  '--setup-sysctl': 'on',
  '--tcp-state-history': 'yes',
  '--netfilter-elements': '1',
  '--zero-delta-records': 'true',
  '--json': 'on',
  '--profile': 'antrea',
  '--biflow': 'two-uniflows',
  '--interfaces': '2,3',
  '--route-mark': 'ctmark',
  '--owners': 'on',
  '--aggregate-keys': 'src,dst.port',
  '--aggregate-interval': '5m',
  '--aggregate-limit': '17',
  '--nat-instance': '7',
  '--nat-time': 'nanoseconds',
  '--nat66-events': '200,201',
  '--metrics': '127.0.0.1:9469',
  '--deprecated-sampling': 'on',
  '--observation-domain': '0xffffffff',
  '--mtu': '1400',
  '--template-refresh-interval': '2m',
  '--template-refresh-packets': '17',
  '--udp-segmentation': 'off',
  '--local-address': '192.0.2.9',
  '--local-port': '40000',
  '--file-max-size': '100000',
  '--file-max-age': '10m',
  '--file-keep': '7',
  '--file-keep-size': 'off',
  '--max-rate': '5000',
  '--reconnect-interval': '2m',
  '--connection-lifetime': '1h',
  '--tls-ca': '/etc/ctflow/ca.pem',
  '--tls-certificate': '/etc/ctflow/exporter.pem',
  '--tls-key': '/etc/ctflow/exporter-key.pem',
  '--tls-server-name': 'collector.example',
  '--tls-peer-name': 'one.example,two.example',
  '--collector-buffer': '65536',
  '--ended-queue': '100',
  '--options-interval': '0s',
  '--log-level': 'debug',
  '--stats-interval': '2s',
  '--fields': 'flowId,octetDeltaCount',
  '--filter': 'protocol == tcp && bytes > 1MB',
  '--record-last': '20m',
  '--record-size': '64MiB',
  '--record-directory': '/srv/record',
  '--record-rate': '1MiB',
  '--record-cpu': '7',
  '--record-keep': '9',
  '--record-at-fill': '75',
  '--record-at-drops': '0',
  '--record-pause': '2h',
  '--format': 'json',
  '--elements': 'tcpHandshakeMicroseconds=32473/1,sourceCommand=32473/2',
  '--sort': 'packets',
  '--reverse': 'on',
  '--limit': '17',
  '--rows': '17',
  '--snat-ports': '203.0.113.1=2000-2999,1024-65535',
  '--group': 'zone',
  '--count': '12',
  '--interval': '3s',
  '--duration': '4s',
  '--template-lifetime': '5m',
};

const flagsOf = (command: Command): Option[] => command.options.filter(({ long }) => long !== '--help');

function parsed(make: () => Command, args: readonly string[], env: NodeJS.ProcessEnv): Record<string, unknown> {
  const command = make();
  // what a command needs, where it is not what is looked at
  const rest = command.name() === 'record' ? ['file'] : [];
  if (command.name() === 'run' && !args.includes('--collector') && env['CTFLOW_COLLECTOR'] === undefined) {
    rest.push('--collector', 'udp://192.0.2.7:7');
  }
  const kept = { ...process.env };
  for (const name of Object.keys(process.env)) if (name.startsWith('CTFLOW_')) delete process.env[name];
  Object.assign(process.env, env);
  try {
    command.exitOverride().action(() => {});
    return command.parse([...args, ...rest], { from: 'user' }).opts();
  } finally {
    for (const name of Object.keys(env)) delete process.env[name];
    Object.assign(process.env, kept);
  }
}

for (const make of COMMANDS) {
  for (const { long, envVar, attributeName } of flagsOf(make()).map(option => ({
    long: option.long!,
    envVar: option.envVar,
    attributeName: option.attributeName(),
  }))) {
    test(`${make().name()} ${long}: its environment variable has the same effect`, t => {
      t.is(envVar, `CTFLOW_${long.slice(2).replaceAll('-', '_').toUpperCase()}`, 'one rule for all');
      const text = SAMPLES[long];
      const fromLine = parsed(make, [long, text], {})[attributeName];
      t.not(fromLine, undefined);
      t.deepEqual(parsed(make, [], { [envVar!]: text })[attributeName], fromLine);
      t.notDeepEqual(parsed(make, [], {})[attributeName], fromLine, 'the sample is not the default');
    });
  }
}

test('the default in the help of each flag can be written', t => {
  for (const make of COMMANDS) {
    for (const option of flagsOf(make())) {
      const { long, defaultValue, defaultValueDescription } = option;
      if (defaultValue === undefined) continue;
      t.deepEqual(parsed(make, [long!, defaultValueDescription!], {})[option.attributeName()], defaultValue, long!);
    }
  }
});

test('a switch is on without a word, and a flag turns off what its variable turns on', t => {
  t.true(parsed(runCommand, ['--setup-sysctl', '--mtu', '1400'], {})['setupSysctl']);
  t.false(parsed(runCommand, [], {})['setupSysctl']);
  t.true(parsed(runCommand, [], { CTFLOW_SETUP_SYSCTL: 'yes' })['setupSysctl']);
  t.false(parsed(runCommand, ['--setup-sysctl', 'off'], { CTFLOW_SETUP_SYSCTL: 'yes' })['setupSysctl']);
});

test('every mistake of flags and variables is named in one go', t => {
  const wrong = ['--mtu', '1', '--profile', 'cisco', '--nflog-group', '5,x', '--event-buffer', '1kb'];
  const command = new Command('run').action(() => {});
  const config = addRunSettings(command);
  process.env['CTFLOW_MAX_RATE'] = 'fast';
  t.teardown(() => delete process.env['CTFLOW_MAX_RATE']);
  command.parse([...wrong, '--collector', 'udp://a'], { from: 'user' });
  t.deepEqual(
    config()
      .mistakes.map(({ code, message }) => `${code} ${message}`)
      .sort(),
    [
      "CTFLOW_USAGE --event-buffer: '1kb' is not a size",
      "CTFLOW_USAGE --mtu: '1' is out of range",
      "CTFLOW_USAGE --nflog-group: 'x' is out of range",
      "CTFLOW_USAGE --profile: 'cisco' is not a choice",
      "CTFLOW_USAGE CTFLOW_MAX_RATE: 'fast' is not a number",
    ],
  );
});

test('--udp-segmentation without a word, as it was before, is on; its variable may say 1 or 0', t => {
  const segmentation = (args: string[], env = {}): unknown => parsed(runCommand, args, env)['udpSegmentation'];
  t.true(segmentation([]));
  t.true(segmentation(['--udp-segmentation', '--mtu', '1400'], { CTFLOW_UDP_SEGMENTATION: 'off' }));
  t.false(segmentation(['--udp-segmentation', 'off']));
  t.deepEqual(
    ['1', 'yes', 'ON', '0', 'false', 'Off'].map(text => segmentation([], { CTFLOW_UDP_SEGMENTATION: text })),
    [true, true, true, false, false, false],
  );
});

test('no two flags of a command share a variable', t => {
  for (const make of COMMANDS) {
    const names = flagsOf(make()).map(({ envVar }) => envVar);
    t.is(new Set(names).size, names.length, make().name());
  }
});

test('the command line overrides the environment', t => {
  t.is(parsed(runCommand, ['--mtu', '1500'], { CTFLOW_MTU: '1400' })['mtu'], 1500);
});

test('several collectors, one after another or joined by commas', t => {
  const expected = [
    { protocol: 'udp', host: 'a', port: 1 },
    { protocol: 'tcp', host: 'b', port: 4739 },
  ];
  for (const args of [
    ['--collector', 'udp://a:1', '--collector', 'tcp://b'],
    ['--collector', 'udp://a:1', 'tcp://b'],
    ['--collector', 'udp://a:1,tcp://b'],
  ]) {
    t.deepEqual(parsed(runCommand, args, {})['flowCollectorAddr'], expected);
  }
});

// Antrea refreshes its templates after 600 s; Filebeat, goflow2 and others need them sooner
test('the defaults are Antrea’s where Antrea has one', t => {
  t.like(parsed(runCommand, [], {}), {
    flowPollInterval: 'auto',
    pollBudget: 10,
    activeFlowExportTimeout: 5_000,
    idleFlowExportTimeout: 15_000,
    staleConnectionTimeout: 300_000,
    shutdownTimeout: 30_000,
    mtu: 512,
    templateRefreshInterval: 60_000,
    reconnectInterval: 60_000,
    profile: 'standard',
  });
});
