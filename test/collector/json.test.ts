import { Buffer } from 'node:buffer';
import test from 'ava';
import { decodeMessage } from '../../src/collector/decode.js';
import { recordToJson } from '../../src/collector/json.js';
import { TransportSession } from '../../src/collector/transport-session.js';
import type { Specifier } from '../helpers/builders/ipfix-builder.js';
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
} from '../helpers/builders/ipfix-builder.js';

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
