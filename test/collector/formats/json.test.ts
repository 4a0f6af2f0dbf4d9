import { Buffer } from 'node:buffer';
import test from 'ava';
import * as fc from 'fast-check';
import { decodeMessage } from '../../../src/collector/decode/decode.js';
import { recordToJson } from '../../../src/collector/formats/json.js';
import { TransportSession } from '../../../src/collector/transport-session.js';
import type { Specifier } from '../../helpers/builders/ipfix-builder.js';
import {
  hex,
  message,
  optionsTemplateSet,
  set,
  short,
  templateSet,
  u16,
  u8,
  VARIABLE,
} from '../../helpers/builders/ipfix-builder.js';
import { seeded } from '../../helpers/seed.js';

function json(fields: readonly Specifier[], content: Uint8Array): unknown {
  const bytes = message({ domain: 5 }, templateSet(256, ...fields), set(256, content));
  const { records } = decodeMessage(bytes, new TransportSession('udp://192.0.2.9:40000', 'udp'));
  const text = recordToJson(records[0]);
  if (text.includes('\n')) throw new Error('more than one line');
  return JSON.parse(text);
}

const HEAD = {
  exporter: 'udp://192.0.2.9:40000',
  observationDomain: 5,
  exportTime: '2026-05-28T20:26:40Z',
  template: 256,
};

test('addresses, numbers, times, booleans and octets', t => {
  const fields: Specifier[] = [
    [8, 4],
    [27, 16],
    [4, 1],
    [1, 8],
    [152, 8],
    [276, 1],
    [56, 6],
    [82, VARIABLE],
    [313, 3],
    [9, 2, 12345],
    [320, 8],
  ];
  const content = hex(`c0000201 20010db8000000000000000000000001 06 001fffffffffffff 0000019e7044887b 01
    001b213c4d5e 0365c3a4 0102ff 0a0b 3ff8000000000000`);
  t.deepEqual(json(fields, content), {
    ...HEAD,
    sourceIPv4Address: '192.0.2.1',
    sourceIPv6Address: '2001:db8::1',
    protocolIdentifier: 6,
    octetDeltaCount: 9007199254740991,
    flowStartMilliseconds: '2026-05-28T20:26:40.123Z',
    dataRecordsReliability: true,
    sourceMacAddress: '00:1b:21:3c:4d:5e',
    interfaceName: 'eä',
    ipHeaderPacketSection: '0102ff',
    '12345/9': '0a0b',
    absoluteError: 1.5,
  });
});

test('integers above 2^53 - 1 are exact strings', t => {
  t.deepEqual(json([[1, 8]], hex('0020000000000001')), { ...HEAD, octetDeltaCount: '9007199254740993' });
});

test('identifiers of 64 bits and integers of 256 are strings, whatever their value', t => {
  const fields: Specifier[] = [
    [148, 8],
    [148, 8],
    [138, 4],
    [148, 1, 29305],
    [515, 32],
    [520, 1],
    [525, VARIABLE],
    [148, 9],
  ];
  const content = hex(`0000000000000007 ffffffffffffffff 00000001 05
    80${'00'.repeat(31)} 03 020102 000000000000000001`);
  t.deepEqual(json(fields, content), {
    ...HEAD,
    flowId: ['7', '18446744073709551615', '000000000000000001'],
    observationPointId: '1',
    reverseFlowId: '5',
    ipv6ExtensionHeadersFull: String(2n ** 255n),
    tcpOptionsFull: '3',
    udpSafeOptions: '258',
  });
});

test('no control, bidirectional or invisible character is printed raw, and the value is the same', t => {
  const evil =
    '\u0000\u001b[2J\u007f\u0085\u009b31m\u061c\u200b\u200f\u202e\u2028\u2029\u2066\ufeff\u{e0041}\ue000ü東🙂"\\';
  const bytes = message({ domain: 5 }, templateSet(256, [82, VARIABLE]), set(256, short(evil)));
  const { records } = decodeMessage(bytes, new TransportSession('udp://[fe80::1%e\u202e]:1', 'udp'));
  const text = recordToJson(records[0]);
  t.notRegex(text, /[\p{C}\p{Zl}\p{Zp}]/u);
  t.regex(text, /ü東🙂/);
  const parsed = JSON.parse(text) as Record<string, unknown>;
  t.is(parsed['interfaceName'], evil);
  t.is(parsed['exporter'], 'udp://[fe80::1%e\u202e]:1');
});

test('any string comes back from its JSON, which has printable characters alone', t => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 30 }), text => {
      const bytes = message({}, templateSet(256, [82, VARIABLE]), set(256, short(text)));
      const { records } = decodeMessage(bytes, new TransportSession('x', 'udp'));
      const line = recordToJson(records[0]);
      t.notRegex(line, /[\p{C}\p{Zl}\p{Zp}]/u);
      t.is((JSON.parse(line) as Record<string, unknown>)['interfaceName'], text);
    }),
    { ...seeded(t), numRuns: 500 },
  );
});

test('what JSON has no number for is a string', t => {
  const content = hex('7ff8000000000000 fff0000000000000');
  t.deepEqual(
    json(
      [
        [320, 8],
        [321, 8],
      ],
      content,
    ),
    { ...HEAD, absoluteError: 'NaN', relativeError: '-Infinity' },
  );
});

test('an element that occurs more than once has an array', t => {
  t.deepEqual(
    json(
      [
        [4, 1],
        [4, 1],
        [8, 4],
        [4, 1],
      ],
      hex('06 11 c0000201 3a'),
    ),
    {
      ...HEAD,
      protocolIdentifier: [6, 17, 58],
      sourceIPv4Address: '192.0.2.1',
    },
  );
});

test('a list that occurs more than once is an array of lists', t => {
  const list = short(Buffer.concat([u8(3), u16(4), u16(1), hex('0611')]));
  const object = { semantic: 'allOf', element: 'protocolIdentifier', values: [6, 17] };
  t.deepEqual(
    json(
      [
        [291, VARIABLE],
        [291, VARIABLE],
      ],
      Buffer.concat([list, list]),
    ),
    {
      ...HEAD,
      basicList: [object, object],
    },
  );
});

test('lists of records', t => {
  const one = Buffer.concat([u8(255), u16(256), short(Buffer.alloc(0))]);
  const several = Buffer.concat([u8(4), u16(256), u16(5), short(Buffer.alloc(0))]);
  const bytes = message(
    { domain: 5 },
    templateSet(256, [82, VARIABLE]),
    templateSet(257, [292, VARIABLE], [293, VARIABLE]),
    set(257, short(one), short(several)),
  );
  const { records } = decodeMessage(bytes, new TransportSession('udp://192.0.2.9:40000', 'udp'));
  t.deepEqual(JSON.parse(recordToJson(records[0])), {
    ...HEAD,
    template: 257,
    subTemplateList: { semantic: 'undefined', template: 256, records: [{ interfaceName: '' }] },
    subTemplateMultiList: {
      semantic: 'ordered',
      lists: [{ template: 256, records: [{ interfaceName: '' }] }],
    },
  });
});

test('an options record is marked as one, and its templateId is the element', t => {
  const bytes = message(
    { domain: 5 },
    optionsTemplateSet(258, 1, [145, 2], [173, 8]),
    set(258, hex('0100 0000000000000007')),
  );
  const { records } = decodeMessage(bytes, new TransportSession('udp://192.0.2.9:40000', 'udp'));
  t.deepEqual(JSON.parse(recordToJson(records[0])), {
    ...HEAD,
    template: 258,
    options: true,
    templateId: 256,
    flowKeyIndicator: 7,
  });
});
