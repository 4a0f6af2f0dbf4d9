import test from 'ava';
import { elementByName } from '../../src/ipfix/registry.js';
import { address4, emptyText, tcpState, text, unsigned64, zeros } from '../../src/ipfix/fields.js';
import { compilePlan, makeSet, optionsTemplateRecord, templateRecord } from '../../src/ipfix/template.js';
import { OP_BYTES, OP_CONSTANT, OP_TCP_STATE, OP_TEXT, OP_U64 } from '../../src/row/layout.generated.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('RFC 7011 3.2: the enterprise bit only with an enterprise number', t => {
  const record = templateRecord(300, [address4('sourceIPv4Address', 0), unsigned64('reverseOctetTotalCount', 128)]);
  t.is(hex(record), ['012c', '0002', '0008', '0004', '8055', '0008', '00007279'].join(''));
});

test('RFC 7011 3.4.2.2: an options template says how many of its fields are its scope', t => {
  const elements = [
    { element: elementByName('templateId'), length: 2 },
    { element: elementByName('flowKeyIndicator'), length: 8 },
  ];
  t.is(hex(optionsTemplateRecord(258, elements, 1)), '010200020001' + '00910002' + '00ad0008');
});

test('RFC 7011 7: strings have a variable length', t => {
  const fields = [
    text('applicationName', 168, 16),
    tcpState('tcpState', 74),
    emptyText('sourcePodName'),
    zeros('flowType', 1),
  ];
  const record = Buffer.from(templateRecord(256, fields));
  const lengths = [record.readUInt16BE(6), record.readUInt16BE(10), record.readUInt16BE(18), record.readUInt16BE(26)];
  t.deepEqual(lengths, [65535, 65535, 65535, 1]);
});

test('a plan has an instruction of four words for each field', t => {
  const plan = compilePlan([
    address4('sourceIPv4Address', 16),
    unsigned64('octetTotalCount', 112),
    text('applicationName', 168, 16),
    tcpState('tcpState', 74),
    emptyText('sourcePodName'),
  ]);
  t.deepEqual(
    [...plan],
    [OP_BYTES, 16, 4, 0, OP_U64, 112, 8, 0, OP_TEXT, 168, 16, 0, OP_TCP_STATE, 74, 0, 0, OP_CONSTANT, 0, 1, 0],
  );
});

test('RFC 7011 3.3.1: a set is its header and its content, without padding', t => {
  t.is(hex(makeSet(2, [Uint8Array.of(1), Uint8Array.of(2, 3)])), '00020007010203');
  t.is(hex(makeSet(3, [])), '00030004');
});
