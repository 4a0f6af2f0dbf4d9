import { Buffer } from 'node:buffer';
import test from 'ava';
import * as fc from 'fast-check';
import { decodeMessage } from '../../../src/collector/decode/decode.js';
import { CSV_HEADER, recordToCsv } from '../../../src/collector/formats/csv.js';
import { TransportSession } from '../../../src/collector/transport-session.js';
import { elementByName } from '../../../src/ipfix/registry.js';
import {
  hex,
  message,
  set,
  short,
  templateSet,
  u16,
  u8,
  VARIABLE,
  type Specifier,
} from '../../helpers/builders/ipfix-builder.js';
import { seeded } from '../../helpers/seed.js';

function line(fields: readonly Specifier[], content: Uint8Array): string {
  const bytes = message({ domain: 5 }, templateSet(256, ...fields), set(256, content));
  const { records } = decodeMessage(bytes, new TransportSession('udp://192.0.2.9:40000', 'udp'));
  return recordToCsv(records[0]);
}

/** A reader of RFC 4180 section 2 that accepts nothing else. */
function parse(text: string): string[][] {
  const rows: string[][] = [[]];
  let at = 0;
  while (at < text.length) {
    const match = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/y;
    match.lastIndex = at;
    const found = match.exec(text);
    if (found === null) throw new Error(`no CSV at ${at}: ${text.slice(at, at + 40)}`);
    const [whole, cell, end] = found;
    rows.at(-1)!.push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    at += whole.length;
    if (end === '\r\n' && at < text.length) rows.push([]);
  }
  return rows;
}

/** Cells that are not empty, by column. */
function cells(fields: readonly Specifier[], content: Uint8Array): Record<string, string> {
  const rows = parse(CSV_HEADER + line(fields, content));
  if (rows.length !== 2 || rows[0].length !== rows[1].length) throw new Error('not one row of as many cells');
  return Object.fromEntries(rows[0].map((name, i) => [name, rows[1][i]]).filter(([, value]) => value !== ''));
}

const HEAD = {
  exporter: 'udp://192.0.2.9:40000',
  observationDomain: '5',
  exportTime: '2026-05-28T20:26:40Z',
  template: '256',
};

test('the header is a contract: names of the registry between who sent the record and what has no column', t => {
  t.is(
    CSV_HEADER,
    'exporter,observationDomain,exportTime,template,flowStartMilliseconds,flowEndMilliseconds,sourceIPv4Address,' +
      'destinationIPv4Address,sourceIPv6Address,destinationIPv6Address,sourceTransportPort,destinationTransportPort,' +
      'protocolIdentifier,packetTotalCount,octetTotalCount,packetDeltaCount,octetDeltaCount,reversePacketTotalCount,' +
      'reverseOctetTotalCount,reversePacketDeltaCount,reverseOctetDeltaCount,flowEndReason,biflowDirection,flowId,' +
      'postNATSourceIPv4Address,postNATDestinationIPv4Address,postNATSourceIPv6Address,postNATDestinationIPv6Address,' +
      'postNAPTSourceTransportPort,postNAPTDestinationTransportPort,natType,natEvent,icmpTypeCodeIPv4,' +
      'icmpTypeCodeIPv6,tcpControlBits,ipClassOfService,ingressInterface,egressInterface,ingressVRFID,egressVRFID,' +
      'applicationName,firewallEvent,forwardingStatus,other\r\n',
  );
  for (const name of CSV_HEADER.trim().split(',').slice(4, -1)) t.notThrows(() => elementByName(name));
});

test('a flow is one line, numbers are exact, what it does not have is empty', t => {
  const fields: Specifier[] = [
    [8, 4],
    [12, 4],
    [4, 1],
    [1, 8],
    [152, 8],
    [148, 8],
  ];
  const content = hex('c0000201 c6336401 06 0020000000000001 0000019e7044887b 0000000000000007');
  t.is(
    line(fields, content),
    'udp://192.0.2.9:40000,5,2026-05-28T20:26:40Z,256,2026-05-28T20:26:40.123Z,,192.0.2.1,198.51.100.1,,,,,6,,,,' +
      '9007199254740993,,,,,,,7,,,,,,,,,,,,,,,,,,,,\r\n',
  );
});

test('elements without a column are one object of JSON, lists and repeated elements too', t => {
  const list = short(Buffer.concat([u8(3), u16(4), u16(1), hex('0611')]));
  const fields: Specifier[] = [
    [4, 1],
    [82, VARIABLE],
    [9, 2, 12345],
    [4, 1],
    [434, 4],
    [291, VARIABLE],
  ];
  t.deepEqual(cells(fields, Buffer.concat([u8(6), short('et"h,0;'), hex('0a0b'), u8(17), hex('fffffffb'), list])), {
    ...HEAD,
    protocolIdentifier: '[6,17]',
    other:
      '{"interfaceName":"et\\"h,0\\u003b","12345/9":"0a0b","mibObjectValueInteger":-5,' +
      '"basicList":{"semantic":"allOf","element":"protocolIdentifier","values":[6,17]}}',
  });
});

for (const [title, text, cell] of [
  ['=', '=HYPERLINK("http://192.0.2.1","x")', '\'=HYPERLINK("http://192.0.2.1","x")'],
  ['+', '+1+cmd|x', "'+1+cmd|x"],
  ['-', '-1', "'-1"],
  ['@', '@SUM(1)', "'@SUM(1)"],
  ['= of full width', '\uff1d1', "'\uff1d1"],
  ['a tab', '\t=1', '\\u0009=1'],
  ['a line break', '\r\n=1', '\\u000d\\u000a=1'],
  ['a semicolon', 'a;=1', 'a\\u003b=1'],
  ['a semicolon and quotes', 'a";"=1', 'a"\\u003b"=1'],
] as const) {
  test(`text with ${title} is no formula in a spreadsheet`, t => {
    t.deepEqual(cells([[96, VARIABLE]], short(text)), { ...HEAD, applicationName: cell });
  });
}

test('a negative number is a number', t => {
  t.is(cells([[434, 4]], hex('fffffffb'))['other'], '{"mibObjectValueInteger":-5}');
});

test('RFC 4180: any text is one cell of one line without a control character, and comes back from it', t => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 30 }), fc.boolean(), (text, known) => {
      const row = line([[known ? 96 : 82, VARIABLE]], short(text));
      t.notRegex(row.slice(0, -2), /[\p{C}\p{Zl}\p{Zp};]/u);
      const { applicationName, other } = cells([[known ? 96 : 82, VARIABLE]], short(text));
      if (!known) {
        t.is((JSON.parse(other) as Record<string, unknown>)['interfaceName'], text);
        return;
      }
      t.notRegex(applicationName ?? '', /^[=+\-@]/);
      const plain = (applicationName ?? '')
        .replace(/^'(?=[=+\-@\uff0b\uff0d\uff1d\uff20])/, '')
        .replaceAll(/\\u([\da-f]{4})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
      // a text that begins with a quote and a sign looks like one that was guarded
      if (!/^'[=+\-@\uff0b\uff0d\uff1d\uff20]/.test(text)) t.is(plain, text);
    }),
    { ...seeded(t), numRuns: 500 },
  );
});
