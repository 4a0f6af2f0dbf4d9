import { Buffer } from 'node:buffer';
import test from 'ava';
import { decodeMessage } from '../../../src/collector/decode/decode.js';
import { TransportSession } from '../../../src/collector/transport-session.js';
import type { BasicList, Value } from '../../../src/collector/decode/value.js';
import { hex, message, set, short, templateSet, u16, u32, u8, VARIABLE } from '../../helpers/builders/ipfix-builder.js';

const BASIC_LIST = 291;
const SUB_TEMPLATE_LIST = 292;
const SUB_TEMPLATE_MULTI_LIST = 293;

/** The one value of a record whose only field is a list; template 300 is an IPv4 address and a string. */
function read(element: number, content: Buffer, ...templates: Buffer[]): Value {
  const { records, malformed } = decodeMessage(
    message(
      {},
      templateSet(300, [8, 4], [82, VARIABLE]),
      ...templates,
      templateSet(256, [element, VARIABLE]),
      set(256, short(content)),
    ),
    new TransportSession('test', 'udp'),
  );
  if (malformed !== undefined || records.length !== 1) throw new Error(`${malformed}, ${records.length} records`);
  return records[0].values[0];
}

/** Lists as plain objects: elements by name. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (key, each: unknown) => (key === 'element' ? (each as { name: string }).name : each)),
  );

const basic = (semantic: number, field: number, length: number, ...content: Buffer[]): Buffer =>
  Buffer.concat([u8(semantic), u16(field), u16(length), ...content]);

test('basicList of fixed length (RFC 6313 4.5.1)', t => {
  t.deepEqual(plain(read(BASIC_LIST, basic(3, 4, 1, hex('0611')))), {
    semantic: 'allOf',
    element: 'protocolIdentifier',
    values: [6, 17],
  });
});

test('basicList of variable length, of an enterprise, and empty', t => {
  const content = Buffer.concat([u32(56506), short('a'), short(''), short('bc')]);
  t.deepEqual(plain(read(BASIC_LIST, basic(4, 136 | 0x8000, VARIABLE, content))), {
    semantic: 'ordered',
    element: 'tcpState',
    values: ['a', '', 'bc'],
  });
  t.deepEqual(plain(read(BASIC_LIST, basic(255, 8, 4))), {
    semantic: 'undefined',
    element: 'sourceIPv4Address',
    values: [],
  });
});

test('semantics by name, unassigned ones by number (RFC 6313 4.4)', t => {
  const semantics = [0, 1, 2, 3, 4, 5, 255].map(
    semantic => (plain(read(BASIC_LIST, basic(semantic, 4, 1))) as { semantic: string }).semantic,
  );
  t.deepEqual(semantics, ['noneOf', 'exactlyOneOf', 'oneOrMoreOf', 'allOf', 'ordered', '5', 'undefined']);
});

test('subTemplateList (RFC 6313 4.5.2)', t => {
  const content = Buffer.concat([u8(1), u16(300), u32(0xc0000201), short('lo'), u32(0xc0000202), short('')]);
  t.deepEqual(plain(read(SUB_TEMPLATE_LIST, content)), {
    semantic: 'exactlyOneOf',
    template: 300,
    records: [
      [
        { element: 'sourceIPv4Address', value: '192.0.2.1' },
        { element: 'interfaceName', value: 'lo' },
      ],
      [
        { element: 'sourceIPv4Address', value: '192.0.2.2' },
        { element: 'interfaceName', value: '' },
      ],
    ],
  });
});

test('an empty subTemplateList needs no template', t => {
  t.deepEqual(plain(read(SUB_TEMPLATE_LIST, Buffer.concat([u8(0), u16(999)]))), {
    semantic: 'noneOf',
    template: 999,
    records: [],
  });
});

test('subTemplateMultiList (RFC 6313 4.5.3)', t => {
  const content = Buffer.concat([u8(3), u16(300), u16(9), u32(0xc0000201), short(''), u16(301), u16(6), hex('0611')]);
  t.deepEqual(plain(read(SUB_TEMPLATE_MULTI_LIST, content, templateSet(301, [4, 1]))), {
    semantic: 'allOf',
    lists: [
      {
        template: 300,
        records: [
          [
            { element: 'sourceIPv4Address', value: '192.0.2.1' },
            { element: 'interfaceName', value: '' },
          ],
        ],
      },
      {
        template: 301,
        records: [[{ element: 'protocolIdentifier', value: 6 }], [{ element: 'protocolIdentifier', value: 17 }]],
      },
    ],
  });
});

test('lists within lists', t => {
  const inner = basic(3, 4, 1, hex('06'));
  t.deepEqual(plain(read(BASIC_LIST, basic(4, BASIC_LIST, VARIABLE, short(inner), short(inner)))), {
    semantic: 'ordered',
    element: 'basicList',
    values: [
      { semantic: 'allOf', element: 'protocolIdentifier', values: [6] },
      { semantic: 'allOf', element: 'protocolIdentifier', values: [6] },
    ],
  });
});

test('lists nested too deep are octets', t => {
  let content = basic(3, 4, 1, hex('06'));
  for (let i = 0; i < 12; i++) content = basic(3, BASIC_LIST, VARIABLE, short(content));
  let value = read(BASIC_LIST, content);
  let depth = 0;
  while (!(value instanceof Uint8Array)) {
    value = (value as BasicList).values[0];
    depth++;
  }
  t.is(depth, 8);
});

for (const [title, element, content] of [
  ['a list without a semantic', BASIC_LIST, hex('')],
  ['a basicList that is cut', BASIC_LIST, hex('03 0004')],
  ['a basicList whose enterprise is cut', BASIC_LIST, basic(3, 0x8004, 1, hex('0000'))],
  ['a basicList whose last value is cut', BASIC_LIST, basic(3, 8, 4, hex('c000020100'))],
  ['a basicList whose variable length is too long', BASIC_LIST, basic(3, 82, VARIABLE, hex('0261'))],
  ['a basicList whose variable length is cut', BASIC_LIST, basic(3, 82, VARIABLE, hex('ff00'))],
  ['a basicList of nothings', BASIC_LIST, basic(3, 82, 0, hex('00'))],
  ['a subTemplateList that is cut', SUB_TEMPLATE_LIST, hex('0301')],
  ['a subTemplateList whose template is not known', SUB_TEMPLATE_LIST, Buffer.concat([u8(3), u16(999), u8(6)])],
  ['a subTemplateList whose record is cut', SUB_TEMPLATE_LIST, Buffer.concat([u8(3), u16(300), hex('c00002')])],
  ['a subTemplateMultiList that is cut', SUB_TEMPLATE_MULTI_LIST, hex('03 012c 00')],
  ['a subTemplateMultiList with a length below 4', SUB_TEMPLATE_MULTI_LIST, Buffer.concat([u8(3), u16(300), u16(3)])],
  ['a subTemplateMultiList with a length too long', SUB_TEMPLATE_MULTI_LIST, Buffer.concat([u8(3), u16(300), u16(5)])],
  [
    'a subTemplateMultiList whose template is not known',
    SUB_TEMPLATE_MULTI_LIST,
    Buffer.concat([u8(3), u16(999), u16(5), u8(6)]),
  ],
] as const) {
  test(`${title} stays octets, and the rest of the record is read`, t => {
    t.deepEqual(read(element, content), new Uint8Array(content));
  });
}
