import test from 'ava';
import { Command } from 'commander';
import { createFallbackBackend } from '../../src/backend/fallback.js';
import { type CtflowError, describeError } from '../../src/common/errors.js';
import { checkRun, neededCapabilities } from '../../src/cli/run-checks.js';
import { settingsWithoutEffect } from '../../src/cli/settings-without-effect.js';
import { addRunSettings, type RunConfig } from '../../src/config/run-config.js';
import type { Backend } from '../../src/backend/backend.js';
import type { Source } from '../../src/sources/source.js';

const FALLBACK = createFallbackBackend();
const NATIVE: Backend = { ...FALLBACK, name: 'native' };

function parse(line: string): RunConfig {
  const command = new Command('run').action(() => {});
  const config = addRunSettings(command);
  command.parse(['--config', 'none', ...line.split(' ').filter(Boolean)], { from: 'user' });
  return config();
}

function warnings(line: string, backend = NATIVE): string[] {
  return settingsWithoutEffect(parse(line), backend);
}

const UDP = '--collector udp://a:1';
const TCP = '--collector tcp://a:1';
const FILE = '--collector file:///a';

for (const [line, backend, said] of [
  [`${TCP} --mtu 1400`, NATIVE, '--mtu has no effect without a UDP or DTLS collector'],
  [
    `${TCP} --template-refresh-interval 1m`,
    NATIVE,
    '--template-refresh-interval has no effect without a UDP or DTLS collector',
  ],
  [
    `${TCP} --template-refresh-packets 1`,
    NATIVE,
    '--template-refresh-packets has no effect without a UDP or DTLS collector',
  ],
  [`${TCP} --udp-segmentation`, NATIVE, '--udp-segmentation has no effect without a UDP collector'],
  ['--metrics 127.0.0.1:1 --mtu 1400', NATIVE, '--mtu has no effect without a destination'],
  [`${TCP} --snat-ports 1-9 --control off`, NATIVE, '--snat-ports has no effect without metrics or control'],
  ['--metrics 127.0.0.1:1 --inventory x', NATIVE, '--inventory has no effect without a destination'],
  ['--metrics 127.0.0.1:1 --geoip-asn x', NATIVE, '--geoip-asn has no effect without a destination'],
  [
    `${UDP} --geoip-asn x --fields flowId,sourceCountry=32473/1 --geoip-country x`,
    NATIVE,
    '--geoip-asn has no effect without --fields that have bgpSourceAsNumber, and --filter asks for none',
  ],
  [`${UDP} --dns-cache 5`, NATIVE, '--dns-cache has no effect without --dns-names'],
  [`${UDP} --filter dst.dns==x`, NATIVE, '--filter asks for dst.dns, which is not known without --dns-names'],
  [
    `${UDP} --dns-names`,
    NATIVE,
    '--dns-names has no effect without --fields that have sourceDnsName, and --filter asks for none',
  ],
  [
    `${UDP} --filter dst.country==DE`,
    NATIVE,
    '--filter asks for dst.country, which is not known without --geoip-country',
  ],
  [`${UDP} --owners`, NATIVE, '--owners has no effect without --fields that have owners, such as userName'],
  [`${UDP} --interfaces 1,2 --route-mark ctmark`, NATIVE, '--route-mark has no effect without --interfaces route'],
  [`${UDP} --udp-segmentation`, FALLBACK, '--udp-segmentation has no effect with the fallback backend'],
  [`${UDP} --udp-segmentation off`, FALLBACK, '--udp-segmentation has no effect with the fallback backend'],
  [
    `${TCP} --max-rate auto`,
    NATIVE,
    '--max-rate has no effect without a UDP or DTLS collector: over TCP nothing is spread',
  ],
  [
    `${TCP} --max-rate off`,
    NATIVE,
    '--max-rate has no effect without a UDP or DTLS collector: over TCP nothing is spread',
  ],
  [`${UDP} --collector-buffer 4096`, NATIVE, '--collector-buffer has no effect without a TCP or TLS collector'],
  [`${TCP} --tls-ca ca.pem`, NATIVE, '--tls-ca has no effect without a TLS or DTLS collector'],
  [`${UDP} --connection-lifetime 1h`, NATIVE, '--connection-lifetime has no effect without a TCP or TLS collector'],
  [`${TCP} --handshake-interval 1m`, NATIVE, '--handshake-interval has no effect without a DTLS collector'],
  [`${UDP} --reconnect-interval 1m`, NATIVE, '--reconnect-interval has no effect without a TCP, TLS or DTLS collector'],
  [`${UDP} --file-max-size 65536`, NATIVE, '--file-max-size has no effect without a file:// collector'],
  [`${UDP} --file-keep 5`, NATIVE, '--file-keep has no effect without a file:// collector'],
  [`${FILE} --local-port 5`, NATIVE, '--local-port has no effect where all collectors are files'],
  [`${FILE} --mtu 1400`, NATIVE, '--mtu has no effect without a UDP or DTLS collector'],
  [`${UDP} --events off --event-buffer 4096`, NATIVE, '--event-buffer has no effect without --events'],
  [`${UDP} --dying-limit 5`, FALLBACK, '--dying-limit has no effect without --events'],
  [`${UDP} --hold-ended off --dying-limit 5`, NATIVE, '--dying-limit has no effect with --hold-ended off'],
  [`${UDP} --netns a,b --max-namespaces 4`, NATIVE, '--max-namespaces has no effect without --netns all'],
  [`${UDP} --nflog-buffer 4096`, NATIVE, '--nflog-buffer has no effect without --nflog-group'],
  [`${UDP} --max-denied 1`, NATIVE, '--max-denied has no effect without --nflog-group'],
  [`${UDP} --source replay:x --setup-sysctl`, NATIVE, '--setup-sysctl has no effect with a recording'],
  [
    `${UDP} --options-interval 0s --deprecated-sampling`,
    NATIVE,
    '--deprecated-sampling has no effect without options records',
  ],
  [
    `${UDP} --profile antrea --deprecated-sampling`,
    NATIVE,
    '--deprecated-sampling has no effect without options records',
  ],
  [
    `${UDP} --inventory x`,
    NATIVE,
    '--inventory has no effect without --profile antrea: --fields has no names, and --filter asks for none',
  ],
  [
    `${UDP} --fields flowId --netfilter-elements`,
    NATIVE,
    '--netfilter-elements has no effect with --fields: name mark and conntrack_id there',
  ],
  [
    `${UDP} --aggregate-keys src --netfilter-elements`,
    NATIVE,
    '--netfilter-elements has no effect with --aggregate-keys: name mark there',
  ],
  [
    `${UDP} --aggregate-keys src --events all --tcp-state-history`,
    NATIVE,
    '--tcp-state-history has no effect with --aggregate-keys: sums have no states',
  ],
  [`${UDP} --aggregate-limit 5`, NATIVE, '--aggregate-limit has no effect without --aggregate-keys'],
  [`${UDP} --aggregate-interval 5s`, NATIVE, '--aggregate-interval has no effect without --aggregate-keys'],
  [`${UDP} --nat-instance 2`, NATIVE, '--nat-instance has no effect without --profile nat'],
  [`${UDP} --nat66-events 6,7`, NATIVE, '--nat66-events has no effect without --profile nat'],
  [
    `${UDP} --profile nat --idle-flow-export-timeout 9s`,
    NATIVE,
    '--idle-flow-export-timeout has no effect with --profile nat alone: its records are those of events',
  ],
  [`${UDP} --filter denied`, NATIVE, '--filter asks for denied, which is not known without --nflog-group'],
  [`${UDP} --filter service==x`, NATIVE, '--filter asks for service, which is not known without --inventory'],
  [`${UDP} --log-level warn --stats-interval 5s`, NATIVE, '--stats-interval has no effect with --log-level warn'],
  [
    `${UDP} --flow-poll-interval 4s --poll-budget 20`,
    NATIVE,
    '--poll-budget has no effect with a fixed --flow-poll-interval',
  ],
  [`${UDP} --source replay:x --poll-budget 20`, NATIVE, '--poll-budget has no effect with a recording'],
  [
    `${UDP} --active-flow-export-timeout 2s`,
    NATIVE,
    '--flow-poll-interval (5000 ms) is above --active-flow-export-timeout (2000 ms): what is due is noticed at the next poll only',
  ],
  [
    `${UDP} --flow-poll-interval 6s`,
    NATIVE,
    '--flow-poll-interval (6000 ms) is above --active-flow-export-timeout (5000 ms): what is due is noticed at the next poll only',
  ],
  [
    `${UDP} --idle-flow-export-timeout 10m`,
    NATIVE,
    '--idle-flow-export-timeout (600000 ms) is above --stale-connection-timeout (300000 ms): an ended connection can be dropped before that',
  ],
  [
    `${UDP} --mtu path`,
    FALLBACK,
    '--mtu path has no effect with the fallback backend, which cannot ask the system: packets have 512 octets',
  ],
] as const) {
  test(`said with the ${backend.name} backend: ${line}`, t => {
    t.deepEqual(warnings(line, backend), [said]);
  });
}

