import { Buffer } from 'node:buffer';
import test from 'ava';
import { decodeMessage } from '../../../src/collector/decode/decode.js';
import { DEFAULT_LIMITS } from '../../../src/collector/limits.js';
import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import { newStats } from '../../../src/collector/stats.js';
import { TransportSession } from '../../../src/collector/transport-session.js';
import {
  EXPORT_TIME,
  hex,
  long,
  message,
  optionsTemplateSet,
  set,
  short,
  templateRecord,
  templateSet,
  u16,
  u32,
  u8,
  VARIABLE,
} from '../../helpers/builders/ipfix-builder.js';

const udp = (limits = {}) =>
  new TransportSession('udp://192.0.2.9:1', 'udp', newStats(), { ...DEFAULT_LIMITS, ...limits });
const tcp = () => new TransportSession('tcp://192.0.2.9:1', 'tcp');

/** Names and values of each record. */
const plain = (records: readonly CollectedRecord[]): Record<string, unknown>[] =>
  records.map(record => Object.fromEntries(record.fields.map(({ element, value }) => [element.name, value])));

// --- RFC 7011 appendix A: the sets that it shows, in one message of 152 octets; export time and domain are free there ---

const APPENDIX_A = hex(`
  000a 0098  5ff5 a7c0  0000 0000  0000 0001
  0002 001c  0100 0005  0008 0004  000c 0004  000f 0004  0002 0004  0001 0004
  0100 0040  c000 020c  c000 02fe  c000 0201  0000 1391  0051 8c81
             c000 021b  c000 0217  c000 0202  0000 02ec  0005 ef46
             c000 0238  c000 0241  c000 0203  0000 0005  0000 1986
  0003 0018  0102 0003  0001  008d 0004  0029 0002  002a 0002  0000
  0102 0014  0000 0001  0159 27d9  0000 0002  02b2 4fb2
`);

test('RFC 7011 appendix A: template, data, options template, options data', t => {
  const session = udp();
  const { records, malformed } = decodeMessage(APPENDIX_A, session);
  t.is(malformed, undefined);
  t.deepEqual(plain(records), [
    {
      sourceIPv4Address: '192.0.2.12',
      destinationIPv4Address: '192.0.2.254',
      ipNextHopIPv4Address: '192.0.2.1',
      packetDeltaCount: 5009,
      octetDeltaCount: 5344385,
    },
    {
      sourceIPv4Address: '192.0.2.27',
      destinationIPv4Address: '192.0.2.23',
      ipNextHopIPv4Address: '192.0.2.2',
      packetDeltaCount: 748,
      octetDeltaCount: 388934,
    },
    {
      sourceIPv4Address: '192.0.2.56',
      destinationIPv4Address: '192.0.2.65',
      ipNextHopIPv4Address: '192.0.2.3',
      packetDeltaCount: 5,
      octetDeltaCount: 6534,
    },
    { lineCardId: 1, exportedMessageTotalCount: 345, exportedFlowRecordTotalCount: 10201 },
    { lineCardId: 2, exportedMessageTotalCount: 690, exportedFlowRecordTotalCount: 20402 },
  ]);
  t.deepEqual(
    records.map(({ isOptions }) => isOptions),
    [false, false, false, true, true],
  );
  t.is(records[3].template.scopeCount, 1);
  const { messages, records: flows, optionsRecords, templates, undecodableSets } = session.stats;
  t.deepEqual([messages, flows, optionsRecords, templates, undecodableSets], [1, 3, 2, 2, 0]);
});

test('a record has its exporter, observation domain and template', t => {
  const session = udp();
  const [record] = decodeMessage(APPENDIX_A, session).records;
  t.is(record.exporter, 'udp://192.0.2.9:1');
  t.is(record.observationDomain, 1);
  t.is(record.exportTime, 0x5ff5a7c0);
  t.is(record.templateId, 256);
  t.is(record.get('packetDeltaCount'), 5009);
  t.is(record.get('octetTotalCount'), undefined);
});

