import { eachMistake } from '../helpers/rigs/broken-file.js';

const TAB = '\t';

eachMistake([
  [
    'a misspelt key',
    `
flowPollIntervall: 5s
flowCollectorAddr: udp://h:1`,
    ['1:1: flowPollIntervall: there is no such key. Did you mean flowPollInterval?'],
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
    'wrong values of lists that are written as texts',
    `
flowCollectorAddr: udp://h:1
protocolFilter: tcp, tpc,  upd
nflogGroup: ["5, x", 70000]
fields: >-
  flowId,
  flowIdd`,
    [
      "2:22: protocolFilter[1]: 'tpc' is not a protocol. Write names, or numbers from 0 to 255: tcp,udp,icmp,47",
      "2:28: protocolFilter[2]: 'upd' is not a protocol. Write names, or numbers from 0 to 255: tcp,udp,icmp,47",
      "3:18: nflogGroup[1]: 'x' is out of range. Write a whole number from 0 to 65535",
      "3:22: nflogGroup[2]: '70000' is out of range. Write a whole number from 0 to 65535",
      "6:3: fields[1]: 'flowIdd' is not an information element. Write flowId",
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
      '1:1: 16777216 connections and 8388608 ended ones (endedQueue for each collector) are more than 22369621. Give a lower endedQueue or a lower maxConnections',
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
]);