test('flags that have an effect, and defaults that have none, are not mentioned', t => {
  t.deepEqual(warnings(`${UDP} --mtu path`), []);
  const all = '--mtu 1400 --reconnect-interval 1s --nflog-group 5 --max-denied 9 --event-buffer 4096 --dying-limit 5';
  t.deepEqual(warnings(`${UDP} ${TCP} ${all} --setup-sysctl --stats-interval 5s`), []);
  t.deepEqual(warnings(TCP, FALLBACK), []);
  t.deepEqual(warnings(`${TCP} --inventory x --filter !(src.pod==x)`), []);
  t.deepEqual(warnings(`${TCP} --max-rate 5000`), []);
  t.deepEqual(warnings(`${UDP} ${TCP} --max-rate off --udp-segmentation off`), []);
  t.deepEqual(warnings(`${UDP} --log-level silent --stats-interval 0s`), []);
});

test('metrics need no destination, and a state file does', t => {
  t.deepEqual(checkRun(parse('--metrics [::1]:1 --nflog-group 5'), NATIVE), []);
  t.deepEqual(warnings('--metrics [::1]:1 --nflog-group 5 --max-denied 9'), []);
  t.deepEqual(parse('--metrics [::1]:1').mistakes, []);
  t.regex(parse('').mistakes[0].message, /There is no destination/);
  t.regex(checkRun(parse('--metrics [::1]:1 --state x'), NATIVE)[0].message, /--state needs a destination/);
});

