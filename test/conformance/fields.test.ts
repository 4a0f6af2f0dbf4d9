/** What lists of elements are filled from: the same octets from both backends, and no field without a value. */
import test, { type ExecutionContext } from 'ava';
import type { FlowExtras } from '../../src/encoder/columns.js';
import type { CollectedRecord } from '../../src/collector/decode/record.js';
import type { Biflow } from '../../src/ipfix/profile-standard.js';
import { createProfile } from '../../src/ipfix/profile.js';
import { backends } from '../helpers/backends.js';
import { Decoder, readMessage, readTemplates, valuesOf } from '../helpers/builders/wire.js';
import type { Facts } from '../helpers/builders/rows.js';
import { SessionRig } from '../helpers/rigs/session-rig.js';

const KNOWN = {
  observationDomain: 7,
  inventory: true,
  denied: true,
  tcpStates: true,
  handshakes: true,
  timeouts: { active: 5_000, idle: 65_535_000 },
};
const OFFLOAD = 1 << 14;

interface Given {
  readonly list: readonly string[];
  readonly connections: readonly Facts[];
  readonly biflow?: Biflow;
  readonly extras?: (intern: (name: string) => number) => FlowExtras;
}

/** The records of these connections, after both backends have made the same octets of them. */
function sent(
  t: ExecutionContext,
  { list, connections, biflow = 'reverse', extras = () => ({}) }: Given,
): CollectedRecord[] {
  const profile = () => createProfile('standard', biflow, false, list, { ingress: 2, egress: 3 }, KNOWN);
  const [first, ...others] = backends().map(backend => {
    const rig = new SessionRig(backend, { profile: profile(), limit: 1_400 });
    return rig.sendWith(
      extras(name => rig.names.intern(name)),
      ...connections,
    );
  });
  const octets = (messages: typeof first): string[] => messages.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
  for (const other of others) t.deepEqual(octets(other), octets(first));
  return new Decoder().decode(first);
}

const names = (records: readonly CollectedRecord[]): string[][] =>
  records.map(({ fields }) => fields.map(({ element }) => element.name));

/** By the destination port, which each connection has another of. */
const byPort = (records: readonly CollectedRecord[]): Map<unknown, Record<string, unknown>> =>
  new Map(records.map(record => [record.get('destinationTransportPort'), valuesOf(record)]));

const tcp = (destinationPort: number, more: Facts = {}): Facts => ({ sourcePort: 40_000, destinationPort, ...more });

test('what no registry has an element for is sent as the element that the list names, where it is known', t => {
  const list = ['destinationTransportPort', 'flowId', 'tcpState=12345/7', 'status=12345/8', 'offloaded=12345/9'];
  const records = sent(t, {
    list,
    connections: [
      tcp(1, { state: 3, status: 0x18e }),
      tcp(2, { state: 7, status: 0x18e | OFFLOAD }),
      tcp(3, { protocol: 17, status: 0x188 }),
      tcp(4),
    ],
  });
  const found = byPort(records);
  const flowId = (port: number): unknown => found.get(port)!['flowId'];
  const octets = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);
  const value = (one: unknown): unknown => (one instanceof Uint8Array ? Uint8Array.from(one) : one);
  const shown = (port: number): Record<string, unknown> =>
    Object.fromEntries(Object.entries(found.get(port)!).map(([name, one]) => [name, value(one)]));
  t.deepEqual(shown(1), {
    destinationTransportPort: 1,
    flowId: flowId(1),
    '12345/7': Uint8Array.from(Buffer.from('ESTABLISHED')),
    '12345/8': octets(0, 0, 1, 0x8e),
    '12345/9': octets(2),
  });
  t.deepEqual(shown(2), {
    destinationTransportPort: 2,
    flowId: flowId(2),
    '12345/7': Uint8Array.from(Buffer.from('TIME_WAIT')),
    '12345/8': octets(0, 0, 0x41, 0x8e),
    '12345/9': octets(1),
  });
  t.deepEqual(Object.keys(shown(3)), ['destinationTransportPort', 'flowId', '12345/8', '12345/9']);
  t.deepEqual(Object.keys(shown(4)), ['destinationTransportPort', 'flowId']);
});

