import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { CtflowError } from '../../../src/common/errors.js';
import type { ListContext } from '../../../src/ipfix/field-list/elements.js';
import { mistakesOf } from '../../../src/ipfix/field-list/field-list.js';
import { listableElements } from '../../../src/ipfix/field-list/list-mistakes.js';
import { FIRST_DETAIL } from '../../../src/ipfix/details.js';
import { MOST_FLOW_TEMPLATES } from '../../../src/ipfix/options.js';
import type { Biflow } from '../../../src/ipfix/profile-standard.js';
import { createProfile, type Profile } from '../../../src/ipfix/profile.js';
import * as shape from '../../../src/ipfix/shape.js';
import { templateId } from '../../../src/ipfix/template-id.js';
import { templateRecord } from '../../../src/ipfix/template.js';

const EVERYTHING = { inventory: true, denied: true, tcpStates: true };

function listed(
  list: readonly string[],
  known: Partial<ListContext> = EVERYTHING,
  biflow: Biflow = 'reverse',
): Profile {
  const interfaces = known.interfaces ?? 'none';
  return createProfile('standard', biflow, false, list, interfaces, known);
}

const namesOf = (profile: Profile, bits: number): string[] => profile.fieldsOf(bits).map(({ element }) => element.name);

test('a list has its elements in its order, in each template those that the record has', t => {
  const list = [
    'octetDeltaCount',
    'flowId',
    'sourceIPv6Address',
    'sourceIPv4Address',
    'postNAPTSourceTransportPort',
    'mark',
    'flowEndSeconds',
  ];
  const profile = listed(list, {});
  t.deepEqual(namesOf(profile, 0), ['flowId', 'sourceIPv4Address', 'flowEndSeconds']);
  t.deepEqual(namesOf(profile, shape.IPV6 | shape.COUNTERS | shape.MARK), [
    'octetDeltaCount',
    'flowId',
    'sourceIPv6Address',
    'mark',
    'flowEndSeconds',
  ]);
  t.true(namesOf(profile, shape.PORTS | shape.SOURCE_NAT).includes('postNAPTSourceTransportPort'));
});

/** Kinds that may be, of those that make a difference. */
function* kindsOf({ shapes, details, uniflows }: Profile): Generator<number> {
  const all = (shapes & ~shape.REVERSED) | (((1 << details.length) - 1) << FIRST_DETAIL);
  for (let bits = all; ; bits = (bits - 1) & all) {
    if (!(bits & shape.REPLY_COUNTERS && !(bits & shape.COUNTERS))) {
      yield bits;
      if (uniflows && bits & shape.REPLY_COUNTERS) yield bits | shape.REVERSED;
    }
    if (bits === 0) return;
  }
}

const LISTS = [
  ['flowId', 'icmpTypeCodeIPv6', 'postNATDestinationIPv4Address'],
  ['protocolIdentifier', 'egressVRFID', 'destinationTransportPort', 'conntrack_id'],
  ['flowEndReason', 'applicationName', 'packetTotalCount', 'postNAPTDestinationTransportPort'],
  ['flowId', 'sourcePodName', 'destinationPodNamespace', 'destinationNodeName', 'flowType'],
  ['flowId', 'tcpState', 'status=12345/8', 'offloaded=12345/9', 'octetDeltaCount'],
  ['egressInterface', 'flowId', 'ingressInterface', 'octetDeltaCount'],
  ['flowId', 'destinationServicePort', 'destinationServiceIPv6', 'destinationServicePortName', 'flowType'],
];

test('equal templates have one id and others another, and a list leads to no more than it may', t => {
  for (const biflow of ['reverse', 'two-uniflows'] as const) {
    for (const list of LISTS) {
      const profile = listed(list, { inventory: true, interfaces: 'route' }, biflow);
      const byId = new Map<number, string>();
      for (const kind of kindsOf(profile)) {
        const fields = Buffer.from(templateRecord(0, profile.fieldsOf(kind))).toString('hex');
        const id = templateId(profile, kind);
        t.is(byId.get(id) ?? fields, fields);
        byId.set(id, fields);
        t.true(id >= 65_024 && id <= 65_535);
      }
      t.is(new Set(byId.values()).size, byId.size);
      t.true(byId.size > 1, list.join());
    }
  }
});