test('the capabilities that do instead of root', t => {
  const needed = (line: string, kind: Source['kind']): string[] =>
    neededCapabilities(parse(line).settings, { kind } as Source);
  t.deepEqual(needed(UDP, 'netlink'), ['CAP_NET_ADMIN', 'CAP_BPF']);
  t.deepEqual(needed(`${UDP} --netns blue --hold-ended off`, 'netlink'), ['CAP_NET_ADMIN', 'CAP_SYS_ADMIN']);
  t.deepEqual(needed(`${UDP} --netns self --hold-ended off`, 'netlink'), ['CAP_NET_ADMIN']);
  t.deepEqual(needed(`${UDP} --netns all --hold-ended off`, 'netlink'), ['CAP_NET_ADMIN', 'CAP_SYS_ADMIN']);
  t.deepEqual(needed(`${UDP} --setup-sysctl`, 'procfs'), ['CAP_DAC_READ_SEARCH', 'CAP_NET_ADMIN']);
  t.deepEqual(needed(UDP, 'replay'), []);
});

for (const [line, message] of [
  ['--collector udp://a:1,udp://b:1 --local-port 4000', /--local-port does not go with several collectors/],
  ['--collector tcp://[::1]:1 --local-address 127.0.0.1', /cannot reach tcp:\/\/\[::1\]:1: one is IPv4/],
  ['--collector tls://a:1 --tls-key key.pem', /--tls-key needs --tls-certificate/],
  ['--collector tls://a:1 --tls-certificate chain.pem', /--tls-certificate needs --tls-key/],
  ['--collector udp://a:1 --netns all,blue', /--netns all,blue: all has all others in it/],
  ['--collector udp://a:1 --netns a,b --record-last 1m', /--record-last records one network namespace/],
  ['--collector udp://a:1 --netns all --observation-domain 5', /--observation-domain is one number/],
  ['--collector udp://a:1 --netns a,b --local-port 5000', /--local-port is one number/],
  ['--collector tls://a:1 --tls-ca /no/such/file', /'\/no\/such\/file' cannot be used: ENOENT/],
] as const) {
  test(`refused before anything is opened: ${line}`, t => {
    t.regex(checkRun(parse(line), NATIVE)[0].message, message);
  });
}