test('the time of a handshake is an element of one’s own, where it was seen', t => {
  const list = ['flowId', 'destinationTransportPort', 'tcpHandshakeMicroseconds=12345/10'];
  const connections = [tcp(1, { state: 3, handshake: 0xfedc_ba98 }), tcp(2, { state: 1 }), tcp(3, { protocol: 17 })];
  const found = byPort(sent(t, { list, connections }));
  t.deepEqual(Uint8Array.from(found.get(1)!['12345/10'] as Uint8Array), Uint8Array.of(0xfe, 0xdc, 0xba, 0x98));
  for (const port of [2, 3]) t.deepEqual(Object.keys(found.get(port)!), ['flowId', 'destinationTransportPort']);
});

test('offloaded or not, connections have one template', t => {
  const [backend] = backends();
  const profile = createProfile('standard', 'reverse', false, ['flowId', 'offloaded=12345/9'], 'none', KNOWN);
  const rig = new SessionRig(backend, { profile, limit: 1_400, unreliable: false });
  const messages = rig.send(tcp(1, { status: 8 }), tcp(2, { status: 8 | OFFLOAD }));
  const sets = messages.flatMap(({ bytes }) => readMessage(bytes).sets);
  const templates = sets.filter(({ id }) => id === 2).flatMap(readTemplates);
  t.deepEqual(
    templates.map(({ fields }) => fields),
    [
      [
        { id: 148, length: 8, enterprise: undefined },
        { id: 9, length: 1, enterprise: 12345 },
      ],
    ],
  );
  t.is(new Decoder('tcp').decode(messages).length, 2);
});

const POD = ['sourcePodName', 'sourcePodNamespace'];

test('names of the inventory stand in the records of flows that have them', t => {
  const list = ['destinationTransportPort', 'flowId', ...POD, 'sourceNodeName', 'destinationPodName', 'flowType'];
  const given = (biflow: Biflow): Given => ({
    list,
    biflow,
    connections: [tcp(1), tcp(2), tcp(3)].map(one => ({ ...one, counters: [1, 40, 1, 40] as const })),
    extras: intern => ({
      names: Uint32Array.from(
        [
          [intern('web-1'), intern('shop'), intern('node-a'), intern('db-1'), intern('shop'), 0, 0],
          [0, 0, intern('node-a'), 0, 0, 0, 0],
          // a namespace for which there was no room
          [intern('web-2'), 0, 0, 0, 0, 0, 0],
        ].flat(),
      ),
      types: Uint8Array.of(2, 0, 0),
    }),
  });
  const found = byPort(sent(t, given('reverse')));
  t.like(found.get(1), {
    sourcePodName: 'web-1',
    sourcePodNamespace: 'shop',
    sourceNodeName: 'node-a',
    destinationPodName: 'db-1',
    flowType: 2,
  });
  t.deepEqual(Object.keys(found.get(2)!), ['destinationTransportPort', 'flowId', 'sourceNodeName']);
  t.is(found.get(2)!['sourceNodeName'], 'node-a');
  t.deepEqual(Object.keys(found.get(3)!), ['destinationTransportPort', 'flowId']);
  const replies = byPort(
    sent(t, given('two-uniflows')).filter(record => record.get('destinationTransportPort') === 40_000),
  );
  t.is(replies.size, 1);
  const all = sent(t, given('two-uniflows')).map(valuesOf);
  const reply = all.find(one => one['sourcePodName'] === 'db-1');
  t.like(reply, { destinationPodName: 'web-1', sourcePodNamespace: 'shop', destinationTransportPort: 40_000 });
  t.false('flowType' in reply! || 'sourceNodeName' in reply!);
});

