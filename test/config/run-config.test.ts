import test, { type ExecutionContext } from 'ava';
import { Command } from 'commander';
import { writeFileSync } from 'node:fs';
import { createFallbackBackend } from '../../src/backend/fallback.js';
import { checkRun } from '../../src/cli/run-checks.js';
import { settingsWithoutEffect } from '../../src/cli/settings-without-effect.js';
import { CtflowError } from '../../src/common/errors.js';
import { addRunSettings, type RunConfig } from '../../src/config/run-config.js';
import { temporaryPath } from '../helpers/temporary.js';

const FALLBACK = createFallbackBackend();

function read(t: ExecutionContext, yaml: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): RunConfig {
  const path = temporaryPath(t, 'ctflow.yaml');
  writeFileSync(path, yaml);
  const command = new Command('run').action(() => {});
  const config = addRunSettings(command);
  Object.assign(process.env, env);
  try {
    command.parse(['--config', path, ...args], { from: 'user' });
  } finally {
    for (const name of Object.keys(env)) delete process.env[name];
  }
  return config();
}

test('a flag goes before a variable, a variable before the file, the file before the default', t => {
  const yaml = 'flowPollInterval: 7s\nmtu: 1400\nprofile: antrea\nsetupSysctl: true\n';
  const env = { CTFLOW_MTU: '1450', CTFLOW_PROFILE: 'standard', CTFLOW_SETUP_SYSCTL: 'off' };
  const { settings } = read(t, yaml, ['--mtu', '1500'], env);
  t.like(settings, {
    flowPollInterval: 7_000,
    mtu: 1500,
    profile: 'standard',
    setupSysctl: false,
    maxRate: 'auto',
  });
});

test('the flight recorder is a map in the file, over which variables and flags win', t => {
  const yaml = 'record: {last: 10m, size: 64MiB, atFill: 0, keep: 7}\nflowCollectorAddr: udp://h:1\n';
  const config = read(t, yaml, ['--record-size', '32MiB'], { CTFLOW_RECORD_KEEP: '9' });
  t.deepEqual(config.mistakes, []);
  t.like(config.settings, {
    recordLast: 600_000,
    recordSize: 32 << 20,
    recordAtFill: 0,
    recordKeep: 9,
    recordAtDrops: 100,
  });
  t.false('record' in config.settings);
  t.true(config.isGiven('recordLast') && config.isGiven('recordAtFill'));
  t.false(config.isGiven('recordRate'));
  // by its key, as all others
  t.is(read(t, 'recordLast: 20m\nflowCollectorAddr: udp://h:1\n').settings.recordLast, 1_200_000);
  const alone = read(t, 'record: {size: 64MiB}\nflowCollectorAddr: udp://h:1\n');
  t.deepEqual(settingsWithoutEffect(alone, FALLBACK), ['recordSize has no effect without recordLast']);
});

test('values of the file may be written as such or as the text of a flag, lists as lists', t => {
  const yaml = `
flowCollectorAddr: [udp://a:1, 'tcp://b']
protocolFilter: [tcp, 47]
nflogGroup: 5
eventBuffer: 64KiB
nflogBuffer: 65536
family: 4
mark: 0x10/0xf0
excludeSelf: off
netfilterElements: true
observationDomain: 0xff
statsInterval: 0s
maxRate: 5000`;
  const { settings, mistakes } = read(t, yaml);
  t.deepEqual(mistakes, []);
  t.like(settings, {
    protocolFilter: [6, 47],
    nflogGroup: [5],
    eventBuffer: 65_536,
    nflogBuffer: 65_536,
    family: 2,
    mark: { value: 0x10, mask: 0xf0 },
    excludeSelf: false,
    netfilterElements: true,
    observationDomain: 255,
    statsInterval: 0,
    maxRate: 5000,
  });
  t.is(settings.flowCollectorAddr!.length, 2);
});

test('there may be spaces behind the commas of a text', t => {
  const { settings, mistakes } = read(t, 'tlsPeerName: a.test, b.test\nprotocolFilter: tcp, udp\n', [
    '--collector',
    'udp://a:1, tcp://b',
    '--status',
    'ASSURED, !SRC_NAT',
  ]);
  t.deepEqual(mistakes, []);
  t.deepEqual(settings.tlsPeerName, ['a.test', 'b.test']);
  t.is(settings.flowCollectorAddr!.length, 2);
});

