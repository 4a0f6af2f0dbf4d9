import test from 'ava';
import * as fc from 'fast-check';
import { REVERSE, type Element } from '../../src/ipfix/element.js';
import { FROM_HOST, TO_HOST, type FlowExtras } from '../../src/encoder/columns.js';
import { createProfile, type Profile } from '../../src/ipfix/profile.js';
import * as shape from '../../src/ipfix/shape.js';
import { backends } from '../helpers/backends.js';
import { ping, tcp, udp } from '../helpers/builders/connections.js';
import { END_REASON, FLOW_END, FLOW_START } from '../helpers/builders/flow-table.js';
import type { Facts } from '../helpers/builders/rows.js';
import { seeded } from '../helpers/seed.js';
import { SessionRig } from '../helpers/rigs/session-rig.js';
import { Decoder, valuesOf } from '../helpers/builders/wire.js';

/** The second of two uniflows. */
const REPLY = 1;
const standard = createProfile('standard', 'reverse', false);
const netfilter = createProfile('standard', 'reverse', true);
const uniflows = createProfile('standard', 'two-uniflows', false);

/** What a collector reads of a connection. @param direction of two uniflows */
function exported(profile: Profile, facts: Facts, direction = 0, extras: FlowExtras = {}): Record<string, unknown>[] {
  return backends().map(backend => {
    const rig = new SessionRig(backend, { limit: 16_384, unreliable: false, profile });
    const record = new Decoder('tcp').decode(rig.sendWith(extras, facts))[direction];
    const { flowId, ...values } = valuesOf(record);
    if (typeof flowId !== 'bigint' && typeof flowId !== 'number') throw new Error('no flowId');
    return values;
  });
}

const names = (profile: Profile, bits: number): string[] =>
  profile.fieldsOf(bits & profile.shapes).map(({ element }) => element.name);

const COMMON = {
  flowStartMilliseconds: FLOW_START,
  flowEndMilliseconds: FLOW_END,
  flowEndReason: END_REASON,
  flowDurationMilliseconds: FLOW_END - FLOW_START,
};
const V4 = { ...COMMON, ipVersion: 4 };
const V6 = { ...COMMON, ipVersion: 6 };
const counters = (prefix: '' | 'reverse', packets: number, octets: number): Record<string, number> =>
  Object.fromEntries(
    Object.entries({
      packetTotalCount: packets,
      octetTotalCount: octets,
      packetDeltaCount: packets,
      octetDeltaCount: octets,
    }).map(([name, value]) => [prefix ? prefix + name[0].toUpperCase() + name.slice(1) : name, value]),
  );

const plain = tcp(40_000, 0, [10, 1_000, 8, 800], { tcpFlags: 3 });
const BASIC = {
  sourceIPv4Address: '192.0.2.1',
  destinationIPv4Address: '198.51.100.1',
  sourceTransportPort: 40_000,
  destinationTransportPort: 443,
  protocolIdentifier: 6,
  ...V4,
  ...counters('', 10, 1_000),
  ...counters('reverse', 8, 800),
  biflowDirection: 1,
};