test('times in the formats of NTP, timeouts, and the packets of initiator and responder', t => {
  const times = ['Start', 'End'].flatMap(which =>
    ['Milliseconds', 'Microseconds', 'Nanoseconds'].map(unit => `flow${which}${unit}`),
  );
  const counts = ['packetDeltaCount', 'initiatorPackets', 'responderPackets'];
  const list = ['destinationTransportPort', ...times, ...counts, 'flowActiveTimeout', 'flowIdleTimeout'];
  const found = byPort(sent(t, { list, connections: [tcp(1, { counters: [3, 120, 2, 80] }), tcp(2)] }));
  const whole = found.get(1)!;
  t.like(whole, { packetDeltaCount: 3, initiatorPackets: 3, responderPackets: 2, flowActiveTimeout: 5 });
  t.is(whole['flowIdleTimeout'], 65_535);
  for (const which of ['Start', 'End']) {
    const [exact, ...others] = times.filter(name => name.startsWith(`flow${which}`)).map(name => whole[name]);
    t.true(Number(exact) > 1_600_000_000_000);
    t.deepEqual(others, [exact, exact]);
  }
  t.false(
    counts.some(name => name in found.get(2)!),
    'without counters there are none',
  );
});

test('the service that the inventory has is in the record of a flow to it, with its address and port', t => {
  const list = ['destinationTransportPort', 'flowId', 'destinationServicePortName', 'destinationServicePort'];
  const addresses = ['destinationServiceIPv4', 'destinationServiceIPv6', 'destinationClusterIPv4'];
  const found = byPort(
    sent(t, {
      list: [...list, ...addresses],
      connections: [tcp(80), tcp(81)],
      extras: intern => ({
        names: Uint32Array.from([0, 0, 0, 0, 0, 0, intern('shop/web:http'), 0, 0, 0, 0, 0, 0, 0]),
        types: new Uint8Array(2),
      }),
    }),
  );
  t.deepEqual(Object.keys(found.get(80)!), [...list, 'destinationServiceIPv4', 'destinationClusterIPv4']);
  t.like(found.get(80), { destinationServicePortName: 'shop/web:http', destinationServicePort: 80 });
  t.deepEqual(Object.keys(found.get(81)!), ['destinationTransportPort', 'flowId']);
});

test('who denied a flow stands in its record, as far as the rule says it', t => {
  const rule = (side: string): string[] =>
    ['Name', 'RuleName', 'RuleAction'].map(what => `${side}NetworkPolicy${what}`);
  const list = ['destinationTransportPort', 'flowId', 'firewallEvent', ...rule('ingress'), ...rule('egress')];
  const found = byPort(
    sent(t, {
      list,
      connections: [tcp(1), tcp(2), tcp(3)],
      extras: intern => ({
        rules: Uint16Array.of(1, 2, 0),
        ruleFacts: Uint32Array.from(
          [
            [0, 0, 0, 0],
            [0x82 | (2 << 8) | (1 << 16), intern('deny-web'), 0, intern('rule-1')],
            [0x81 | (3 << 8), 0, 0, 0],
          ].flat(),
        ),
      }),
    }),
  );
  t.deepEqual(Object.keys(found.get(1)!), ['destinationTransportPort', 'flowId', 'firewallEvent', ...rule('ingress')]);
  t.like(found.get(1), {
    ingressNetworkPolicyName: 'deny-web',
    ingressNetworkPolicyRuleName: 'rule-1',
    ingressNetworkPolicyRuleAction: 2,
  });
  t.deepEqual(Object.keys(found.get(2)!), [
    'destinationTransportPort',
    'flowId',
    'firewallEvent',
    'egressNetworkPolicyRuleAction',
  ]);
  t.is(found.get(2)!['egressNetworkPolicyRuleAction'], 3);
  t.deepEqual(Object.keys(found.get(3)!), ['destinationTransportPort', 'flowId']);
});