/** All that is said of flags, and of what they mean together. */
function mistakesOf(args: readonly string[]): CtflowError[] {
  const command = new Command('run').exitOverride().action(() => {});
  const config = addRunSettings(command);
  try {
    command.parse(['--config', 'none', ...(args.includes('--collector') ? [] : UDP.split(' ')), ...args], {
      from: 'user',
    });
    const parsed = config();
    return [...parsed.mistakes, ...checkRun(parsed, NATIVE)];
  } catch (error) {
    return [error as CtflowError];
  }
}

const wrong: [string, string[], RegExp][] = [
  ['a port of 0', ['--collector', 'udp://x:0'], /CTFLOW_USAGE.*no port/],
  [
    'a bad duration',
    ['--flow-poll-interval', '5'],
    /^CTFLOW_USAGE: --flow-poll-interval: '5' is not a duration\. Write a duration from 10ms to 24h/,
  ],
  ['a number with a quote', ['--mtu', "it's"], /CTFLOW_USAGE: --mtu: 'it's' is not a number.*256 to 65535, or path/],
  [
    'one collector twice, written in two ways',
    ['--collector', 'udp://[::1]:4739', 'UDP://[0:0::1]'],
    /--collector: 'udp:\/\/\[::1\]:4739' is given twice/,
  ],
  ['statistics at every moment', ['--stats-interval', '1ms'], /--stats-interval.*from 1s to 24h/],
  [
    'two uniflows with profile antrea',
    ['--profile', 'antrea', '--biflow', 'two-uniflows'],
    /CTFLOW_USAGE: --biflow two-uniflows does not go with --profile antrea/,
  ],
  [
    'a list of elements with profile antrea',
    ['--profile', 'antrea', '--fields', 'flowId'],
    /CTFLOW_USAGE: --fields does not go with --profile antrea/,
  ],
  [
    'an element that does not exist',
    ['--fields', 'flowId,octetDeltaCont'],
    /CTFLOW_USAGE: --fields: 'octetDeltaCont' is not an information element. Write octetDeltaCount/,
  ],
  [
    'an element without the flag that fills it',
    ['--fields', 'flowId,tcpStatePrevList'],
    /CTFLOW_USAGE: --fields: 'tcpStatePrevList' needs --tcp-state-history/,
  ],
  [
    'more templates than a collector has to keep',
    [
      '--fields',
      'flowId,sourceIPv6Address,icmpTypeCodeIPv4,sourceTransportPort,natType,ingressVRFID,mark,flowDirection',
    ],
    /CTFLOW_USAGE: --fields: records can have these elements in \d+ combinations, .*57 are possible. Leave out /,
  ],
  [
    'what no registry has an element for',
    ['--fields', 'flowId,offloaded'],
    /CTFLOW_USAGE: --fields: no registry has an element for 'offloaded'. Write offloaded=PEN\/ID/,
  ],
  [
    'elements that profile antrea does not have',
    ['--profile', 'antrea', '--netfilter-elements'],
    /CTFLOW_USAGE: --netfilter-elements does not go with --profile antrea/,
  ],
  [
    'interfaces beside a list of elements',
    ['--fields', 'flowId', '--interfaces', '1,2'],
    /CTFLOW_USAGE: --interfaces does not go with --fields/,
  ],
  [
    'elements of Netfilter, which profile nat does not have',
    ['--profile', 'nat', '--netfilter-elements'],
    /CTFLOW_USAGE: --netfilter-elements does not go with --profile nat, which has elements of its own/,
  ],
  [
    'a filter by what changes, with profile nat',
    ['--profile', 'nat', '--filter', 'snat && bytes > 5'],
    /CTFLOW_USAGE: --filter: bytes may change, which does not go with --profile nat: its events are exported at once/,
  ],
  [
    'interfaces, which profile antrea does not have',
    ['--profile', 'antrea', '--interfaces', '1,2'],
    /CTFLOW_USAGE: --interfaces does not go with --profile antrea/,
  ],
  [
    'sums, which profile antrea does not have',
    ['--profile', 'antrea', '--aggregate-keys', 'src'],
    /CTFLOW_USAGE: --aggregate-keys does not go with --profile antrea/,
  ],
  [
    'sums beside a list of elements',
    ['--fields', 'flowId', '--aggregate-keys', 'src'],
    /CTFLOW_USAGE: --fields does not go with --aggregate-keys/,
  ],
  ['a duration out of bounds', ['--flow-poll-interval', '1ms'], /CTFLOW_USAGE.*10ms to 24h/],
  ['more connections than memory can hold in one piece', ['--max-connections', '67108864'], /CTFLOW_USAGE/],
  ['a bad choice', ['--profile', 'cisco'], /--profile: 'cisco' is not.*Allowed choices are standard, antrea/],
  ['an NFLOG group that is none', ['--nflog-group', '65536'], /CTFLOW_USAGE.*65536/],
];
for (const [what, args, said] of wrong) {
  test(`a usage error: ${what}`, t => {
    const [error, ...others] = mistakesOf(args);
    t.deepEqual(others, []);
    t.is(error.code, 'CTFLOW_USAGE');
    t.regex(describeError(error), said);
  });
}

for (const [what, line, least] of [
  ['profile antrea over UDP', '--collector udp://192.0.2.1 --profile antrea --mtu 256', /^Write 3\d\d at least/],
  ['over IPv6', '--collector udp://[2001:db8::1] --profile antrea --mtu 256', /^Write 3\d\d at least/],
  ['over DTLS', '--collector dtls://c --profile antrea --mtu 256', /^Write 3\d\d at least/],
] as const) {
  test(`packets that are too small for any record are refused, with how large they have to be: ${what}`, t => {
    const [error, ...others] = checkRun(parse(line), NATIVE);
    t.deepEqual(others, []);
    t.is(error.code, 'CTFLOW_USAGE');
    t.regex(error.message, /^--mtu 256 is too small for any record of \w+:\/\/\S+, or its template$/);
    t.regex(error.hint!, least);
    const [number] = /\d+/.exec(error.hint!)!;
    t.deepEqual(checkRun(parse(line.replace('256', number)), NATIVE), []);
    t.is(checkRun(parse(line.replace('256', String(Number(number) - 1))), NATIVE).length, 1);
  });
}

test('packets that are too small for the fullest records alone are said at the start, and none over TCP or by path', t => {
  const line = '--collector udp://[2001:db8::1] --netfilter-elements --mtu';
  const [said, ...others] = warnings(`${line} 256`);
  t.deepEqual(others, []);
  const [, needed] = /^--mtu 256 is too small for the fullest records of udp:\S+, which need (\d+): they would/.exec(
    said,
  )!;
  t.deepEqual(warnings(`${line} ${needed}`), []);
  t.deepEqual(warnings(`${line} path`), []);
  t.deepEqual(warnings('--collector udp://192.0.2.1 --profile nat --mtu 512'), []);
  t.deepEqual(checkRun(parse('--collector tcp://h:1 --profile antrea --mtu 256'), NATIVE), []);
});

for (const [line, backend] of [
  ['', FALLBACK],
  ['--source procfs', NATIVE],
  ['--source replay:x', NATIVE],
] as const) {
  test(`interfaces by routes need netlink: refused in one sentence with ${line || 'the fallback backend'}`, t => {
    const [{ message, hint }, ...others] = checkRun(parse(`${UDP} --interfaces route ${line}`), backend);
    t.is(
      message,
      '--interfaces route asks the kernel for routes by netlink, which the native backend with --source kernel alone can do',
    );
    t.is(hint, 'Use that backend and source, or remove --interfaces');
    t.deepEqual(others, []);
  });
}

test('interfaces by routes do not go with sums', t => {
  const [{ message }] = checkRun(parse(`${UDP} --interfaces route --aggregate-keys src`), NATIVE);
  t.is(message, '--interfaces route does not go with --aggregate-keys: a sum has flows of several interfaces');
});

test('interfaces by routes are taken with the native backend, with a mark, and in a list', t => {
  const line = `${UDP} --interfaces route --route-mark ctmark`;
  for (const more of ['', '--fields flowId,egressInterface']) {
    t.deepEqual(checkRun(parse(`${line} ${more}`), NATIVE), []);
    t.deepEqual(warnings(`${line} ${more}`), []);
  }
});

for (const [name, backend, source] of [
  ['the fallback backend', FALLBACK, 'kernel'],
  ['another source', NATIVE, 'procfs'],
] as const) {
  test(`owners are refused with ${name}`, t => {
    const [{ message, hint }, ...others] = checkRun(
      parse(`${UDP} --owners --fields flowId,userName --source ${source}`),
      backend,
    );
    t.is(
      message,
      '--owners asks the kernel for sockets by netlink, which the native backend with --source kernel alone can do',
    );
    t.is(hint, 'Use that backend and source, or remove --owners');
    t.deepEqual(others, []);
  });
}