const cases: [string, Profile, Facts, Record<string, unknown>, number?][] = [
  ['TCP over IPv4', standard, plain, BASIC],
  [
    'IPv6, UDP, from the largest numbers',
    standard,
    udp(65_535, 0, [(1n << 64n) - 1n, (1n << 53n) + 1n, 2 ** 32, 0], {
      source: '2001:db8::1',
      destination: '2001:db8:ffff::53',
    }),
    {
      sourceIPv6Address: '2001:db8::1',
      destinationIPv6Address: '2001:db8:ffff::53',
      sourceTransportPort: 65_535,
      destinationTransportPort: 53,
      protocolIdentifier: 17,
      ...V6,
      packetTotalCount: (1n << 64n) - 1n,
      octetTotalCount: (1n << 53n) + 1n,
      packetDeltaCount: (1n << 64n) - 1n,
      octetDeltaCount: (1n << 53n) + 1n,
      ...counters('reverse', 2 ** 32, 0),
      biflowDirection: 1,
    },
  ],
  [
    'ICMP',
    standard,
    ping(7, 0, [1, 84, 1, 84]),
    {
      sourceIPv4Address: '192.0.2.1',
      destinationIPv4Address: '198.51.100.1',
      protocolIdentifier: 1,
      icmpTypeCodeIPv4: 8 * 256,
      ...V4,
      ...counters('', 1, 84),
      ...counters('reverse', 1, 84),
      biflowDirection: 1,
    },
  ],
  [
    'ICMPv6',
    standard,
    {
      protocol: 58,
      source: 'fe80::1',
      destination: 'fe80::2',
      icmp: { type: 128, code: 3, id: 7, replyType: 129 },
      counters: [1, 104, 1, 104],
    },
    {
      sourceIPv6Address: 'fe80::1',
      destinationIPv6Address: 'fe80::2',
      protocolIdentifier: 58,
      icmpTypeCodeIPv6: 128 * 256 + 3,
      ...V6,
      ...counters('', 1, 104),
      ...counters('reverse', 1, 104),
      biflowDirection: 1,
    },
  ],
  [
    'without accounting there are no counters',
    standard,
    { protocol: 50 },
    {
      sourceIPv4Address: '192.0.2.1',
      destinationIPv4Address: '198.51.100.1',
      protocolIdentifier: 50,
      ...V4,
      biflowDirection: 1,
    },
  ],
  [
    'source and destination NAT: 8 and 12 hold the addresses before it',
    standard,
    {
      ...plain,
      replySource: '10.0.0.80',
      replySourcePort: 8080,
      replyDestination: '203.0.113.5',
      replyDestinationPort: 61_000,
    },
    {
      ...BASIC,
      postNATSourceIPv4Address: '203.0.113.5',
      postNATDestinationIPv4Address: '10.0.0.80',
      postNAPTSourceTransportPort: 61_000,
      postNAPTDestinationTransportPort: 8080,
      natType: 1,
    },
  ],
  [
    'IPv6 NAT without ports',
    standard,
    { protocol: 50, source: '2001:db8::1', destination: '2001:db8::2', replyDestination: '2001:db8::9' },
    {
      sourceIPv6Address: '2001:db8::1',
      destinationIPv6Address: '2001:db8::2',
      protocolIdentifier: 50,
      ...V6,
      biflowDirection: 1,
      postNATSourceIPv6Address: '2001:db8::9',
      postNATDestinationIPv6Address: '2001:db8::2',
      natType: 5,
    },
  ],
  ['zones', standard, { ...plain, zone: 7 }, { ...BASIC, ingressVRFID: 7 }],
  ['the zone of the reply direction', standard, { ...plain, replyZone: 65_535 }, { ...BASIC, egressVRFID: 65_535 }],
  ['a helper', standard, { ...plain, helper: 'ftp' }, { ...BASIC, applicationName: 'ftp' }],
  [
    'a helper of sixteen letters',
    standard,
    { ...plain, helper: 'abcdefghijklmnop' },
    { ...BASIC, applicationName: 'abcdefghijklmnop' },
  ],
  ['mark and id, not asked for', standard, { ...plain, mark: 5 }, BASIC],
  [
    'mark and id',
    netfilter,
    { ...plain, mark: 0xffff_fffe, id: 0xdead_beef },
    { ...BASIC, mark: 0xffff_fffe, conntrack_id: 0xdead_beef },
  ],
];
for (const [what, profile, facts, expected] of cases) {
  test(`standard: ${what}`, t => {
    for (const values of exported(profile, facts)) t.deepEqual(values, expected);
  });
}

test('two-uniflows: the reply direction is a record of its own, with its own addresses before and after NAT', t => {
  const facts = { ...plain, replySource: '10.0.0.80', replySourcePort: 8080 };
  for (const values of exported(uniflows, facts)) {
    t.deepEqual(values, {
      sourceIPv4Address: '192.0.2.1',
      destinationIPv4Address: '198.51.100.1',
      sourceTransportPort: 40_000,
      destinationTransportPort: 443,
      protocolIdentifier: 6,
      ...V4,
      ...counters('', 10, 1_000),
      postNATSourceIPv4Address: '192.0.2.1',
      postNATDestinationIPv4Address: '10.0.0.80',
      postNAPTSourceTransportPort: 40_000,
      postNAPTDestinationTransportPort: 8080,
      natType: 1,
    });
  }
  for (const values of exported(uniflows, facts, REPLY)) {
    t.deepEqual(values, {
      sourceIPv4Address: '10.0.0.80',
      destinationIPv4Address: '192.0.2.1',
      sourceTransportPort: 8080,
      destinationTransportPort: 40_000,
      protocolIdentifier: 6,
      ...V4,
      ...counters('', 8, 800),
      postNATSourceIPv4Address: '198.51.100.1',
      postNATDestinationIPv4Address: '192.0.2.1',
      postNAPTSourceTransportPort: 443,
      postNAPTDestinationTransportPort: 40_000,
      natType: 1,
    });
  }
});