test("RFC 7011 appendix A.2.2 and A.5: enterprises' elements and variable lengths", t => {
  const session = udp();
  const fields = templateSet(257, [8, 4], [15, 4, 12345], [96, VARIABLE], [136, VARIABLE, 56506]);
  const content = Buffer.concat([u32(0xc0000201), hex('cafe0001'), short('ftp'), long('x'.repeat(1000))]);
  const { records } = decodeMessage(message({}, fields, set(257, content)), session);
  t.deepEqual(plain(records), [
    {
      sourceIPv4Address: '192.0.2.1',
      '12345/15': new Uint8Array([0xca, 0xfe, 0, 1]),
      applicationName: 'ftp',
      tcpState: 'x'.repeat(1000),
    },
  ]);
});

test('a length in three octets is legal for short content as well', t => {
  const { records } = decodeMessage(
    message({}, templateSet(256, [96, VARIABLE]), set(256, long(''), long('a'))),
    udp(),
  );
  t.deepEqual(plain(records), [{ applicationName: '' }, { applicationName: 'a' }]);
});

test('an element that occurs twice keeps both values in order', t => {
  const { records } = decodeMessage(message({}, templateSet(256, [70, 1], [70, 1]), set(256, hex('0102'))), udp());
  t.deepEqual(
    records[0].fields.map(({ value }) => value),
    [new Uint8Array([1]), new Uint8Array([2])],
  );
  t.deepEqual(records[0].get('mplsTopLabelStackSection'), new Uint8Array([1]));
});

test('the enterprise bit with number 0 is IANA', t => {
  const { records } = decodeMessage(message({}, templateSet(256, [4, 1, 0]), set(256, u8(6))), udp());
  t.deepEqual(plain(records), [{ protocolIdentifier: 6 }]);
});

test('the empty message and the empty data set are well formed', t => {
  const session = udp();
  t.deepEqual(decodeMessage(message({}), session), { records: [] });
  t.deepEqual(decodeMessage(message({}, templateSet(256, [4, 1]), set(256)), session), { records: [] });
  t.is(session.stats.messages, 2);
});

// --- padding ---

test('padding after the records of a set is skipped, zero or not (RFC 7011 section 9.1)', t => {
  const session = udp();
  const { records } = decodeMessage(
    message({}, set(2, templateRecord(256, [8, 4]), hex('000000')), set(256, hex('c0000201 c0000202 00ff00'))),
    session,
  );
  t.is(records.length, 2);
  t.is(session.stats.ignoredWithdrawals, 0);
  decodeMessage(message({ sequence: 2 }, set(2, templateRecord(257, [8, 4]), hex('00000000 00000000 0000'))), session);
  t.is(session.stats.templates, 2);
  t.is(session.stats.malformedMessages, 0);
});

// --- templates ---

test('templates belong to one observation domain of one session', t => {
  const session = udp();
  decodeMessage(message({ domain: 1 }, templateSet(256, [8, 4])), session);
  decodeMessage(message({ domain: 2 }, templateSet(256, [12, 4])), session);
  const data = set(256, hex('c0000201'));
  t.deepEqual(plain(decodeMessage(message({ domain: 1 }, data), session).records), [
    { sourceIPv4Address: '192.0.2.1' },
  ]);
  t.deepEqual(plain(decodeMessage(message({ domain: 2 }, data), session).records), [
    { destinationIPv4Address: '192.0.2.1' },
  ]);
  t.deepEqual(decodeMessage(message({ domain: 3 }, data), session).records, []);
  t.deepEqual(decodeMessage(message({ domain: 1 }, data), udp()).records, []);
  t.is(session.stats.undecodableSets, 1);
});

test('data before their template are counted, and the rest of the message is decoded', t => {
  const session = udp();
  const data = set(256, hex('c0000201'));
  const { records } = decodeMessage(message({}, data, templateSet(256, [8, 4]), data, set(9999, hex('00'))), session);
  t.is(records.length, 1);
  t.is(session.stats.undecodableSets, 2);
  t.is(session.stats.messages, 1);
});

test('several template records in one set', t => {
  const session = udp();
  const templates = set(2, templateRecord(256, [8, 4]), templateRecord(257, [4, 1], [1, 8, 29305]));
  const { records } = decodeMessage(message({}, templates, set(257, u8(6), hex('0000000000000005'))), session);
  t.deepEqual(plain(records), [{ protocolIdentifier: 6, reverseOctetDeltaCount: 5 }]);
  t.is(session.stats.templates, 2);
});