test('a destination has what it says itself, else what all have; --collector makes more of them', t => {
  const yaml = `
mtu: 1400
destinations:
  main:
    flowCollectorAddr: tcp://collector.example
    profile: antrea
    activeFlowExportTimeout: 1m
  lab:
    flowCollectorAddr: udp://[2001:db8::1]:4740
    observationDomain: 7
    mtu: 9000`;
  const { destinations } = read(t, yaml, ['--mtu', '1500', '--collector', 'udp://x:1']);
  t.like(destinations[0], {
    name: 'main',
    endpoint: { protocol: 'tcp', host: 'collector.example', port: 4739 },
    profile: 'antrea',
    activeFlowExportTimeout: 60_000,
    idleFlowExportTimeout: 15_000,
    mtu: 1500,
  });
  t.like(destinations[1], { name: 'lab', profile: 'standard', observationDomain: 7, mtu: 9000 });
  t.like(destinations[2], { name: 'udp://x:1', profile: 'standard', mtu: 1500 });
  t.is(destinations.length, 3);
});

test('texts and names are read as they are written, also those that look like numbers', t => {
  const yaml = `
instance: 007
netns: 1.10
state: 1e3
tlsServerName: True
destinations:
  1.0:
    flowCollectorAddr: udp://h:1
  010:
    flowCollectorAddr: udp://h:2`;
  const { settings, destinations, mistakes } = read(t, yaml);
  t.deepEqual(mistakes, []);
  t.like(settings, { instance: '007', netns: ['1.10'], state: '1e3', tlsServerName: 'True' });
  t.deepEqual(
    destinations.map(({ name }) => name),
    ['1.0', '010'],
  );
});

test('an empty file says nothing, and --config none reads none', t => {
  for (const yaml of ['', '# nothing\n', '---\n', '{}']) {
    const { settings, mistakes, destinations } = read(t, yaml, ['--collector', 'udp://x:1']);
    t.deepEqual(mistakes, []);
    t.is(settings.profile, 'standard');
    t.is(destinations.length, 1);
  }
  t.is(read(t, 'mtu: 1400', ['--config', 'none', '--collector', 'udp://x:1']).file, undefined);
});

test('anchors are read, and a value behind one is blamed where it stands', t => {
  const yaml = 'destinations:\n  a: &a\n    flowCollectorAddr: tcp://h:1\n    mtu: 5\n  b: *a\n';
  const { destinations, mistakes } = read(t, yaml);
  t.deepEqual(
    destinations.map(({ name }) => name),
    ['a', 'b'],
  );
  t.deepEqual(
    mistakes.map(({ message }) => /:(\d+:\d+): (.*)$/.exec(message)!.slice(1)),
    [
      ['4:10', "destinations.a.mtu: '5' is out of range"],
      ['4:10', "destinations.b.mtu: '5' is out of range"],
    ],
  );
});

test('a file that is not there, a folder, a device and a large one are errors of one line', t => {
  const folder = temporaryPath(t, '.');
  for (const path of ['/nowhere/ctflow.yaml', folder, '/dev/zero', process.execPath]) {
    const command = new Command('run').action(() => {});
    addRunSettings(command);
    const error = t.throws(() => command.parse(['--config', path], { from: 'user' }), { instanceOf: CtflowError });
    t.is(error.code, 'CTFLOW_CONFIG');
    t.true(error.message.startsWith(`The configuration file ${path} cannot be read: `), error.message);
  }
});

test('what has no effect is said of the key in the file', t => {
  const yaml = 'mtu: 1400\ndestinations:\n  a:\n    flowCollectorAddr: tcp://h:1\n    templateRefreshInterval: 5m\n';
  t.deepEqual(settingsWithoutEffect(read(t, yaml), FALLBACK), [
    'mtu has no effect without a UDP or DTLS collector',
    'destinations.a.templateRefreshInterval has no effect over tcp',
  ]);
  const others = 'flowCollectorAddr: tcp://h:1\nfields: [flowId]\nnetfilterElements: true\naggregateInterval: 2m\n';
  t.deepEqual(settingsWithoutEffect(read(t, others), FALLBACK), [
    'netfilterElements has no effect with fields: name mark and conntrack_id there',
    'aggregateInterval has no effect without aggregateKeys',
  ]);
});

