import { Buffer } from 'node:buffer';
import test from 'ava';
import { U16_MAX } from '../../../src/common/unsigned.js';
import { decodeMessage } from '../../../src/collector/decode/decode.js';
import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import { IpfixFile } from '../../../src/collector/formats/ipfix-file.js';
import { recordToJson } from '../../../src/collector/formats/json.js';
import { MessageFramer } from '../../../src/collector/message-framer.js';
import { TransportSession } from '../../../src/collector/transport-session.js';
import {
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

function fileOf(records: readonly CollectedRecord[]): Buffer[] {
  const messages: Buffer[] = [];
  const file = new IpfixFile(bytes => messages.push(Buffer.from(bytes)));
  for (const record of records) file.add(record);
  file.flush();
  return messages;
}

const session = (exporter: string) => new TransportSession(exporter, 'tcp');
const decode = (exporter: string, ...messages: Buffer[]): CollectedRecord[] => {
  const from = session(exporter);
  return messages.flatMap(bytes => decodeMessage(bytes, from).records);
};

/** Reads a file as one transport session, as any collector does. */
function read(messages: readonly Uint8Array[]): { records: CollectedRecord[]; reader: TransportSession } {
  const reader = session('file');
  const records: CollectedRecord[] = [];
  const framer = new MessageFramer();
  const fault = framer.push(Buffer.concat(messages), bytes => records.push(...decodeMessage(bytes, reader).records));
  if (fault !== undefined || framer.incomplete) throw new Error(`no whole messages: ${fault}`);
  return { records, reader };
}

const ORIGIN = (length: 4 | 16) =>
  [
    [149, 4],
    [405, 4],
    [length === 4 ? 403 : 404, length],
  ] as const;

test('RFC 5655: templates in front of their records, octets as they came, sequence numbers of the file', t => {
  const records = decode(
    'udp://192.0.2.9:4000',
    message({ sequence: 700 }, templateSet(256, [8, 4], [1, 3], [96, VARIABLE])),
    message({ sequence: 700 }, set(256, hex('c0000201 00002a'), long('ftp'))),
    message({ sequence: 900, exportTime: 1_780_000_001 }, set(256, hex('c0000202 00002b'), short(''))),
  );
  t.deepEqual(fileOf(records), [
    message(
      { sequence: 0 },
      optionsTemplateSet(65535, 1, ...ORIGIN(4)),
      set(65535, u32(1), u32(1), hex('c0000209')),
      templateSet(256, [8, 4], [1, 3], [96, VARIABLE]),
      set(256, hex('c0000201 00002a'), long('ftp')),
    ),
    message({ sequence: 2, exportTime: 1_780_000_001 }, set(256, hex('c0000202 00002b'), short(''))),
  ]);
});

test('RFC 7119: exporters of one domain are kept apart, and named', t => {
  const a = (sequence: number) =>
    message({ sequence, domain: 0 }, templateSet(256, [8, 4]), set(256, hex('c0000201'), hex('c0000203')));
  const b = message({ domain: 0 }, templateSet(256, [4, 1]), set(256, u8(6)));
  const messages = fileOf([
    ...decode('tcp://192.0.2.1:1', a(0)),
    ...decode('tcp://[2001:db8::1]:2', b),
    ...decode('tcp://192.0.2.1:3', a(0)),
  ]);
  const { records, reader } = read(messages);
  const { sequenceLost, repeatedMessages, sequenceRestarts, conflictingTemplates, undecodableSets } = reader.stats;
  t.deepEqual(
    [sequenceLost, repeatedMessages, sequenceRestarts, conflictingTemplates, undecodableSets],
    [0, 0, 0, 0, 0],
  );
  t.deepEqual(
    records.map(record => [
      record.observationDomain,
      ...record.fields.slice(record.isOptions ? 1 : 0).map(({ value }) => value),
    ]),
    [
      [0, 0, '192.0.2.1'],
      [0, '192.0.2.1'],
      [0, '192.0.2.3'],
      [1, 0, '2001:db8::1'],
      [1, 6],
      // the same exporter, connected again
      [0, '192.0.2.1'],
      [0, '192.0.2.3'],
    ],
  );
});

test('RFC 7011 section 8.1: a template that changes is withdrawn first', t => {
  const from = session('tcp://127.0.0.1:1');
  const records = [
    message({}, templateSet(256, [8, 4]), set(256, hex('c0000201'))),
    message({ sequence: 1 }, set(2, u16(256), u16(0)), optionsTemplateSet(256, 1, [149, 4], [41, 8])),
    message({ sequence: 1 }, set(256, u32(7), hex('0000000000000005'))),
  ].flatMap(bytes => decodeMessage(bytes, from).records);
  const [only, ...more] = fileOf(records);
  t.deepEqual(more, []);
  t.deepEqual(
    only.subarray(16 + 22 + 16),
    message(
      {},
      templateSet(256, [8, 4]),
      set(256, hex('c0000201')),
      set(2, u16(256), u16(0)),
      optionsTemplateSet(256, 1, [149, 4], [41, 8]),
      set(256, u32(7), hex('0000000000000005')),
    ).subarray(16),
  );
  t.is(read([only]).reader.stats.conflictingTemplates, 0);
});

test('RFC 6313: the templates of records within lists are in the file, though no set has their records', t => {
  const inner = short(Buffer.concat([u8(255), u16(256), short('a')]));
  const records = decode(
    'udp://192.0.2.9:1',
    message(
      {},
      set(2, templateRecord(256, [82, VARIABLE]), templateRecord(257, [292, VARIABLE]), templateRecord(258, [4, 1])),
      set(257, short(Buffer.concat([u8(4), u16(257), inner]))),
    ),
  );
  const again = read(fileOf(records));
  t.is(again.reader.stats.templates, 3, 'the two of the lists, and the origin');
  const lists = (record: CollectedRecord): unknown =>
    (JSON.parse(recordToJson(record)) as Record<string, unknown>)['subTemplateList'];
  t.deepEqual(lists(again.records[1]), lists(records[0]));
  t.regex(JSON.stringify(lists(again.records[1])), /"interfaceName":"a"/);
});

test('RFC 6313: a list whose template was unknown stays octets, though the file has a template of that id', t => {
  const list = (id: number): Buffer =>
    set(256, short(Buffer.concat([u8(3), u16(id), hex('01020304 05060708 090a0b0c')])));
  const templates = templateSet(256, [292, VARIABLE]);
  // 300 was known before, 65,535 is the file's own for the origin of a domain
  const records = decode(
    'udp://192.0.2.9:1',
    message({}, templates, templateSet(300, [8, 4]), list(300)),
    message({ sequence: 1 }, set(2, u16(300), u16(0)), list(300), list(U16_MAX)),
  );
  const lists = (all: readonly CollectedRecord[]): unknown[] =>
    all.filter(record => !record.isOptions).map(record => record.get('subTemplateList'));
  const expected = lists(records);
  t.deepEqual(
    expected.slice(1),
    ['03012c0102030405060708090a0b0c', '03ffff0102030405060708090a0b0c'].map(text => new Uint8Array(hex(text))),
  );
  t.deepEqual(lists(read(fileOf(records)).records), expected);
});

test('the largest message: records of 65,515 octets, and a template as large, come through', t => {
  const large = Buffer.alloc(65_515 - 3, 0x61);
  const fields = Array.from({ length: 16_377 }, () => [4, 1] as const);
  const messages = [
    message({}, templateSet(256, [82, VARIABLE]), templateSet(300, [4, 1])),
    message({}, set(256, long(large))),
    message({ sequence: 1 }, set(300, u8(6))),
    message({ sequence: 2 }, set(256, long(large))),
    message({ sequence: 3 }, templateSet(257, ...fields)),
    message({ sequence: 3 }, set(257, Buffer.alloc(16_377, 1))),
  ];
  t.is(messages[1].length, 65_535);
  t.true(messages[4].length > 65_525, String(messages[4].length));
  const from = new TransportSession('tcp://192.0.2.9:1', 'tcp', undefined, { ...session('').limits, fields: 20_000 });
  const file = fileOf(messages.flatMap(bytes => decodeMessage(bytes, from).records));
  t.true(file.every(bytes => bytes.length <= 65_535 && bytes.readUInt16BE(2) === bytes.length));
  const reader = new TransportSession('file', 'tcp', undefined, { ...from.limits, fields: 20_000 });
  const again = file.flatMap(bytes => decodeMessage(bytes, reader).records);
  t.deepEqual(
    again.map(({ octets }) => octets.length),
    [12, 65_515, 1, 65_515, 16_377],
  );
  t.is(reader.stats.sequenceLost, 0);
});

test('so many domains that some are forgotten: every record is still read right', t => {
  const define = message({ domain: 3 }, templateSet(256, [4, 1]), set(256, u8(6)));
  const other = message({ domain: 3 }, templateSet(256, [8, 4]), set(256, hex('c0000201')));
  const sent = Array.from({ length: 5000 }, (_, i) =>
    decode(`udp://10.0.${i >> 8}.${i & 255}:1`, i % 2 ? define : other),
  );
  sent.push(decode('udp://10.0.0.0:9', other));
  const reader = new TransportSession('file', 'tcp', undefined, {
    ...session('').limits,
    domains: 10_000,
    fields: 1e9,
  });
  const records = fileOf(sent.flat())
    .flatMap(bytes => decodeMessage(bytes, reader).records)
    .filter(({ isOptions }) => !isOptions);
  t.deepEqual(
    records.map(({ octets }) => Buffer.from(octets).toString('hex')),
    sent.flat().map(({ octets }) => Buffer.from(octets).toString('hex')),
  );
  t.is(reader.stats.conflictingTemplates + reader.stats.malformedMessages + reader.stats.undecodableSets, 0);
  t.is(reader.stats.withdrawnTemplates, 2 * (5001 - 4096));
});
