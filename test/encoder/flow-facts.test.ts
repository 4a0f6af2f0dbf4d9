import test from 'ava';
import { FlowFacts } from '../../src/encoder/flow-facts.js';
import { BIFLOW_DIRECTION, NAT_TYPE, ROW_SIZE } from '../../src/row/layout.generated.js';
import { ExportSlots } from '../../src/schedule/export-state.js';
import { tcp, udp } from '../helpers/builders/connections.js';
import { FLOW_END, FLOW_START, flowTable } from '../helpers/builders/flow-table.js';
import type { Facts } from '../helpers/builders/rows.js';
import { reportOf } from '../helpers/rigs/report.js';

const LIBERAL = 0x08;

function factsOf(facts: Facts): FlowFacts {
  const table = flowTable(facts);
  const exported = new ExportSlots(1);
  const read = new FlowFacts(table.columns({}), exported.bytes);
  read.bytes.fill(0xee); // what an earlier record left
  read.read(0, 4);
  return read;
}

test('a record has times, deltas, flowId and reason', t => {
  const facts = tcp(1000, 0, [10, (1n << 64n) - 1n, 1n << 40n, 4]);
  const table = flowTable(facts);
  const exported = new ExportSlots(1);
  exported.words.set([4, 0, 0, 1, 0, 255, 4, 0], exported.countersAt(0));
  const report = reportOf(table, exported, 0, 4);
  t.like(report, { port: 1000, reason: 4, start: FLOW_START, end: FLOW_END });
  t.deepEqual(report.deltas, [6n, (1n << 64n) - 1n - (1n << 32n), 1n << 32n, 0n]);
});

const denied: Facts = { protocol: 6, sourcePort: 1, destinationPort: 443 };
const directions: [string, Facts, number][] = [
  ['UDP', udp(1, 0, [1, 1, 1, 1]), 1],
  ['TCP from its handshake on', tcp(1, 0, [1, 1, 1, 1], { tcpFlags: 0x03 }), 1],
  ['TCP picked up in the middle', tcp(1, 0, [1, 1, 1, 1], { tcpFlags: LIBERAL | 0x03 }), 0],
  ['TCP of which nothing is known', tcp(1, 0, [1, 1, 1, 1]), 0],
  ['a denied SYN', { ...denied, tcpHeader: 0x02 }, 1],
  ['a denied SYN that asks for ECN', { ...denied, tcpHeader: 0xc2 }, 1],
  ['a denied answer to a SYN', { ...denied, tcpHeader: 0x12 }, 2],
  ['a denied packet from the middle', { ...denied, tcpHeader: 0x18 }, 0],
  ['a denied packet without a whole header', denied, 0],
  ['a denied packet of UDP', { ...denied, protocol: 17 }, 1],
];
for (const [what, facts, direction] of directions) {
  test(`RFC 5103 6.3: the biflowDirection of ${what} is ${direction}`, t => {
    t.is(factsOf(facts).bytes[BIFLOW_DIRECTION - ROW_SIZE], direction);
  });
}

test('the natType is that of the family', t => {
  t.is(factsOf(tcp(1, 0, [1, 1, 1, 1])).bytes[NAT_TYPE - ROW_SIZE], 1);
  const v6 = tcp(1, 0, [1, 1, 1, 1], { source: '2001:db8::1', destination: '2001:db8::2' });
  t.is(factsOf(v6).bytes[NAT_TYPE - ROW_SIZE], 5);
});