test('interfaces by routes are in a list where each is known, the other way round in the reverse uniflow', t => {
  const list = ['egressInterface', 'flowId', 'ingressInterface'];
  const { COUNTERS, REPLY_COUNTERS, REVERSED, INGRESS, EGRESS } = shape;
  const profile = listed(list, { interfaces: 'route' }, 'two-uniflows');
  t.true(profile.routed);
  t.is(profile.always, 0);
  t.is(profile.shapes & (INGRESS | EGRESS), INGRESS | EGRESS);
  t.deepEqual(namesOf(profile, INGRESS | EGRESS), list);
  t.deepEqual(namesOf(profile, EGRESS), ['egressInterface', 'flowId']);
  t.deepEqual(namesOf(profile, 0), ['flowId']);
  const reversed = COUNTERS | REPLY_COUNTERS | REVERSED;
  t.deepEqual(namesOf(profile, reversed | EGRESS), ['flowId', 'ingressInterface']);
  t.is(listed(['flowId'], { interfaces: 'route' }).routed, undefined, 'nobody wants them');
  const fixed = listed(list, { interfaces: { ingress: 1, egress: 2 } });
  t.is(fixed.routed, undefined);
  t.deepEqual(namesOf(fixed, 0), list);
});

test('the reply direction as a record of its own has the names of its own source, and no service', t => {
  const list = ['flowId', 'sourcePodName', 'sourceNodeName', 'destinationPodName', 'destinationServicePortName'];
  const profile = listed(list.slice(0, 3), { inventory: true }, 'two-uniflows');
  t.deepEqual(
    profile.details.map(({ name }) => name),
    ['source pod', 'source node', 'destination pod', 'destination node'],
  );
  const bit = (n: number): number => 1 << (FIRST_DETAIL + n);
  t.deepEqual(namesOf(profile, bit(0)), ['flowId', 'sourcePodName']);
  t.deepEqual(namesOf(profile, bit(0) | shape.REVERSED), ['flowId'], 'it is the pod of the other end');
  const [, pod] = profile.fieldsOf(bit(2) | shape.REVERSED);
  t.is(pod.offset, listed(list, { inventory: true }).fieldsOf(bit(2))[1].offset, 'what was the destination');
  t.false(
    namesOf(listed(list, { inventory: true }, 'two-uniflows'), shape.REVERSED | (0x1ff << FIRST_DETAIL)).includes(
      list[4],
    ),
  );
});

