import test from 'ava';
import { cells, columns } from '../../src/cli/collected-row.js';
import { decodeMessage } from '../../src/collector/decode/decode.js';
import { TransportSession } from '../../src/collector/transport-session.js';
import { hex, message, set, short, templateSet, VARIABLE, type Specifier } from '../helpers/builders/ipfix-builder.js';

/** The cells of one record, by the heads of their columns. */
function row(fields: readonly Specifier[], content: Uint8Array): Record<string, string> {
  const { records } = decodeMessage(
    message({}, templateSet(256, ...fields), set(256, content)),
    new TransportSession('test', 'udp'),
  );
  return Object.fromEntries(cells(records[0]).map((cell, i) => [columns()[i].head, cell]));
}

const REVERSE = 29305;
const TUPLE: readonly Specifier[] = [
  [8, 4],
  [12, 4],
  [7, 2],
  [11, 2],
  [4, 1],
];
const tuple = hex('c0000201 c6336401 c822 01bb 06');
const EMPTY = { pkts: '', octets: '', '+pkts': '', '+octets': '', end: '', more: '' };

test('the usual record with NAT fits a line of 120 characters, and a long flow one of 160', t => {
  const more = 'dnat=10.0.0.5:8443'.length;
  const used = (width: number) =>
    columns(width)
      .slice(0, -1)
      .reduce((sum, column) => sum + column.width + 1, 0);
  t.is(used(120) + more, 120);
  t.true(used(160) + more < 160);
  t.deepEqual(columns(), columns(160));
});

test('addresses, ports and protocol', t => {
  const { time, ...rest } = row(TUPLE, tuple);
  t.regex(time, /^\d\d:\d\d:40$/);
  t.deepEqual(rest, { proto: 'tcp', source: '192.0.2.1:51234', destination: '198.51.100.1:443', ...EMPTY });
});

test('an event of a NAT is named, one that has no name by its number', t => {
  const fields: readonly Specifier[] = [...TUPLE, [225, 4], [227, 2], [230, 1]];
  const event = (number: string) => row(fields, hex(`c0000201 c6336401 c822 01bb 06 cb007101 c350 ${number}`))['more'];
  t.is(event('04'), 'nat-create snat=203.0.113.1:50000');
  t.is(event('05'), 'nat-delete snat=203.0.113.1:50000');
  t.is(event('c8'), 'nat-event=200 snat=203.0.113.1:50000');
});

test('IPv6 addresses are whole, in brackets before a port', t => {
  const fields: readonly Specifier[] = [
    [27, 16],
    [28, 16],
    [7, 2],
    [4, 1],
  ];
  const content = hex('20010db8123456789abcdef012345678 20010db8000000000000000000000001 c822 11');
  const { source, destination, proto } = row(fields, content);
  t.deepEqual([source, destination, proto], ['[2001:db8:1234:5678:9abc:def0:1234:5678]:51234', '2001:db8::1', 'udp']);
});

test('what stands in place of a port is none where the protocol has no ports', t => {
  const fields: readonly Specifier[] = [
    [8, 4],
    [12, 4],
    [7, 2],
    [11, 2],
    [4, 1],
  ];
  for (const [protocol, name] of [
    ['2f', 'gre'],
    ['32', '50'],
    ['59', '89'],
  ]) {
    const { source, destination, proto } = row(fields, hex(`c0000201 c6336401 0000 004d ${protocol}`));
    t.deepEqual([source, destination, proto], ['192.0.2.1', '198.51.100.1', name]);
  }
});

test('both directions, totals and deltas', t => {
  const fields: readonly Specifier[] = [
    [86, 8],
    [86, 8, REVERSE],
    [85, 8],
    [85, 8, REVERSE],
    [2, 1],
    [2, 1, REVERSE],
    [1, 1],
    [1, 1, REVERSE],
  ];
  const content = hex('000000000000000c 000000000000000a ffffffffffffffff 000000000000145a 02 01 68 34');
  const cell = row([...TUPLE, ...fields], Buffer.concat([tuple, content]));
  t.is(cell['pkts'], '12/10');
  t.is(cell['octets'], '18446744073709551615/5210');
  t.is(cell['+pkts'], '2/1');
  t.is(cell['+octets'], '104/52');
});

test('one direction alone', t => {
  t.is(row([...TUPLE, [2, 1]], Buffer.concat([tuple, hex('05')]))['+pkts'], '5');
  t.is(row([...TUPLE, [2, 1, REVERSE]], Buffer.concat([tuple, hex('05')]))['+pkts'], '?/5');
});

test('end reasons of IE 136', t => {
  const reason = (code: string) => row([...TUPLE, [136, 1]], Buffer.concat([tuple, hex(code)]))['end'];
  t.deepEqual(['01', '02', '03', '04', '05', '09'].map(reason), ['idle', 'active', 'end', 'forced', 'lack', '9']);
});

test('NAT is shown where it changed something', t => {
  const fields: readonly Specifier[] = [
    [225, 4],
    [227, 2],
    [226, 4],
    [228, 2],
  ];
  const more = (content: string) => row([...TUPLE, ...fields], Buffer.concat([tuple, hex(content)]))['more'];
  t.is(more('c0000201 c822 c6336401 01bb'), '');
  t.is(more('cb007105 0400 c6336401 01bb'), 'snat=203.0.113.5:1024');
  t.is(more('c0000201 c822 0a000005 20fb'), 'dnat=10.0.0.5:8443');
  t.is(more('c0000201 c822 c6336401 20fb'), 'dnat=198.51.100.1:8443');
  t.is(more('cb007105 c822 0a000005 01bb'), 'snat=203.0.113.5:51234 dnat=10.0.0.5:443');
});

