import test from 'ava';
import {
  domainNameSet,
  flowKeysSet,
  ignoredSet,
  INTERFACE_LENGTH,
  interfacesSet,
  notSentSet,
  optionsTemplateSet,
  samplingSet,
  statisticsSet,
} from '../../src/ipfix/options.js';
import { createProfile } from '../../src/ipfix/profile.js';
import * as shape from '../../src/ipfix/shape.js';
import { message } from '../helpers/builders/ipfix-builder.js';
import { Decoder, readMessage, readTemplates, valuesOf } from '../helpers/builders/wire.js';

const decode = (...sets: Uint8Array[]): Record<string, unknown>[] =>
  new Decoder().decode([{ bytes: message({}, optionsTemplateSet('current'), ...sets) }]).map(valuesOf);

test('RFC 7011 3.4.2.2: every options template has one scope field, and the elements of RFC 7011', t => {
  const [set] = readMessage(message({}, optionsTemplateSet('current'))).sets;
  t.is(set.id, 3);
  const templates = readTemplates(set);
  t.deepEqual(
    templates.map(({ id, scopes, fields }) => [id, scopes, fields.map(field => field.id)]),
    [
      [256, 1, [149, 41, 42, 40]],
      [257, 1, [144, 166, 167, 168, 323, 323]],
      [258, 1, [145, 173]],
      [259, 1, [149, 164, 165, 323, 323]],
      [260, 1, [149, 305, 306]],
    ],
  );
  for (const { fields } of templates) for (const { enterprise } of fields) t.is(enterprise, undefined);
});

test('RFC 7011 4: the statistics of the exporting process', t => {
  const { set, records } = statisticsSet({
    observationDomain: 0xffff_ffff,
    messages: 2 ** 40,
    flowRecords: Number.MAX_SAFE_INTEGER,
    octets: 7,
  });
  t.is(records, 1);
  t.deepEqual(decode(set), [
    {
      observationDomainId: 0xffff_ffff,
      exportedMessageTotalCount: 2 ** 40,
      exportedFlowRecordTotalCount: Number.MAX_SAFE_INTEGER,
      exportedOctetTotalCount: 7,
    },
  ]);
});

test('RFC 7011 4: the records that were not sent, with the times of the first and the last', t => {
  const notSent = { flows: 3, packets: 40, octets: 5_000, first: 1_700_000_000_001, last: 1_700_000_000_999 };
  const { set, records } = notSentSet(4711, notSent);
  t.is(records, 1);
  const [record] = new Decoder().decode([{ bytes: message({}, optionsTemplateSet('current'), set) }]);
  t.like(valuesOf(record), {
    exportingProcessId: 4711,
    notSentFlowTotalCount: 3,
    notSentPacketTotalCount: 40,
    notSentOctetTotalCount: 5_000,
    observationTimeMilliseconds: 1_700_000_000_999,
  });
  t.is(record.template.elements.at(-2)?.name, 'observationTimeMilliseconds');
});

test('RFC 7011 4.2: the packets that are in no record, with the times of the first and the last', t => {
  const { set, records } = ignoredSet(7, {
    packets: 40,
    octets: 5_000,
    first: 1_700_000_000_001,
    last: 1_700_000_000_999,
  });
  t.is(records, 1);
  t.like(decode(set)[0], {
    observationDomainId: 7,
    ignoredPacketTotalCount: 40,
    ignoredOctetTotalCount: 5_000,
    observationTimeMilliseconds: 1_700_000_000_999,
  });
});

// goflow2, Akvorado and nfcapd read four octets each
test('RFC 5477 8.2: every packet is counted: samplingPacketInterval 1 and samplingPacketSpace 0, four octets each', t => {
  const { set, records } = samplingSet(0xffff_ffff, 'current');
  t.is(records, 1);
  t.is(Buffer.from(set).toString('hex'), '01040010' + 'ffffffff' + '00000001' + '00000000');
  t.deepEqual(decode(set), [{ observationDomainId: 0xffff_ffff, samplingPacketInterval: 1, samplingPacketSpace: 0 }]);
});