test('a refreshed template is not counted as a new one', t => {
  for (const session of [udp(), tcp()]) {
    for (let i = 0; i < 3; i++) decodeMessage(message({}, templateSet(256, [8, 4], [1, 8, 29305])), session);
    t.is(session.stats.templates, 1);
    t.is(session.stats.conflictingTemplates, 0);
    t.is(session.fields, 2);
  }
});

test('a template with other fields replaces the old one; without a withdrawal over TCP that is a conflict', t => {
  for (const [session, conflicts] of [
    [udp(), 0],
    [tcp(), 1],
  ] as const) {
    decodeMessage(message({}, templateSet(256, [8, 4], [12, 4])), session);
    const { records } = decodeMessage(message({}, templateSet(256, [4, 1]), set(256, u8(17))), session);
    t.deepEqual(plain(records), [{ protocolIdentifier: 17 }]);
    t.is(session.stats.templates, 2);
    t.is(session.stats.conflictingTemplates, conflicts);
    t.is(session.fields, 1);
  }
});

test('an options template replaces a template with its id', t => {
  const session = udp();
  decodeMessage(message({}, templateSet(256, [149, 4])), session);
  const { records } = decodeMessage(message({}, optionsTemplateSet(256, 1, [149, 4]), set(256, u32(7))), session);
  t.true(records[0].isOptions);
});

const withdraw = (id: number): Buffer => Buffer.concat([u16(id), u16(0)]);

test('TCP: a withdrawn template is removed, and its id is free (RFC 7011 section 8.1)', t => {
  const session = tcp();
  decodeMessage(message({}, templateSet(256, [8, 4]), templateSet(257, [4, 1])), session);
  decodeMessage(message({}, set(2, withdraw(256)), set(256, hex('c0000201')), set(257, u8(6))), session);
  t.is(session.stats.undecodableSets, 1);
  t.is(session.stats.records, 1);
  t.is(session.stats.withdrawnTemplates, 1);
  t.is(session.fields, 1);
  decodeMessage(message({ sequence: 1 }, templateSet(256, [12, 4])), session);
  t.is(session.stats.conflictingTemplates, 0);
});

test('TCP: all templates, or all options templates, are withdrawn at once', t => {
  const session = tcp();
  const define = message(
    {},
    templateSet(256, [8, 4]),
    templateSet(257, [4, 1]),
    optionsTemplateSet(258, 1, [149, 4], [41, 8]),
  );
  decodeMessage(define, session);
  decodeMessage(message({}, set(2, withdraw(2))), session);
  t.is(session.stats.withdrawnTemplates, 2);
  t.is(session.fields, 2);
  decodeMessage(message({}, set(3, withdraw(3))), session);
  t.is(session.stats.withdrawnTemplates, 3);
  t.is(session.fields, 0);
  t.is(session.stats.ignoredWithdrawals, 0);
});

test('withdrawals over UDP, and of unknown templates, are ignored (RFC 7011 sections 8.1 and 8.4)', t => {
  const session = udp();
  decodeMessage(message({}, templateSet(256, [8, 4])), session);
  decodeMessage(message({}, set(2, withdraw(256), withdraw(2))), session);
  t.is(decodeMessage(message({}, set(256, hex('c0000201'))), session).records.length, 1);
  t.is(session.stats.ignoredWithdrawals, 2);
  t.is(session.stats.withdrawnTemplates, 0);
  const other = tcp();
  decodeMessage(message({}, set(2, withdraw(300))), other);
  t.is(other.stats.ignoredWithdrawals, 1);
});

// --- limits ---

test('templates of records without octets are refused', t => {
  const session = udp();
  decodeMessage(message({}, templateSet(256, [210, 0], [82, 0]), set(256, hex('00000000'))), session);
  t.is(session.stats.refusedTemplates, 1);
  t.is(session.stats.undecodableSets, 1);
});

test('fields of length 0 among others are read', t => {
  const { records } = decodeMessage(message({}, templateSet(256, [82, 0], [8, 4]), set(256, hex('c0000201'))), udp());
  t.deepEqual(plain(records), [{ interfaceName: '', sourceIPv4Address: '192.0.2.1' }]);
});