test('only a translated port', t => {
  t.is(row([...TUPLE, [228, 2]], Buffer.concat([tuple, hex('20fb')]))['more'], 'dnat=198.51.100.1:8443');
});

test('ICMP type and code, zone, mark and TCP state', t => {
  const fields: readonly Specifier[] = [
    [8, 4],
    [12, 4],
    [4, 1],
    [32, 2],
    [234, 4],
    [4, 4, 21373],
  ];
  t.is(row(fields, hex('c0000201 c6336401 01 0800 00000007 00000010'))['more'], 'type=8/0 zone=7 mark=0x10');
  const state = (text: string) => row([...TUPLE, [136, VARIABLE, 56506]], Buffer.concat([tuple, short(text)]))['more'];
  t.is(state('ESTABLISHED'), 'ESTABLISHED');
  t.is(state('\u001b[2J'), '', 'nothing from the network controls the terminal');
});

test('a record without addresses shows its template id', t => {
  t.is(row([[41, 8]], hex('0000000000000005'))['more'], 'template 256');
});

test('counters of other elements stand in their columns, and beside them where they differ', t => {
  const cell = (fields: readonly Specifier[], content: string) =>
    row([...TUPLE, ...fields], Buffer.concat([tuple, hex(content)]));
  const initiator = cell(
    [
      [298, 1],
      [299, 1],
      [231, 2],
      [232, 2],
    ],
    '05 07 0100 0200',
  );
  t.deepEqual([initiator['+pkts'], initiator['+octets'], initiator['pkts']], ['5/7', '256/512', '']);
  const post = cell(
    [
      [24, 1],
      [23, 1],
      [172, 1],
      [171, 1],
    ],
    '01 02 03 04',
  );
  t.deepEqual([post['+pkts'], post['+octets'], post['pkts'], post['octets']], ['1', '2', '3', '4']);
  const several: readonly Specifier[] = [
    [1, 1],
    [23, 1],
    [232, 1],
    [352, 1],
    [132, 1],
  ];
  const all = cell(several, '09 09 05 17 00');
  t.deepEqual([all['+octets'], all['more']], ['9', '+layer4-octets=?/5 +layer2-octets=23']);
});

test('denied flows are marked, with the rule where it is known', t => {
  const more = (fields: readonly Specifier[], ...content: Uint8Array[]) =>
    row([...TUPLE, ...fields], Buffer.concat([tuple, ...content]))['more'];
  t.is(
    more(
      [
        [233, 1],
        [89, 1],
      ],
      hex('03 82'),
    ),
    'denied',
  );
  t.is(
    more(
      [
        [233, 1],
        [89, 1],
      ],
      hex('01 40'),
    ),
    '',
  );
  t.is(more([[89, 4]], hex('00000081')), 'dropped');
  const rule: readonly Specifier[] = [
    [139, 1, 56506],
    [141, VARIABLE, 56506],
    [233, 1],
  ];
  t.is(more(rule, hex('03'), short('no-ssh'), hex('03')), 'denied rule=no-ssh');
  t.is(more(rule, hex('02'), short('\u009b2J'), hex('03')), 'denied');
  t.is(more(rule, hex('01'), short('allowed'), hex('00')), 'policy=allowed');
});

test('types of ICMP, whichever way they are exported, and ports of protocols that have them', t => {
  const shown = (fields: readonly Specifier[], content: string) => {
    const { source, destination, more } = row([[8, 4], [12, 4], ...fields], hex(`c0000201 c6336401 ${content}`));
    return [source, destination, more].join(' ').trimEnd();
  };
  const ADDRESSES = '192.0.2.1 198.51.100.1';
  t.is(
    shown(
      [
        [4, 1],
        [176, 1],
        [177, 1],
      ],
      '01 03 01',
    ),
    `${ADDRESSES} type=3/1`,
  );
  t.is(
    shown(
      [
        [4, 1],
        [7, 2],
        [11, 2],
      ],
      '01 0000 0303',
    ),
    `${ADDRESSES} type=3/3`,
  );
  t.is(
    shown(
      [
        [4, 1],
        [7, 2],
        [11, 2],
        [32, 2],
      ],
      '01 0000 0000 0000',
    ),
    `${ADDRESSES} type=0/0`,
  );
  t.is(
    shown(
      [
        [4, 1],
        [32, 2],
        [139, 2],
      ],
      '3a 0000 8700',
    ),
    `${ADDRESSES} type=135/0`,
  );
  t.is(
    shown(
      [
        [4, 1],
        [32, 2],
      ],
      '06 0000',
    ),
    ADDRESSES,
  );
  t.is(
    shown(
      [
        [4, 1],
        [7, 2],
        [11, 2],
      ],
      '2f 0000 0000',
    ),
    ADDRESSES,
  );
  t.is(
    shown(
      [
        [4, 1],
        [7, 2],
        [11, 2],
      ],
      '11 0000 0035',
    ),
    '192.0.2.1:0 198.51.100.1:53',
  );
});

test('a template with the fields of both families shows the one that is used', t => {
  const fields: readonly Specifier[] = [
    [8, 4],
    [12, 4],
    [27, 16],
    [28, 16],
    [225, 4],
    [281, 16],
    [4, 1],
  ];
  const zero = '00'.repeat(16);
  const six = row(fields, hex(`00000000 00000000 ${'20010db8'.padEnd(32, '0')} ${zero} 00000000 ${zero} 3a`));
  t.deepEqual([six['source'], six['destination'], six['more']], ['2001:db8::', '::', '']);
  const four = row(fields, hex(`00000000 ffffffff ${zero} ${zero} cb007105 ${zero} 11`));
  t.deepEqual([four['source'], four['destination'], four['more']], ['0.0.0.0', '255.255.255.255', 'snat=203.0.113.5']);
});