test('two-uniflows: the answer to a ping has its own type', t => {
  const facts = ping(7, 0, [1, 84, 1, 84], { icmp: { type: 8, code: 0, id: 7, replyType: 0 } });
  for (const values of exported(uniflows, facts, REPLY)) t.is(values['icmpTypeCodeIPv4'], 0);
});

// IANA: unsigned32, RFC 7011 section 6.2
test('a flow that lasts longer than 32 bits of milliseconds has no duration, one below has', t => {
  const durationOf = (lasts: number): unknown[] =>
    backends().map(backend => {
      const rig = new SessionRig(backend, { limit: 16_384, unreliable: false });
      const [record] = new Decoder('tcp').decode(rig.sendWith({}, { ...plain, lasts }));
      return valuesOf(record)['flowDurationMilliseconds'];
    });
  for (const duration of durationOf(2 ** 32 - 1)) t.is(duration, 2 ** 32 - 1);
  for (const duration of durationOf(2 ** 32)) t.is(duration, undefined);
  for (const duration of durationOf(0)) t.is(duration, 0);
});

// IANA: 0 ingress flow, 1 egress flow
test('flowDirection says whether this host sends or receives, and nothing where neither or both ends are local', t => {
  const directions = (profile: Profile, facts: Facts, direction = 0): unknown[] =>
    exported(profile, facts, direction).map(values => values['flowDirection']);
  for (const direction of directions(standard, { ...plain, hostEnd: FROM_HOST })) t.is(direction, 1);
  for (const direction of directions(standard, { ...plain, hostEnd: TO_HOST })) t.is(direction, 0);
  for (const direction of directions(standard, plain)) t.is(direction, undefined);
  // flipped in the reverse uniflow
  for (const direction of directions(uniflows, { ...plain, hostEnd: FROM_HOST }, REPLY)) t.is(direction, 0);
  for (const direction of directions(uniflows, { ...plain, hostEnd: TO_HOST }, REPLY)) t.is(direction, 1);
});

test('fixed interfaces stand in every record, the other way round in the reverse uniflow', t => {
  const fixed = { ingress: 7, egress: 0xffff_fffe };
  const here = { ingressInterface: 7, egressInterface: 0xffff_fffe };
  for (const values of exported(createProfile('standard', 'reverse', false, undefined, fixed), plain))
    t.like(values, here);
  const both = createProfile('standard', 'two-uniflows', false, undefined, fixed);
  for (const values of exported(both, plain)) t.like(values, here);
  for (const values of exported(both, plain, REPLY)) {
    t.like(values, { ingressInterface: 0xffff_fffe, egressInterface: 7 });
  }
  for (const values of exported(standard, plain)) t.false('ingressInterface' in values);
});

test('interfaces by routes stand where each is known, the other way round in the reverse uniflow', t => {
  const routed = createProfile('standard', 'reverse', false, undefined, 'route');
  const both = createProfile('standard', 'two-uniflows', false, undefined, 'route');
  const of = (profile: Profile, ingress: number, egress: number, direction = 0): unknown[][] =>
    exported(profile, plain, direction, { interfaces: Uint32Array.of(ingress, egress) }).map(values =>
      ['ingressInterface', 'egressInterface'].map(name => values[name]),
    );
  for (const values of of(routed, 7, 0xffff_fffe)) t.deepEqual(values, [7, 0xffff_fffe]);
  for (const values of of(both, 7, 0xffff_fffe, REPLY)) t.deepEqual(values, [0xffff_fffe, 7]);
  for (const values of of(routed, 7, 0)) t.deepEqual(values, [7, undefined]);
  for (const values of of(routed, 0, 8)) t.deepEqual(values, [undefined, 8]);
  for (const values of of(both, 0, 8, REPLY)) t.deepEqual(values, [8, undefined]);
  for (const values of of(routed, 0, 0)) t.deepEqual(values, [undefined, undefined]);
  // another destination's look-up
  for (const values of of(standard, 7, 8)) t.deepEqual(values, [undefined, undefined]);
});

