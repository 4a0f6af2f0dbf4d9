import test from 'ava';
import * as shape from '../../src/ipfix/shape.js';
import { ping, tcp, udp } from '../helpers/builders/connections.js';
import { shape as shapeOfFacts } from '../helpers/builders/flow-table.js';
import { rows, type Facts } from '../helpers/builders/rows.js';

const { COUNTERS, DESTINATION_NAT, HELPER, ICMP, ID, IPV6, MARK, PORTS, REPLY_COUNTERS, REPLY_ZONE, SOURCE_NAT, ZONE } =
  shape;
const BOTH = COUNTERS | REPLY_COUNTERS;
const plain = tcp(1000, 0, [1, 2, 3, 4]);
const v6 = { source: '2001:db8::1', destination: '2001:db8::2' };

const cases: [string, Facts, number][] = [
  ['TCP', plain, PORTS | BOTH | ID],
  ['IPv6', { ...plain, ...v6 }, IPV6 | PORTS | BOTH | ID],
  ['ICMP', ping(1, 0, [1, 2, 3, 4]), ICMP | BOTH | ID],
  ['a protocol without ports', { protocol: 50 }, 0],
  ['without accounting', { protocol: 6, sourcePort: 1, destinationPort: 2 }, PORTS],
  ['a mark, even zero', { ...plain, mark: 0 }, PORTS | BOTH | ID | MARK],
  ['a helper', { ...plain, helper: 'ftp' }, PORTS | BOTH | ID | HELPER],
  ['a zone of both directions', { ...plain, zone: 3 }, PORTS | BOTH | ID | ZONE],
  ['a zone of the original direction', { ...plain, originalZone: 3 }, PORTS | BOTH | ID | ZONE],
  ['a zone of the reply direction', { ...plain, replyZone: 3 }, PORTS | BOTH | ID | REPLY_ZONE],
  ['source NAT', { ...plain, replyDestination: '203.0.113.1' }, PORTS | BOTH | ID | SOURCE_NAT],
  ['destination NAT', { ...plain, replySource: '10.0.0.1' }, PORTS | BOTH | ID | DESTINATION_NAT],
  ['a translated source port', { ...plain, replyDestinationPort: 1001 }, PORTS | BOTH | ID | SOURCE_NAT],
  ['a translated destination port', { ...plain, replySourcePort: 8080 }, PORTS | BOTH | ID | DESTINATION_NAT],
  [
    'a difference in the last word of an IPv6 address',
    { ...plain, ...v6, replyDestination: '2001:db8::3' },
    IPV6 | PORTS | BOTH | ID | SOURCE_NAT,
  ],
  ['ICMP, whose answer has another type', ping(9, 0, [1, 2, 3, 4], { mark: 1 }), ICMP | BOTH | ID | MARK],
];
for (const [what, facts, expected] of cases) {
  test(`the shape of ${what}`, t => {
    t.is(shapeOfFacts(facts), expected);
  });
}

test('the shape of a row is its own, not that of the row before', t => {
  const batch = rows(udp(1, 0, [1, 1, 1, 1], { mark: 4, ...v6 }), { protocol: 47 }, plain);
  t.deepEqual(
    [0, 1, 2].map(slot => shape.shapeOf(batch.u32, batch.bytes, slot)),
    [IPV6 | PORTS | BOTH | ID | MARK, 0, PORTS | BOTH | ID],
  );
});

test('every field has its own bit', t => {
  const { STANDARD: _, ...fields } = shape;
  const bits = Object.values(fields).filter(value => typeof value === 'number');
  t.is(new Set(bits).size, bits.length);
  for (const bit of bits) t.is(bit & (bit - 1), 0, `${bit} is one bit`);
});