test('ports and ICMP by protocol, and what the host knows of itself', t => {
  const host = ['observationDomainId', 'observationDomainName', 'exportingProcessId', 'samplingPacketInterval'];
  const list = [
    'tcpSourcePort',
    'tcpDestinationPort',
    'udpSourcePort',
    'icmpTypeIPv4',
    'icmpCodeIPv4',
    'icmpTypeIPv6',
    'ingressInterface',
  ];
  const records = sent(t, {
    list: [...list, ...host],
    connections: [
      tcp(1, { protocol: 6 }),
      tcp(2, { protocol: 17 }),
      tcp(3, { protocol: 132 }),
      { protocol: 1, icmp: { type: 3, code: 13, id: 1, replyType: 0 } },
      {
        source: '2001:db8::1',
        destination: '2001:db8::2',
        protocol: 58,
        icmp: { type: 128, code: 0, id: 1, replyType: 129 },
      },
    ],
  });
  const own = new Set(
    names(records).map(some => some.filter(name => !host.includes(name) && name !== 'ingressInterface').join()),
  );
  t.deepEqual(
    own,
    new Set(['tcpSourcePort,tcpDestinationPort', 'udpSourcePort', '', 'icmpTypeIPv4,icmpCodeIPv4', 'icmpTypeIPv6']),
  );
  for (const record of records) {
    t.is(record.get('observationDomainId'), 7);
    t.is(record.get('exportingProcessId'), process.pid);
    t.is(record.get('samplingPacketInterval'), 1);
    t.is(record.get('ingressInterface'), 2);
    t.truthy(record.get('observationDomainName'));
  }
  const values = records.map(valuesOf);
  t.like(
    values.find(one => 'tcpSourcePort' in one),
    { tcpSourcePort: 40_000, tcpDestinationPort: 1 },
  );
  t.like(
    values.find(one => 'icmpTypeIPv4' in one),
    { icmpTypeIPv4: 3, icmpCodeIPv4: 13 },
  );
  t.is(values.find(one => 'icmpTypeIPv6' in one)!['icmpTypeIPv6'], 128);
});

test('a rule that allows has a name and an action, and its connection is not denied', t => {
  const profile = () =>
    createProfile(
      'standard',
      'reverse',
      false,
      [
        'protocolIdentifier',
        'destinationTransportPort',
        'firewallEvent',
        'ingressNetworkPolicyName',
        'ingressNetworkPolicyRuleAction',
      ],
      'none',
      { ...KNOWN, policies: true },
    );
  const [first, ...others] = backends().map(backend => {
    const rig = new SessionRig(backend, { profile: profile(), limit: 1_400 });
    const [web, wall] = ['web', 'wall'].map(name => rig.names.intern(name));
    const [INGRESS, ALLOW, DROP] = [1 << 16, 1 << 8, 2 << 8];
    const ruleFacts = Uint32Array.of(0, 0, 0, 0, INGRESS | ALLOW, web, 0, 0, INGRESS | DROP | 130, wall, 0, 0);
    return rig.sendWith({ rules: Uint16Array.of(0, 1, 2), ruleFacts, policies: true }, tcp(1), tcp(2), tcp(3));
  });
  const octets = (messages: typeof first): string[] => messages.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
  for (const other of others) t.deepEqual(octets(other), octets(first));
  const found = byPort(new Decoder().decode(first));
  t.deepEqual(found.get(1), { protocolIdentifier: 6, destinationTransportPort: 1 });
  t.deepEqual(found.get(2), {
    protocolIdentifier: 6,
    destinationTransportPort: 2,
    ingressNetworkPolicyName: 'web',
    ingressNetworkPolicyRuleAction: 1,
  });
  t.deepEqual(found.get(3), {
    protocolIdentifier: 6,
    destinationTransportPort: 3,
    firewallEvent: 3,
    ingressNetworkPolicyName: 'wall',
    ingressNetworkPolicyRuleAction: 2,
  });
});
