import test from 'ava';
import { Command } from 'commander';
import { writeFileSync } from 'node:fs';
import { createFallbackBackend } from '../../src/backend/fallback.js';
import { checkRun } from '../../src/cli/run-checks.js';
import { inOrder } from '../../src/config/config-file.js';
import { addRunSettings } from '../../src/config/run-config.js';
import { temporaryPath } from '../helpers/temporary.js';

const TAB = '\t';
/** The mistakes of a file are those of the file: on a machine without the native module as on any other. */
const NATIVE = { ...createFallbackBackend(), name: 'native' } as const;

const ADDRESS_HINT =
  'Write udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or dtls://HOST:PORT (or HOST:PORT:PROTOCOL), an IPv6 address in brackets, a port up to 65535';

/** What is wrong, the file (its first line begins behind the backtick's), and all that is said of it: line, column, what, what to write. */
const BROKEN: readonly (readonly [string, string, readonly string[]])[] = [
  [
    'a misspelt key',
    `
flowPollIntervall: 5s
flowCollectorAddr: udp://h:1`,
    ['1:1: flowPollIntervall: there is no such key. Did you mean flowPollInterval?'],
  ],
  [
    'a list of elements that nothing fills',
    `
destinations:
  main:
    flowCollectorAddr: udp://h:1
    fields: [flowId, sourcePodName]
  other:
    flowCollectorAddr: udp://h:2
    fields:
      - flowId
      - offloaded`,
    [
      "4:5: destinations.main.fields: 'sourcePodName' needs inventory. Add inventory, or remove it",
      "7:5: destinations.other.fields: no registry has an element for 'offloaded'. Write offloaded=PEN/ID, with the element that your collector knows for it",
    ],
  ],
  [
    'the map of the flight recorder',
    `
flowCollectorAddr: udp://h:1
recordKeep: 5
record:
  last: 1s
  sise: 64MiB
  keep: 6`,
    [
      "4:9: record.last: '1s' is out of range. Write a duration from 10s to 24h, such as 5s or 1m30s",
      '5:3: record.sise: there is no such key. Did you mean size?',
    ],
  ],
  [
    'a setting of the flight recorder that stands there twice',
    `
flowCollectorAddr: udp://h:1
recordKeep: 5
record:
  last: 10m
  keep: 6`,
    ['5:3: record.keep: recordKeep says the same. Remove one of them'],
  ],
  [
    'a key in kebab case',
    `
flow-poll-interval: 5s
flowCollectorAddr: udp://h:1`,
    ['1:1: flow-poll-interval: there is no such key. Did you mean flowPollInterval?'],
  ],
  [
    'a key in capitals, as the variable has it',
    `
flowCollectorAddr: udp://h:1
FLOW_POLL_INTERVAL: 5s`,
    ['2:1: FLOW_POLL_INTERVAL: there is no such key. Did you mean flowPollInterval?'],
  ],
  [
    'a key of another program',
    `
flowCollectorAddr: udp://h:1
sampling: 100`,
    ['2:1: sampling: there is no such key. `ctflow config example` shows every key'],
  ],
  [
    'keys that connections cannot be summed up by',
    `
destinations:
  sums:
    flowCollectorAddr: udp://h:1
    aggregateKeys: [src, proto, bytes, src]
    aggregateInterval: 0s`,
    [
      "4:26: destinations.sums.aggregateKeys[1]: 'proto' is not a field. Write protocol",
      "4:33: destinations.sums.aggregateKeys[2]: 'bytes' is a field, but none to sum up by. Write some of family, protocol, src, dst, src.port, dst.port, nat.src, nat.dst, nat.src.port, nat.dst.port, zone, mark",
      "4:40: destinations.sums.aggregateKeys[3]: 'src' is given twice. Give it once",
      "5:24: destinations.sums.aggregateInterval: '0s' is out of range. Write a duration from 1s to 24h, such as 5s or 1m30s",
    ],
  ],
  [
    'two misspelt keys and a wrong value',
    `
flowCollectorAddr: udp://h:1
mut: 1400
porfile: standard
maxRate: fast`,
    [
      '2:1: mut: there is no such key. Did you mean mtu?',
      '3:1: porfile: there is no such key. Did you mean profile?',
      "4:10: maxRate: 'fast' is not a number. Write a whole number from 1 to 4294967295, or auto or off",
    ],
  ],
  [
    'a number that is a word',
    `
flowCollectorAddr: udp://h:1
mtu: large`,
    ["2:6: mtu: 'large' is not a number. Write a whole number from 256 to 65535, or path"],
  ],
  [
    'a number too small, one too large',
    `
flowCollectorAddr: udp://h:1
mtu: 100
pollBudget: 101`,
    [
      "2:6: mtu: '100' is out of range. Write a whole number from 256 to 65535",
      "3:13: pollBudget: '101' is out of range. Write a whole number from 1 to 100",
    ],
  ],
  [
    'a duration without a unit',
    `
flowCollectorAddr: udp://h:1
activeFlowExportTimeout: 5`,
    ["2:26: activeFlowExportTimeout: '5' is not a duration. Write a duration from 10ms to 24h, such as 5s or 1m30s"],
  ],
  [
    'a duration out of range',
    `
flowCollectorAddr: udp://h:1
idleFlowExportTimeout: 25h`,
    ["2:24: idleFlowExportTimeout: '25h' is out of range. Write a duration from 10ms to 24h, such as 5s or 1m30s"],
  ],
  [
    'a size with the wrong unit',
    `
flowCollectorAddr: udp://h:1
eventBuffer: 32MB`,
    ["2:14: eventBuffer: '32MB' is not a size. Write a size from 4KiB to 1GiB, such as 32MiB, or a number of bytes"],
  ],
  [
    'a choice that is none',
    `
flowCollectorAddr: udp://h:1
profile: cisco
events: some
logLevel: verbose`,
    [
      "2:10: profile: 'cisco' is not a choice. Allowed choices are standard, antrea, nat",
      "3:9: events: 'some' is not a choice. Allowed choices are destroy, all, off",
      "4:11: logLevel: 'verbose' is not a choice. Allowed choices are silent, error, warn, info, debug",
    ],
  ],
  [
    'a switch that is neither',
    `
flowCollectorAddr: udp://h:1
setupSysctl: perhaps`,
    ["2:14: setupSysctl: 'perhaps' is not a choice. Write on or off"],
  ],
  [
    'a key without a value',
    `
flowCollectorAddr: udp://h:1
mtu:
state:`,
    ['2:1: mtu: there is no value. Write 256 to 65535, path', '3:1: state: there is no value. Write a text'],
  ],
  [
    'an empty text',
    `
flowCollectorAddr: udp://h:1
inventory: ''`,
    ["2:12: inventory: '' is empty. Write a value, or leave it out"],
  ],
  [
    'a list where one value is wanted',
    `
flowCollectorAddr: udp://h:1
mtu: [1400]`,
    ['2:6: mtu: a list is not a value. Write 256 to 65535, path'],
  ],
  [
    'a map where a value is wanted',
    `
flowCollectorAddr: udp://h:1
maxRate:
  records: 5`,
    ['3:3: maxRate: a map is not a value. Write 1 to 4294967295, auto, off'],
  ],
  [
    'an address without a protocol that exists',
    `
flowCollectorAddr: http://h:1`,
    [
      "1:20: flowCollectorAddr: 'http://h:1' is not a collector address. Write udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or dtls://HOST:PORT (or HOST:PORT:PROTOCOL), an IPv6 address in brackets, a port up to 65535",
    ],
  ],
  [
    'an address twice, in two ways',
    `
flowCollectorAddr:
  - udp://[::1]:4739
  - tcp://a:1
  - UDP://[0:0::1]`,
    ["4:5: flowCollectorAddr[2]: 'udp://[::1]:4739' is given twice. Give it once"],
  ],
  [
    'one wrong address of three',
    `
flowCollectorAddr:
  - udp://a:1
  - udp://b:70000
  - tcp://c:1`,
    [
      "3:5: flowCollectorAddr[1]: 'udp://b:70000' is not a collector address. Write udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or dtls://HOST:PORT (or HOST:PORT:PROTOCOL), an IPv6 address in brackets, a port up to 65535",
    ],
  ],
  [
    'an empty list',
    `
flowCollectorAddr: []`,
    [
      '1:20: flowCollectorAddr: the list is empty. Write a list of: udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT, dtls://HOST:PORT or file:///PATH',
    ],
  ],
  [
    'wrong items of lists',
    `
flowCollectorAddr: udp://h:1
nflogGroup: [5, x, 70000]
protocolFilter: [tcp, tpc]`,
    [
      "2:17: nflogGroup[1]: 'x' is out of range. Write a whole number from 0 to 65535",
      "2:20: nflogGroup[2]: '70000' is out of range. Write a whole number from 0 to 65535",
      "3:23: protocolFilter[1]: 'tpc' is not a protocol. Write names, or numbers from 0 to 255: tcp,udp,icmp,47",
    ],
  ],
  [
    'a mark that can never match, a status that is none',
    `
flowCollectorAddr: udp://h:1
mark: 0x3/1
status: ASURED`,
    [
      "2:7: mark: '0x3/1' can never match. The value has bits outside the mask",
      "3:9: status: 'ASURED' is not a status. The status bits are EXPECTED, SEEN_REPLY, ASSURED, CONFIRMED, SRC_NAT, DST_NAT, DYING, FIXED_TIMEOUT, OFFLOAD, HW_OFFLOAD; '!' negates",
    ],
  ],
  [
    'no destination',
    `
mtu: 1400`,
    ['There is no destination. Give --collector udp://HOST:PORT, or write destinations: in FILE, or give --metrics'],
  ],
  [
    'nothing but a misspelt list of destinations',
    `
destination:
  main:
    flowCollectorAddr: udp://h:1`,
    ['1:1: destination: there is no such key. Did you mean destinations?'],
  ],
  [
    'a destination without an address',
    `
destinations:
  main:
    mtu: 1400`,
    ['2:3: destinations.main: there is no flowCollectorAddr. Write flowCollectorAddr: udp://HOST:PORT'],
  ],
  [
    'a destination that says nothing',
    `
destinations:
  main:
  lab:
    flowCollectorAddr: udp://h:1`,
    ['2:3: destinations.main: this is not a map. Write flowCollectorAddr: udp://HOST:PORT'],
  ],
  [
    'a destination that is an address',
    `
destinations:
  main: udp://h:1`,
    ['2:9: destinations.main: this is not a map. Write flowCollectorAddr: udp://HOST:PORT'],
  ],
  [
    'destinations as a list',
    `
destinations:
  - flowCollectorAddr: udp://h:1`,
    ['2:3: destinations: this is not a map. Write NAME: and below it flowCollectorAddr: udp://HOST:PORT'],
  ],
  [
    'a name with a space',
    `
destinations:
  my collector:
    flowCollectorAddr: udp://h:1`,
    [
      '2:3: destinations.my collector: this is not a name. Write 1 to 63 letters, digits, dots, hyphens or underscores, and begin with a letter or digit',
    ],
  ],
  [
    'a misspelt key of a destination',
    `
destinations:
  main:
    flowCollectorAddr: udp://h:1
    profil: antrea`,
    ['4:5: destinations.main.profil: there is no such key. Did you mean profile?'],
  ],
  [
    'a key of all destinations in one of them',
    `
destinations:
  main:
    flowCollectorAddr: udp://h:1
    eventBuffer: 1MiB`,
    [
      '4:5: destinations.main.eventBuffer: there is no such key. It is the same for all destinations: write it at the top',
    ],
  ],
  [
    'wrong values in two destinations',
    `
destinations:
  main:
    flowCollectorAddr: upd://h:1
  lab:
    flowCollectorAddr: udp://h:1
    mtu: 1
    biflow: both`,
    [
      "3:24: destinations.main.flowCollectorAddr: 'upd://h:1' is not a collector address. Write udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or dtls://HOST:PORT (or HOST:PORT:PROTOCOL), an IPv6 address in brackets, a port up to 65535",
      "6:10: destinations.lab.mtu: '1' is out of range. Write a whole number from 256 to 65535",
      "7:13: destinations.lab.biflow: 'both' is not a choice. Allowed choices are reverse, two-uniflows",
    ],
  ],
  [
    'a name twice',
    `
destinations:
  main:
    flowCollectorAddr: udp://h:1
  main:
    flowCollectorAddr: udp://h:2`,
    ['4:3: this key stands here twice. Remove one of them'],
  ],
  [
    'a key twice, and a wrong value',
    `
flowCollectorAddr: udp://h:1
mtu: 1400
mtu: 14000000`,
    [
      '3:1: this key stands here twice. Remove one of them',
      "3:6: mtu: '14000000' is out of range. Write a whole number from 256 to 65535",
    ],
  ],
  [
    'two destinations that a UDP collector cannot tell apart',
    `
destinations:
  main:
    flowCollectorAddr: udp://h:1
  lab:
    flowCollectorAddr: UDP://H:1`,
    [
      '4:3: lab has the address and the observation domain of main: over UDP its collector cannot tell them apart. Give each an observationDomain of its own',
    ],
  ],
  [
    'a biflow form that the profile does not have',
    `
profile: antrea
destinations:
  main:
    flowCollectorAddr: udp://h:1
    biflow: two-uniflows
  lab:
    flowCollectorAddr: tcp://h:1
    netfilterElements: true`,
    [
      '5:5: destinations.main.biflow: two-uniflows does not go with profile: antrea, which has the elements of its own collector. Remove one of them',
      '8:5: destinations.lab.netfilterElements does not go with profile: antrea, which has the elements of its own collector. Remove one of them',
    ],
  ],
  [
    'settings that need others',
    `
flowCollectorAddr: udp://h:1
tcpStateHistory: true
source: replay:x
nflogGroup: 5
netns: blue
state: /var/lib/ctflow/state`,
    [
      '2:1: tcpStateHistory needs events: all. Add events: all, or remove tcpStateHistory',
      '4:1: nflogGroup needs source: kernel, not replay:x. Remove one of them',
      '5:1: netns needs source: kernel, not replay:x. Remove one of them',
      '6:1: state needs conntrack ids and start times, which source replay does not have. Use the native backend with source: kernel, or remove state',
    ],
  ],
  [
    'more flows than fit into memory',
    `
maxConnections: 16777216
endedQueue: 4194304
flowCollectorAddr: [udp://a, udp://b]`,
    [
      '1:1: 16777216 connections and 8388608 ended ones (--ended-queue for each collector) are more than 22369621. Give a lower --ended-queue or a lower --max-connections',
    ],
  ],
  [
    'a bracket that is not closed',
    `
flowCollectorAddr: [udp://a:1, udp://b:1
mtu: 1400`,
    [
      '2:1: this is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]. Mend it there',
    ],
  ],
  [
    'a tab',
    `
destinations:
  main:
${TAB}flowCollectorAddr: udp://h:1`,
    ['3:1: this is not YAML: Tabs are not allowed as indentation. Write spaces in place of tabs'],
  ],
  [
    'a list of settings',
    `
- flowCollectorAddr: udp://h:1
- mtu: 1400`,
    ['1:1: the file is not a map of settings. Write KEY: VALUE in each line'],
  ],
  [
    'an alias without an anchor',
    `
destinations:
  main: *other`,
    ['2:9: there is no &other before it. Write the value itself'],
  ],
  [
    'two documents',
    `
flowCollectorAddr: udp://h:1
---
mtu: 1400`,
    ['2:1: a second document begins here. Write one document'],
  ],
  [
    'a key that is an object',
    `
__proto__:
  mtu: 1400
flowCollectorAddr: udp://h:1`,
    ['1:1: __proto__: there is no such key. Remove it'],
  ],
  [
    'a tag that is unknown',
    `
flowCollectorAddr: udp://h:1
mtu: !bytes 1400`,
    ['2:6: this is not YAML: Unresolved tag: !bytes. Put a text that begins with ! in quotes'],
  ],
  [
    'a text that needs quotes',
    `
filter: @h
flowCollectorAddr: [::1]:4739`,
    [
      "1:9: this is not YAML: Plain value cannot start with reserved character @. Put a text that begins with a sign, or has ': ' or ' #' in it, in quotes",
      "2:25: this is not YAML: Unexpected scalar at node end. Put a text that begins with a sign, or has ': ' or ' #' in it, in quotes",
    ],
  ],
  [
    'one name of two destinations, once as a number',
    `
destinations:
  1:
    flowCollectorAddr: udp://h:1
  "1":
    flowCollectorAddr: udp://h:2`,
    ['4:3: this key stands here twice. Remove one of them'],
  ],
  [
    'a merge key',
    `
destinations:
  a: &a
    flowCollectorAddr: udp://h:1
  b:
    <<: *a
    flowCollectorAddr: udp://h:2`,
    ['5:5: destinations.b.<<: there is no such key. Keys are not merged: write what all destinations have at the top'],
  ],
  [
    'two destinations with one file',
    `
destinations:
  a:
    flowCollectorAddr: file:///var/log/flows.ipfix
  b:
    flowCollectorAddr: file:///var/log/./flows.ipfix`,
    ['5:5: b has the file of a. Give each a file of its own'],
  ],
  [
    'an address that is none, a name with a space, and a protocol that is a word of JavaScript',
    `
destinations:
  a:
    flowCollectorAddr: udp://192.0.2.300:4739
  b:
    flowCollectorAddr: "tcp://my host"
  c:
    flowCollectorAddr: constructor://h`,
    [
      `3:24: destinations.a.flowCollectorAddr: 'udp://192.0.2.300:4739' is not a collector address: '192.0.2.300' is neither a host name nor an IP address. ${ADDRESS_HINT}`,
      `5:24: destinations.b.flowCollectorAddr: 'tcp://my host' is not a collector address: 'my host' is neither a host name nor an IP address. ${ADDRESS_HINT}`,
      `7:24: destinations.c.flowCollectorAddr: 'constructor://h' is not a collector address. ${ADDRESS_HINT}`,
    ],
  ],
  [
    'a connection that would be renewed all the time',
    `
flowCollectorAddr: tcp://h:1
connectionLifetime: 1ms`,
    ["2:21: connectionLifetime: '1ms' is out of range. Write 0s, or a duration from 1s to 24h"],
  ],
];

for (const [what, yaml, said] of BROKEN) {
  test(`every mistake is named, with its place and what to write: ${what}`, t => {
    const path = temporaryPath(t, 'ctflow.yaml');
    writeFileSync(path, yaml.slice(1));
    const command = new Command('run').action(() => {});
    const config = addRunSettings(command);
    command.parse(['--config', path], { from: 'user' });
    const mistakes = inOrder([...config().mistakes, ...checkRun(config(), NATIVE)]);
    t.deepEqual(
      mistakes.map(({ message, hint }) => `${message}. ${hint}`.replace(`${path}:`, '').replace(path, 'FILE')),
      said,
    );
    for (const { code, message } of mistakes)
      t.is(code, message.startsWith('There is no destination') ? 'CTFLOW_USAGE' : 'CTFLOW_CONFIG');
  });
}