const everyShape = fc.nat(0x1fff);

test('nothing unknown is sent: an element is in the record exactly when its value is known', t => {
  const wanted: [string, number][] = [
    ['sourceTransportPort', shape.PORTS],
    ['icmpTypeCodeIPv4', shape.ICMP],
    ['octetTotalCount', shape.COUNTERS],
    ['reverseOctetTotalCount', shape.REPLY_COUNTERS],
    ['natType', shape.SOURCE_NAT],
    ['natType', shape.DESTINATION_NAT],
    ['ingressVRFID', shape.ZONE],
    ['egressVRFID', shape.REPLY_ZONE],
    ['applicationName', shape.HELPER],
    ['mark', shape.MARK],
    ['conntrack_id', shape.ID],
  ];
  for (const [name, bit] of wanted) {
    t.true(names(netfilter, bit).includes(name), name);
    t.false(names(netfilter, 0).includes(name), name);
  }
  for (const never of ['natEvent', 'tcpControlBits', 'initiatorOctets']) {
    fc.assert(
      fc.property(everyShape, bits => !names(netfilter, bits).includes(never)),
      seeded(t),
    );
  }
});

test('totals come before deltas, and no element occurs twice', t => {
  fc.assert(
    fc.property(everyShape, bits => {
      for (const profile of [standard, netfilter, uniflows]) {
        const list = names(profile, bits);
        if (new Set(list).size !== list.length) throw new Error(`twice in ${list}`);
        for (const [total, delta] of [
          ['packetTotalCount', 'packetDeltaCount'],
          ['octetTotalCount', 'octetDeltaCount'],
          ['reversePacketTotalCount', 'reversePacketDeltaCount'],
          ['reverseOctetTotalCount', 'reverseOctetDeltaCount'],
        ]) {
          if (list.indexOf(total) > list.indexOf(delta)) throw new Error(`${total} behind ${delta}`);
        }
      }
    }),
    seeded(t),
  );
  const list = names(standard, shape.COUNTERS);
  t.true(list.indexOf('octetTotalCount') < list.indexOf('octetDeltaCount'));
});

test('RFC 5103 6.3: reverse elements for counters only, and biflowDirection in every biflow record', t => {
  const reverse = (profile: Profile, bits: number): Element[] =>
    profile
      .fieldsOf(bits & profile.shapes)
      .map(({ element }) => element)
      .filter(({ enterprise }) => enterprise === REVERSE);
  fc.assert(
    fc.property(everyShape, bits => {
      const forward = bits & ~shape.REVERSED;
      if (!names(netfilter, forward).includes('biflowDirection')) throw new Error('no biflowDirection');
      if (reverse(netfilter, forward).some(({ id }) => ![1, 2, 85, 86].includes(id)))
        throw new Error('reverse of what?');
      if (reverse(uniflows, bits).length > 0 || names(uniflows, bits).includes('biflowDirection')) {
        throw new Error('a uniflow with a reverse direction');
      }
    }),
    seeded(t),
  );
  t.is(reverse(standard, shape.REPLY_COUNTERS).length, 4);
});

test('RFC 7011 6.2: addresses, times and counters have their full size', t => {
  const sizes = new Map(netfilter.fieldsOf(0x0fff).map(({ element, length }) => [element.name, length]));
  t.is(sizes.get('sourceIPv6Address'), 16);
  t.is(sizes.get('flowStartMilliseconds'), 8);
  t.is(sizes.get('octetTotalCount'), 8);
  t.is(sizes.get('ingressVRFID'), 4);
  t.is(sizes.get('flowId'), 8);
});

test('a denied flow has firewallEvent and forwardingStatus, one octet each', t => {
  t.deepEqual(
    names(standard, shape.PORTS | shape.DENIED).filter(name => !names(standard, shape.PORTS).includes(name)),
    ['firewallEvent', 'forwardingStatus'],
  );
  const denied = standard.fieldsOf(shape.DENIED).filter(({ element }) => [233, 89].includes(element.id));
  t.deepEqual(
    denied.map(({ length }) => length),
    [1, 1],
  );
  const extras = { rules: Uint16Array.of(1), ruleFacts: Uint32Array.of(0, 0, 0, 0, 130, 0, 0, 0) };
  for (const values of exported(standard, udp(1000, 0, [1, 60, 0, 0]), 0, extras)) t.is(values['firewallEvent'], 3);
});
