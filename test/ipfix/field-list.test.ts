import test from 'ava';
import { CtflowError } from '../../src/common/errors.js';
import { checkFieldList } from '../../src/ipfix/field-list.js';
import { createProfile, type Profile } from '../../src/ipfix/profile.js';
import * as shape from '../../src/ipfix/shape.js';
import { templateId } from '../../src/ipfix/template-id.js';

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
  const profile = createProfile('standard', 'reverse', false, list);
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

test('shapes that differ in what the list does not have are one template, and all others have their own id', t => {
  for (const biflow of ['reverse', 'two-uniflows'] as const) {
    for (const list of [
      ['flowId', 'icmpTypeCodeIPv6', 'postNATDestinationIPv4Address'],
      ['protocolIdentifier', 'egressVRFID', 'destinationTransportPort', 'firewallEvent', 'conntrack_id'],
      ['flowEndReason', 'applicationName', 'packetTotalCount', 'postNAPTDestinationTransportPort', 'tcpStatePrevList'],
    ]) {
      const profile = createProfile('standard', biflow, false, list);
      const byId = new Map<number, string>();
      for (let bits = 0; bits <= 0xffff; bits += 1) {
        const kind = bits & profile.shapes;
        // only TCP has states, and it has ports; no row counts the reply direction alone
        if (bits & shape.TCP_HISTORY && (bits & shape.ICMP || profile.shapes & shape.PORTS & ~bits)) continue;
        if (bits & shape.REPLY_COUNTERS && !(bits & shape.COUNTERS)) continue;
        if (bits !== kind && bits % 601 !== 0) continue;
        const fields = namesOf(profile, kind).join();
        if (bits === kind) {
          const id = templateId(profile, kind);
          t.is(byId.get(id) ?? fields, fields);
          byId.set(id, fields);
          t.not(fields, '');
        } else t.is(namesOf(profile, bits).join(), fields, `${bits} ${list.join()}`);
      }
    }
  }
});

const REFUSED: readonly [list: string[], biflow: 'reverse' | 'two-uniflows', message: RegExp, hint: RegExp][] = [
  [
    ['flowId', 'octetDeltaCont'],
    'reverse',
    /'octetDeltaCont' is not an information element/,
    /^Write octetDeltaCount$/,
  ],
  [['flowId', 'zzz'], 'reverse', /'zzz' is not an information element/, /docs\/records\.md/],
  [
    ['flowId', 'flowEndMicroseconds'],
    'reverse',
    /'flowEndMicroseconds' cannot be filled/,
    /^Write flowEndMilliseconds$/,
  ],
  [['flowId', 'sourcePodName'], 'reverse', /'sourcePodName' cannot be filled/, /antrea/],
  [['flowId', 'reverseOctetDeltaCount'], 'two-uniflows', /cannot be filled with --biflow two-uniflows/, /./],
  [['flowId', 'flowId'], 'reverse', /'flowId' is given twice/, /once/],
  [['sourceIPv4Address', 'octetDeltaCount'], 'reverse', /in some records alone/, /protocolIdentifier, .*flowId/],
];
for (const [list, biflow, message, hint] of REFUSED) {
  test(`refused with ${biflow}: ${list.join()}`, t => {
    const error = t.throws(() => checkFieldList(list, biflow), {
      instanceOf: CtflowError,
      code: 'CTFLOW_USAGE',
      message,
    });
    t.regex(error?.hint ?? '', hint);
  });
}

test('every element of profile standard can be in a list', t => {
  for (const bits of [0, shape.STANDARD & ~shape.REVERSED, shape.STANDARD & ~(shape.IPV6 | shape.REVERSED)]) {
    const all = namesOf(createProfile('standard', 'reverse', true), bits);
    t.notThrows(() => checkFieldList(all, 'reverse'));
    t.deepEqual(namesOf(createProfile('standard', 'reverse', false, all), bits), all);
  }
});