test('where it is asked for, also samplingInterval and samplerRandomInterval, in a template of their own', t => {
  const [set] = readMessage(message({}, optionsTemplateSet('deprecated'))).sets;
  const { id, scopes, fields } = readTemplates(set).at(-1)!;
  t.deepEqual(
    [id, scopes, fields.map(field => [field.id, field.length])],
    [261, 1, [149, 305, 306, 34, 50].map(element => [element, 4])],
  );
  const sampling = samplingSet(7, 'deprecated');
  const [record] = new Decoder().decode([{ bytes: message({}, optionsTemplateSet('deprecated'), sampling.set) }]);
  t.deepEqual(valuesOf(record), {
    observationDomainId: 7,
    samplingPacketInterval: 1,
    samplingPacketSpace: 0,
    samplingInterval: 1,
    samplerRandomInterval: 1,
  });
  const [none] = readMessage(message({}, optionsTemplateSet('none'))).sets;
  t.deepEqual(
    readTemplates(none).map(one => one.id),
    [256, 257, 258, 259],
  );
});

// nfdump takes no names of variable length
test('interfaces have their names in fields of fixed length, cut at a character', t => {
  const long = 'ü'.repeat(40);
  const { set, records } = interfacesSet([
    { index: 2, name: 'eth0', description: 'uplink' },
    { index: 0xffff_fffe, name: 'abcdefghijklmno', description: `x${long}` },
  ]);
  t.is(records, 2);
  t.is(set.length, 4 + 2 * INTERFACE_LENGTH);
  const [template] = readMessage(message({}, optionsTemplateSet('none', true))).sets;
  const { id, scopes, fields } = readTemplates(template).at(-1)!;
  t.deepEqual(
    [id, scopes, fields.map(field => [field.id, field.length])],
    [
      262,
      1,
      [
        [10, 4],
        [82, 16],
        [83, 64],
      ],
    ],
  );
  const decoded = new Decoder().decode([{ bytes: message({}, optionsTemplateSet('none', true), set) }]).map(valuesOf);
  t.deepEqual(decoded, [
    { ingressInterface: 2, interfaceName: 'eth0', interfaceDescription: 'uplink' },
    { ingressInterface: 0xffff_fffe, interfaceName: 'abcdefghijklmno', interfaceDescription: `x${'ü'.repeat(31)}` },
  ]);
});

test('the name of an observation domain is cut at a character', t => {
  const templates = optionsTemplateSet('none', false, true);
  for (const [name, sent] of [
    ['blue', 'blue'],
    [`x${'ü'.repeat(200)}`, `x${'ü'.repeat(126)}`],
  ]) {
    const { set, records } = domainNameSet(7, name);
    t.is(records, 1);
    const [record] = new Decoder().decode([{ bytes: message({}, templates, set) }]).map(valuesOf);
    t.deepEqual(record, { observationDomainId: 7, observationDomainName: sent });
  }
});

test('a count beyond 64 bits is sent as 2^64 - 1', t => {
  const { set } = notSentSet(1, { flows: 1, packets: 2 ** 64, octets: 2 ** 70, first: 1, last: 2 });
  t.like(decode(set)[0], { notSentPacketTotalCount: (1n << 64n) - 1n, notSentOctetTotalCount: (1n << 64n) - 1n });
});

test('RFC 7011 4: the flow keys of each template are the bits of its tuple’s elements', t => {
  const profile = createProfile('standard', 'reverse', true);
  const templates = [shape.PORTS | shape.COUNTERS | shape.ZONE, shape.IPV6 | shape.ICMP | shape.REPLY_ZONE].map(
    (bits, i) => ({ id: 300 + i, fields: profile.fieldsOf(bits) }),
  );
  const { set, records } = flowKeysSet(templates);
  t.is(records, 2);
  const decoded = decode(set);
  const keys = decoded.map(({ flowKeyIndicator }, i) =>
    templates[i].fields
      .map(({ element }) => element.name)
      .filter((_, bit) => (BigInt(flowKeyIndicator as number) >> BigInt(bit)) & 1n),
  );
  t.deepEqual(
    decoded.map(({ templateId }) => templateId),
    [300, 301],
  );
  t.deepEqual(keys, [
    [
      'sourceIPv4Address',
      'destinationIPv4Address',
      'sourceTransportPort',
      'destinationTransportPort',
      'protocolIdentifier',
      'ingressVRFID',
    ],
    ['sourceIPv6Address', 'destinationIPv6Address', 'protocolIdentifier', 'icmpTypeCodeIPv6', 'egressVRFID'],
  ]);
});