test('what has no effect in one destination is said of that one, though another one has use of it', t => {
  const yaml = [
    'destinations:',
    '  events: {flowCollectorAddr: "tcp://a", profile: nat, natInstance: 2, activeFlowExportTimeout: 9s}',
    '  sums: {flowCollectorAddr: "tcp://b", aggregateKeys: [src], aggregateInterval: 2m, netfilterElements: on}',
    '  list: {flowCollectorAddr: "tcp://c", fields: [flowId], netfilterElements: on, natTime: nanoseconds}',
    '  flows: {flowCollectorAddr: "tcp://d", aggregateLimit: 5, netfilterElements: on}',
    '  antrea: {flowCollectorAddr: "tcp://e", profile: antrea, deprecatedSampling: on}',
    '',
  ].join('\n');
  t.deepEqual(settingsWithoutEffect(read(t, yaml), FALLBACK), [
    'destinations.events.activeFlowExportTimeout has no effect with profile nat: its records are those of events',
    'destinations.sums.netfilterElements has no effect with aggregateKeys: name mark there',
    'destinations.list.natTime has no effect without profile nat',
    'destinations.list.netfilterElements has no effect with fields: name mark and conntrack_id there',
    'destinations.flows.aggregateLimit has no effect without aggregateKeys',
    'destinations.antrea.deprecatedSampling has no effect without options records',
  ]);
});

test('what a file says though it is so by default is not said to have no effect', t => {
  const yaml = 'flowCollectorAddr: tcp://h:1\nmtu: 512\nmaxRate: auto\naggregateInterval: 60s\n';
  t.deepEqual(settingsWithoutEffect(read(t, yaml), FALLBACK), []);
});

test('two destinations at one UDP address need different observation domains, over TCP they need not', t => {
  const yaml = (address: string, domain = ''): string =>
    `destinations:\n  a: {flowCollectorAddr: '${address}'}\n  b: {flowCollectorAddr: '${address}'${domain}}\n`;
  const wrong = (text: string): string[] => checkRun(read(t, text), FALLBACK).map(({ message }) => message);
  t.regex(wrong(yaml('udp://[::1]:1'))[0], /3:\d+: b has the address and the observation domain of a/);
  t.deepEqual(wrong(yaml('udp://[::1]:1', ', observationDomain: 5')), []);
  t.deepEqual(wrong(yaml('tcp://[::1]:1')), []);
});

for (const [one, other, same] of [
  ['udp://127.0.0.1:4739', 'udp://localhost', true],
  ['udp://[0:0:0:0:0:0:0:1]', 'LocalHost::udp', true],
  ['udp://[::1]:4739', 'udp://[0:0:0:0:0:0:0:1]', true],
  ['udp://[::ffff:192.0.2.1]', '192.0.2.1:4739', true],
  ['udp://[fe80:0::1%eth0]', 'udp://[FE80::1%25eth0]', true],
  ['udp://Collector.example', 'udp://collector.EXAMPLE:4739', true],
  ['udp://[fe80::1%eth0]', 'udp://[fe80::1%eth1]', false],
  ['udp://127.0.0.1', 'udp://127.0.0.2', false],
  ['udp://localhost', 'udp://localhost:4740', false],
  ['udp://[::ffff:192.0.2.1]', 'udp://192.0.2.2', false],
] as const) {
  test(`${one} and ${other} are ${same ? 'one address' : 'two addresses'} to a UDP collector`, t => {
    const yaml = `destinations:\n  a: {flowCollectorAddr: '${one}'}\n  b: {flowCollectorAddr: '${other}'}\n`;
    const said = checkRun(read(t, yaml), FALLBACK).map(({ message }) => message);
    t.is(said.length, same ? 1 : 0);
    if (same) t.regex(said[0], /3:\d+: b has the address and the observation domain of a/);
  });
}

test('a name may be any word, and what is none is named', t => {
  for (const name of ['__proto__', 'constructor', 'a.b', 'x-1']) {
    const { destinations, mistakes } = read(t, `destinations:\n  ${name}:\n    flowCollectorAddr: udp://h:1\n`);
    if (name === '__proto__') t.regex(mistakes[0].message, /:2:3: __proto__: there is no such key/);
    else
      t.deepEqual(
        destinations.map(({ name }) => name),
        [name],
      );
  }
});

test('a mistake is one line of what a terminal shows, whatever the key or the value is', t => {
  const { mistakes } = read(t, 'flowCollectorAddr: udp://h:1\n? "a\\nb\\e[31m"\n: 5\nmtu: "1\\n2"\n');
  t.deepEqual(mistakes.map(({ message }) => message.replace(/^.*ctflow\.yaml:/, '')).toSorted(), [
    '2:3: a\\u{a}b\\u{1b}[31m: there is no such key',
    "4:6: mtu: '1\\u{a}2' is out of range",
  ]);
});

test('a map is no key', t => {
  const { mistakes } = read(t, 'flowCollectorAddr: udp://h:1\n? { a: 1 }\n: 3\n');
  t.deepEqual(
    mistakes.map(({ message }) => message.replace(/^.*ctflow\.yaml:/, '')),
    ['2:3: a map or a list is no key'],
  );
});
