import { eachMistake } from '../helpers/rigs/broken-file.js';

const ADDRESS_HINT =
  'Write udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or dtls://HOST:PORT (or HOST:PORT:PROTOCOL), an IPv6 address in brackets, a port up to 65535; or file:///PATH/NAME';

eachMistake([
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
      "4:22: destinations.main.fields[1]: 'sourcePodName' needs inventory. Add inventory, or remove it",
      "9:9: destinations.other.fields[1]: no registry has an element for 'offloaded'. Write offloaded=PEN/ID, with the element that your collector knows for it",
    ],
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
    'an address without a protocol that exists',
    `
flowCollectorAddr: http://h:1`,
    [
      "1:20: flowCollectorAddr: 'http://h:1' is not a collector address. Write udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or dtls://HOST:PORT (or HOST:PORT:PROTOCOL), an IPv6 address in brackets, a port up to 65535; or file:///PATH/NAME",
    ],
  ],
  [
    'a misspelt scheme of a file',
    `
destinations:
  main:
    flowCollectorAddr: flie:///var/log/flows.ipfix`,
    [
      `3:24: destinations.main.flowCollectorAddr: 'flie:///var/log/flows.ipfix' is not a collector address. ${ADDRESS_HINT}`,
    ],
  ],
  [
    'an address twice, in two ways',
    `
flowCollectorAddr:
  - udp://[::1]:4739
  - tcp://a:1
  - UDP://[0:0::1]
  - udp://192.0.2.1
  - udp://[::ffff:192.0.2.1]:4739`,
    [
      "4:5: flowCollectorAddr[2]: 'udp://[::1]:4739' is given twice. Give it once",
      "6:5: flowCollectorAddr[4]: 'udp://192.0.2.1:4739' is given twice. Give it once",
    ],
  ],
  [
    'one wrong address of three',
    `
flowCollectorAddr:
  - udp://a:1
  - udp://b:70000
  - tcp://c:1`,
    [
      "3:5: flowCollectorAddr[1]: 'udp://b:70000' is not a collector address. Write udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or dtls://HOST:PORT (or HOST:PORT:PROTOCOL), an IPv6 address in brackets, a port up to 65535; or file:///PATH/NAME",
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
    'the address of a destination under the names that it has elsewhere, and a key that is like none',
    `
destinations:
  main: {address: udp://h:1}
collector: udp://h:1
colour: red`,
    [
      '2:3: destinations.main: there is no flowCollectorAddr. Write flowCollectorAddr: udp://HOST:PORT',
      '2:10: destinations.main.address: there is no such key. Did you mean flowCollectorAddr?',
      '3:1: collector: there is no such key. Did you mean flowCollectorAddr?',
      '4:1: colour: there is no such key. `ctflow config example` shows every key',
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
      "3:24: destinations.main.flowCollectorAddr: 'upd://h:1' is not a collector address. Write udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or dtls://HOST:PORT (or HOST:PORT:PROTOCOL), an IPv6 address in brackets, a port up to 65535; or file:///PATH/NAME",
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
  [
    'several mistakes in lists of elements, in one line and in several',
    `
destinations:
  main:
    flowCollectorAddr: udp://h:1
    biflow: two-uniflows
    fields: [flowId, octetDeltaCont, egressName, flowId, reverseOctetDeltaCount, status=0/1]
  other:
    flowCollectorAddr: udp://h:2
    fields: flowId, sourceIPv4Adress, wlanSSID`,
    [
      "5:22: destinations.main.fields[1]: 'octetDeltaCont' is not an information element. Write octetDeltaCount",
      "5:38: destinations.main.fields[2]: 'egressName' cannot be filled: Antrea alone knows it. Profile antrea has it, always empty",
      "5:50: destinations.main.fields[3]: 'flowId' is given twice. Give it once",
      "5:58: destinations.main.fields[4]: 'reverseOctetDeltaCount' cannot be filled with destinations.main.biflow: two-uniflows. Remove it: the reply direction has a record of its own",
      "5:82: destinations.main.fields[5]: 'status=0/1' has no element. Write status=PEN/ID: an enterprise number, and an id from 1 to 32767",
      "8:21: destinations.other.fields[1]: 'sourceIPv4Adress' is not an information element. Write sourceIPv4Address",
      "8:39: destinations.other.fields[2]: 'wlanSSID' cannot be filled. docs/records.md lists those that can be",
    ],
  ],
  [
    'elements whose setting is itself wrong',
    `
inventory:
flowCollectorAddr: udp://h:1
fields: [flowId, sourcePodName]`,
    ['1:1: inventory: there is no value. Write a text'],
  ],
  [
    'a wrong setting of a destination in whose place another one would be in the way',
    `
profile: antrea
destinations:
  main:
    flowCollectorAddr: udp://h:1
    profile: standrad
    fields: [flowId]`,
    ["5:14: destinations.main.profile: 'standrad' is not a choice. Allowed choices are standard, antrea, nat"],
  ],
  [
    'a name with a space, and what is wrong below it',
    `
destinations:
  my collector:
    flowCollectorAddr: udp://h:1
    biflow: two-uniflow
    mtu: 10`,
    [
      '2:3: destinations.my collector: this is not a name. Write 1 to 63 letters, digits, dots, hyphens or underscores, and begin with a letter or digit',
      "4:13: destinations.my collector.biflow: 'two-uniflow' is not a choice. Allowed choices are reverse, two-uniflows",
      "5:10: destinations.my collector.mtu: '10' is out of range. Write a whole number from 256 to 65535",
    ],
  ],
  [
    'TLS: files that are not there, and a certificate without a key',
    `
tlsCa: /no/such/ca.pem
destinations:
  main:
    flowCollectorAddr: tls://h
    tlsCertificate: /no/such/exporter.pem`,
    [
      "1:8: tlsCa: The TLS file '/no/such/ca.pem' cannot be used: ENOENT. Give a file that ctflow may read",
      '5:5: destinations.main.tlsCertificate needs tlsKey. Give tlsKey too',
      "5:21: destinations.main.tlsCertificate: The TLS file '/no/such/exporter.pem' cannot be used: ENOENT. Give a file that ctflow may read",
    ],
  ],
  [
    'a certificate whose key is wrong',
    `
destinations:
  main:
    flowCollectorAddr: tls://h
    tlsCertificate: /no/such/exporter.pem
    tlsKey: ''`,
    [
      "4:21: destinations.main.tlsCertificate: The TLS file '/no/such/exporter.pem' cannot be used: ENOENT. Give a file that ctflow may read",
      "5:13: destinations.main.tlsKey: '' is empty. Write a value, or leave it out",
    ],
  ],
  [
    'a filter of events that asks for what may change',
    `
flowCollectorAddr: udp://h:1
profile: nat
filter: bytes > 5 && src.port == 5 && mark == 3`,
    [
      '3:1: filter: bytes and mark may change, which does not go with profile: nat: its events are exported at once. Filter by addresses, ports, protocol, family, zone, snat or dnat',
    ],
  ],
]);