test('a template whose records have more fields than octets is refused', t => {
  const session = udp();
  const empty = Array.from({ length: 5000 }, () => [82, 0] as const);
  decodeMessage(message({}, templateSet(256, [4, 1], ...empty), set(256, Buffer.alloc(40_000))), session);
  t.is(session.stats.refusedTemplates, 1);
  t.is(session.stats.records, 0);
  t.is(session.fields, 0);
});

test('a refused template also removes the older one with its id', t => {
  const session = udp();
  decodeMessage(message({}, templateSet(256, [8, 4])), session);
  decodeMessage(message({}, templateSet(256, [82, 0]), set(256, hex('c0000201'))), session);
  t.is(session.stats.undecodableSets, 1);
  t.is(session.fields, 0);
});

test('the fields of all templates of a session are limited; replacing one frees its own', t => {
  const session = udp({ fields: 4 });
  decodeMessage(message({ domain: 1 }, templateSet(256, [8, 4], [12, 4])), session);
  decodeMessage(message({ domain: 2 }, templateSet(256, [8, 4], [12, 4])), session);
  decodeMessage(message({ domain: 2 }, templateSet(257, [8, 4])), session);
  t.is(session.stats.refusedTemplates, 1);
  decodeMessage(message({ domain: 2 }, templateSet(256, [8, 4]), templateSet(257, [8, 4])), session);
  t.is(session.stats.refusedTemplates, 1);
  t.is(session.fields, 4);
});

test('observation domains of a session are limited: the one silent the longest is evicted', t => {
  const session = udp({ domains: 2 });
  const define = (domain: number) => decodeMessage(message({ domain }, templateSet(256, [8, 4])), session);
  const knows = (domain: number) =>
    decodeMessage(message({ domain }, set(256, hex('c0000201'))), session).records.length === 1;
  define(1);
  define(2);
  t.true(knows(1));
  define(3);
  t.is(session.stats.evictedDomains, 1);
  t.is(session.fields, 2);
  t.true(knows(1));
  t.true(knows(3));
  t.false(knows(2));
});

// --- malformed messages, RFC 7011 section 9.1 ---

const valid = message({}, templateSet(256, [96, VARIABLE]), set(256, short('ab')));
const patched = (at: number, ...octets: number[]): Buffer => {
  const bytes = Buffer.from(valid);
  bytes.set(octets, at);
  return bytes;
};

for (const [title, bytes, reason] of [
  ['nothing', Buffer.alloc(0), 'length'],
  ['three octets', valid.subarray(0, 3), 'length'],
  ['half a header', valid.subarray(0, 12), 'length'],
  ['a message that is cut', valid.subarray(0, -1), 'length'],
  ['a message with octets behind it', Buffer.concat([valid, u8(0)]), 'length'],
  ['a length below the header', patched(2, 0, 15), 'length'],
  ['NetFlow 9', patched(0, 0, 9), 'version'],
  ['NetFlow 5', patched(0, 0, 5), 'version'],
  ['text', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'version'],
  ['a set longer than the message', patched(18, 0, 200), 'set'],
  ['a set shorter than its header', patched(18, 0, 3), 'set'],
  ['a set of length 0', patched(18, 0, 0), 'set'],
  ['the rest of a set header', message({}, hex('000200')), 'set'],
  ['a template that leaves its set', patched(22, 0, 9), 'template'],
  ['a template id below 256', patched(20, 0, 255), 'template'],
  ['an enterprise number that is cut', message({}, set(2, hex('0100 0001 8001 0004'))), 'template'],
  ['an options template without scope', message({}, optionsTemplateSet(256, 0, [149, 4])), 'template'],
  ['more scopes than fields', message({}, optionsTemplateSet(256, 2, [149, 4])), 'template'],
  ['an options template that is cut', message({}, set(3, hex('0100 0001'))), 'template'],
  ['a variable-length field that leaves its set', patched(valid.length - 3, 3), 'record'],
  ['a variable length that is cut', message({}, templateSet(256, [96, VARIABLE]), set(256, hex('ff00'))), 'record'],
] as const) {
  test(`malformed: ${title}`, t => {
    const session = udp();
    t.deepEqual(decodeMessage(bytes, session), { records: [], malformed: reason });
    t.is(session.stats.malformedMessages, 1);
    t.is(session.stats.malformed[reason], 1);
    t.is(session.stats.messages, 0);
    t.is(session.stats.templates, 0);
  });
}