const REFUSED: readonly [list: string[], biflow: Biflow, known: Partial<ListContext>, message: RegExp, hint: RegExp][] =
  [
    [
      ['flowId', 'octetDeltaCont'],
      'reverse',
      {},
      /'octetDeltaCont' is not an information element/,
      /^Write octetDeltaCount$/,
    ],
    [
      ['flowId', 'sourcePodNam'],
      'reverse',
      {},
      /'sourcePodNam' is not an information element/,
      /^Write sourcePodName$/,
    ],
    [['flowId', 'zzz'], 'reverse', {}, /'zzz' is not an information element/, /docs\/records\.md/],
    [
      ['flowId', 'flowDurationMicroseconds'],
      'reverse',
      {},
      /'flowDurationMicroseconds' cannot be filled/,
      /^Write flowDurationMilliseconds$/,
    ],
    [['flowId', 'egressName'], 'reverse', {}, /'egressName' cannot be filled: Antrea alone knows it/, /antrea/],
    [['flowId', 'destinationClusterIPv4'], 'reverse', {}, /'destinationClusterIPv4' needs --inventory/, /./],
    [['flowId', 'destinationServicePort'], 'reverse', {}, /'destinationServicePort' needs --inventory/, /./],
    [['flowId', 'ingressNetworkPolicyType'], 'reverse', EVERYTHING, /no log prefix has the type/, /antrea/],
    [['flowId', 'proxySnatIPv4'], 'reverse', EVERYTHING, /the same as an element of IANA/, /postNATSourceIPv4Address/],
    [['flowId', 'initiatorOctets'], 'reverse', {}, /counts payload, and conntrack/, /octetDeltaCount/],
    [['flowId', 'responderPackets'], 'two-uniflows', {}, /cannot be filled with --biflow two-uniflows/, /./],
    [['flowId', 'flowIdleTimeout'], 'reverse', { timeouts: { active: 1000, idle: 1500 } }, /whole seconds/, /timeout/],
    [['flowId', 'flowActiveTimeout'], 'reverse', { timeouts: { active: 65_536_000, idle: 1 } }, /whole seconds/, /./],
    [['flowId', 'reverseOctetDeltaCount'], 'two-uniflows', {}, /cannot be filled with --biflow two-uniflows/, /./],
    [['flowId', 'flowId'], 'reverse', {}, /'flowId' is given twice/, /once/],
    [['flowId', 'tcpState', 'tcpState=56506/136'], 'reverse', {}, /'tcpState=56506\/136' is given twice/, /once/],
    [['sourceIPv4Address', 'octetDeltaCount'], 'reverse', {}, /in some records alone/, /protocolIdentifier, .*flowId/],
    [['flowId', 'sourcePodName'], 'reverse', {}, /'sourcePodName' needs --inventory/, /--inventory/],
    [['flowId', 'firewallEvent'], 'reverse', {}, /'firewallEvent' needs --nflog-group/, /./],
    [['flowId', 'egressNetworkPolicyName'], 'reverse', {}, /needs --nflog-group/, /./],
    [['flowId', 'tcpStatePrevList'], 'reverse', {}, /needs --tcp-state-history/, /./],
    [['flowId', 'ingressInterface'], 'reverse', {}, /needs --interfaces/, /./],
    [['flowId', 'offloaded'], 'reverse', {}, /no registry has an element for 'offloaded'/, /^Write offloaded=PEN\/ID/],
    [['flowId', 'status'], 'reverse', {}, /no registry has an element for 'status'/, /^Write status=PEN\/ID/],
    [['flowId', 'ofloaded=1/2'], 'reverse', {}, /what no registry has/, /^Write offloaded=PEN\/ID$/],
    [['flowId', 'octetDeltaCount=1/2'], 'reverse', {}, /what no registry has/, /^Write octetDeltaCount$/],
    [['flowId', 'status=0/1'], 'reverse', {}, /'status=0\/1' has no element/, /id from 1 to 32767/],
    [['flowId', 'status=12345/32768'], 'reverse', {}, /has no element/, /id from 1 to 32767/],
    [['flowId', 'status=4294967296/1'], 'reverse', {}, /has no element/, /./],
    [['flowId', 'status='], 'reverse', {}, /'status=' has no element/, /^Write status=PEN\/ID/],
    [['flowId', 'status=21373/4'], 'reverse', {}, /21373\/4 is mark/, /your collector knows/],
    [['flowId', 'status=29305/600'], 'reverse', {}, /29305\/600 is an element of RFC 5103/, /./],
  ];
for (const [list, biflow, known, message, hint] of REFUSED) {
  test(`refused with ${biflow}: ${list.join()}`, t => {
    const error = t.throws(() => listed(list, known, biflow), {
      instanceOf: CtflowError,
      code: 'CTFLOW_USAGE',
      message,
    });
    t.regex(error?.hint ?? '', hint);
  });
}

test('each mistake of a list has its place; what is wrong with the list as a whole has none', t => {
  const context = {
    biflow: 'reverse',
    observationDomain: 0,
    inventory: false,
    denied: false,
    tcpStates: false,
    owners: false,
  } as const;
  const places = (...list: string[]): unknown[] => mistakesOf(list, context).map(({ item, need }) => [item, need]);
  t.deepEqual(
    places('flowId', 'octetDeltaCont', 'flowId', 'sourcePodName', 'status', 'status=0/1', 'ingressInterface'),
    [
      [1, undefined],
      [2, undefined],
      [3, 'inventory'],
      [4, undefined],
      [5, undefined],
      [6, 'interfaces'],
    ],
  );
  t.deepEqual(places('sourceIPv4Address'), [[undefined, undefined]]);
  const many = [...CORE, 'mark', 'applicationName', 'ingressVRFID', 'flowDurationMilliseconds', 'conntrack_id'];
  t.deepEqual(places(...many), [[undefined, undefined]]);
  t.regex(mistakesOf(many, context)[0].what, /^records can have/);
  t.deepEqual(places('flowId', 'status=12345/7'), []);
});

