import test from 'ava';
import { Batch } from '../../src/row/batch.js';
import { ConnectionTable } from '../../src/store/connection-table.js';
import { appendRecord, eachName } from '../../src/record/flow-record.js';
import {
  BIFLOW_DIRECTION,
  EGRESS_RULE_NAME_WORD,
  HELPER,
  ID,
  MARK,
  NAT_TYPE,
  ORIG_DST,
  ORIG_PACKETS,
  ORIG_SPORT,
  ORIG_SRC,
  ORIG_ZONE,
  RECORD_SIZE,
  REPLY_DST,
  REPLY_SRC,
  SOURCE_POD_NAME_WORD,
} from '../../src/row/layout.generated.js';
import { COUNTER_WORDS, ExportSlots } from '../../src/schedule/export-state.js';
import { tcp, udp } from '../helpers/builders/connections.js';
import { rows, type Facts } from '../helpers/builders/rows.js';
import { readReport } from '../helpers/rigs/store-rig.js';

const LIBERAL = 0x08;

/** @param counters as last reported */
function record(facts: Facts, counters = new Uint32Array(COUNTER_WORDS)): Batch {
  const table = new ConnectionTable(1);
  const slot = table.allocate(rows(facts).u32, 0);
  table.setStartMs(slot, 1_699_999_990_000);
  table.setEndMs(slot, 1_700_000_000_999);
  const batch = new Batch(2, RECORD_SIZE);
  batch.bytes.fill(0xee); // what an earlier record left
  batch.count = 1;
  const reported = new ExportSlots(1);
  reported.words.set(counters, reported.countersAt(slot));
  appendRecord(batch, table, slot, reported, 4, []);
  return batch;
}

/** Of a record, the bytes that templates may ask for. */
function facts(bytes: Uint8Array, record: number, v6: boolean, helper: boolean): Buffer {
  const at = (from: number, length: number): Uint8Array => bytes.subarray(record + from, record + from + length);
  const address = v6 ? 16 : 4;
  return Buffer.concat([
    ...[ORIG_SRC, ORIG_DST, REPLY_SRC, REPLY_DST].map(offset => at(offset, address)),
    at(ORIG_SPORT, ID + 4 - ORIG_SPORT),
    at(MARK, 4),
    at(ORIG_ZONE, 4),
    at(ORIG_PACKETS, 32),
    ...(helper ? [at(HELPER, 16)] : []),
  ]);
}

test('a record has every field of the row that a template may have', t => {
  const v6 = { source: '2001:db8::1', destination: '2001:db8::2' };
  for (const more of [{}, { helper: 'ftp' }, v6, { ...v6, helper: 'ftp', zone: 7, mark: 9 }]) {
    const connection: Facts = { ...tcp(1000, 0, [10, 600, 1, 60]), ...more };
    const helper = 'helper' in more;
    const wanted = facts(rows(connection).bytes, 0, 'source' in more, helper);
    t.deepEqual(facts(record(connection).bytes, RECORD_SIZE, 'source' in more, helper), wanted);
  }
});

test('a record has times, deltas, flowId and reason', t => {
  const facts = tcp(1000, 0, [10, (1n << 64n) - 1n, 1n << 40n, 4]);
  const batch = record(facts, Uint32Array.from([4, 0, 0, 1, 0, 255, 4, 0]));
  t.is(batch.count, 2);
  const report = readReport(batch, 1);
  t.like(report, { port: 1000, reason: 4, start: 1_699_999_990_000, end: 1_700_000_000_999 });
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
  // RFC 5103 section 6.3
  test(`the biflowDirection of ${what} is ${direction}`, t => {
    t.is(record(facts).bytes[RECORD_SIZE + BIFLOW_DIRECTION], direction);
  });
}

test('the natType is that of the family', t => {
  t.is(record(tcp(1, 0, [1, 1, 1, 1])).bytes[RECORD_SIZE + NAT_TYPE], 1);
  const v6 = tcp(1, 0, [1, 1, 1, 1], { source: '2001:db8::1', destination: '2001:db8::2' });
  t.is(record(v6).bytes[RECORD_SIZE + NAT_TYPE], 5);
});

test('the names of a batch are those in the name fields of its records', t => {
  const batch = new Batch(3, RECORD_SIZE);
  const words = RECORD_SIZE / 4;
  batch.u32.forEach((_, word) => (batch.u32[word] = word));
  batch.count = 2;
  const numbers: number[] = [];
  eachName(batch, number => numbers.push(number));
  const fields = [...Array(words).keys()].filter(word => word >= SOURCE_POD_NAME_WORD && word <= EGRESS_RULE_NAME_WORD);
  t.deepEqual(numbers, [...fields, ...fields.map(word => words + word)]);
});