test('the message that the malformed ones are made of is well formed', t => {
  t.is(decodeMessage(valid, udp()).records.length, 1);
});

test('a malformed message is discarded whole, with its records and its templates', t => {
  const session = tcp();
  decodeMessage(message({}, templateSet(256, [8, 4])), session);
  const bad = message(
    {},
    set(256, hex('c0000201')),
    templateSet(257, [12, 4]),
    set(2, withdraw(256)),
    templateSet(258, [96, VARIABLE]),
    set(258, u8(9)),
  );
  t.deepEqual(decodeMessage(bad, session), { records: [], malformed: 'record' });
  t.is(session.fields, 1);
  decodeMessage(message({}, set(257, hex('c0000201'))), session);
  t.is(session.stats.undecodableSets, 1);
  t.is(decodeMessage(message({}, set(256, hex('c0000201'))), session).records.length, 1);
  t.is(session.stats.records, 1);
  t.is(session.stats.withdrawnTemplates, 0);
});

test('set ids that RFC 7011 reserves are skipped and counted', t => {
  const session = udp();
  const { records } = decodeMessage(
    message({}, set(0, hex('00')), set(255, hex('00')), set(4), templateSet(256, [4, 1]), set(256, u8(6))),
    session,
  );
  t.is(records.length, 1);
  t.is(session.stats.reservedSets, 3);
});

// --- sequence numbers ---

test('lost records are counted per observation domain; options data count, templates do not', t => {
  const session = udp();
  const flows = (sequence: number, domain: number) =>
    decodeMessage(message({ sequence, domain }, templateSet(256, [4, 1]), set(256, hex('060606'))), session);
  const options = (sequence: number, domain: number) =>
    decodeMessage(message({ sequence, domain }, optionsTemplateSet(257, 1, [149, 1]), set(257, u8(1))), session);
  flows(0, 1);
  options(3, 1);
  flows(4, 1);
  flows(100, 2);
  t.is(session.stats.sequenceLost, 0);
  flows(110, 2);
  t.is(session.stats.sequenceLost, 7);
  flows(7, 1);
  t.is(session.stats.sequenceLost, 7);
  flows(104, 2); // late
  t.is(session.stats.sequenceLost, 4);
  t.is(session.stats.lateMessages, 1);
  flows(104, 2);
  t.is(session.stats.repeatedMessages, 1);
});

test('the records of a malformed message count as lost when the next one comes', t => {
  const session = udp();
  decodeMessage(message({ sequence: 0 }, templateSet(256, [4, 1]), set(256, u8(6))), session);
  decodeMessage(message({ sequence: 1 }, set(256, hex('0606')), hex('00')), session);
  decodeMessage(message({ sequence: 3 }, set(256, u8(6))), session);
  t.is(session.stats.sequenceLost, 2);
});

test('an undecodable set hides its record count, and is not counted as a loss', t => {
  const session = udp();
  decodeMessage(message({ sequence: 0 }, set(256, hex('060606'))), session);
  decodeMessage(message({ sequence: 3 }, templateSet(256, [4, 1]), set(256, u8(6))), session);
  t.is(session.stats.sequenceLost, 0);
  t.is(session.stats.undecodableSets, 1);
});

test('a restart of the exporter in a session is counted, and is no loss', t => {
  const session = udp();
  decodeMessage(message({ sequence: 500 }, templateSet(256, [4, 1]), set(256, u8(6))), session);
  decodeMessage(message({ sequence: 0, exportTime: EXPORT_TIME + 5 }, set(256, u8(6))), session);
  decodeMessage(message({ sequence: 1, exportTime: EXPORT_TIME + 5 }, set(256, u8(6))), session);
  t.is(session.stats.sequenceRestarts, 1);
  t.is(session.stats.sequenceLost, 0);
});