const CORE = ['sourceIPv4Address', 'sourceIPv6Address', 'sourceTransportPort', 'protocolIdentifier', 'octetDeltaCount'];

test('names and addresses of services are in the templates of flows to known ones, each with what it depends on', t => {
  const list = ['flowId', 'destinationServicePort', 'destinationClusterIPv4', 'destinationServiceIPv6'];
  const profile = listed(list, { inventory: true }, 'two-uniflows');
  const { SERVICE, PORTS, IPV6, REVERSED } = shape;
  t.is(profile.shapes & (SERVICE | PORTS | IPV6), SERVICE | PORTS | IPV6);
  t.deepEqual(namesOf(profile, SERVICE | PORTS), list.slice(0, 3));
  t.deepEqual(namesOf(profile, SERVICE | IPV6), ['flowId', 'destinationServiceIPv6']);
  for (const bits of [0, PORTS | IPV6, SERVICE | PORTS | REVERSED]) t.deepEqual(namesOf(profile, bits), ['flowId']);
});

test('more templates than a collector has to keep are refused, with what to leave out', t => {
  const pods = [...CORE, 'sourcePodName', 'sourcePodNamespace', 'destinationPodName', 'destinationNodeName'];
  t.notThrows(() => listed(pods.slice(0, -1), { inventory: true }));
  const error = t.throws(() => listed([...pods, 'sourceNodeName'], { inventory: true }), { code: 'CTFLOW_USAGE' });
  t.regex(error.message, /in 128 combinations, each with a template of its own; 57 are possible/);
  const [, left, count] = /^Leave out (.+): then there are (\d+)$/.exec((error as CtflowError).hint ?? '')!;
  t.true(Number(count) <= MOST_FLOW_TEMPLATES);
  const rest = [...pods, 'sourceNodeName'].filter(name => !left.split(', ').includes(name));
  t.notThrows(() => listed(rest, { inventory: true }));
});

test('what the settings rule out makes no templates', t => {
  const list = [
    ...CORE,
    'destinationTransportPort',
    'postNATSourceIPv4Address',
    'status=12345/8',
    'flowDirection',
    'mark',
  ];
  t.notThrows(() => listed(list, {}));
  t.throws(() => listed(list, { denied: true }), { message: /combinations/ }, 'a denied packet has no status');
});

test('more facts than a kind has bits for are refused', t => {
  const rule = (side: string): string[] =>
    ['Name', 'Namespace', 'RuleName', 'RuleAction'].map(what => `${side}NetworkPolicy${what}`);
  const rules = ['protocolIdentifier', ...rule('ingress'), ...rule('egress')];
  t.is(listed(rules, { denied: true }).details.length, 8);
  const error = t.throws(() => listed([...rules, 'sourcePodName', 'destinationPodName'], { ...EVERYTHING }), {
    message: /combinations|depend on 10 facts/,
  });
  t.truthy((error as CtflowError).hint);
});

test('docs/records.md has every element that a list can have', t => {
  const page = readFileSync(fileURLToPath(new URL('../../../../docs/records.md', import.meta.url)), 'utf8');
  const missing = listableElements().filter(name => !page.includes(name));
  t.deepEqual(missing, []);
  t.true(listableElements().length > 60);
});

test('every element of profile standard can be in a list', t => {
  for (const bits of [0, shape.STANDARD & ~shape.REVERSED, shape.STANDARD & ~(shape.IPV6 | shape.REVERSED)]) {
    const all = namesOf(createProfile('standard', 'reverse', true), bits).filter(name => name !== 'tcpState');
    for (const name of all) {
      const profile = listed(['exportingProcessId', name]);
      t.deepEqual(namesOf(profile, bits), ['exportingProcessId', name]);
    }
  }
});
