import { writeFileSync } from 'node:fs';
import test from 'ava';
import { balance, isNothing } from '../../proof/balance.js';
import { Ledger, type ReceivedFlows } from '../../proof/ledger.js';
import { temporaryPath } from '../helpers/temporary.js';

/** A record of a flow with one packet of ten octets in each report and direction, unless said otherwise. */
function record(flowId: string, packets: number, deltaPackets = 1) {
  return {
    flowId,
    packetDeltaCount: deltaPackets,
    octetDeltaCount: 10 * deltaPackets,
    packetTotalCount: packets,
    octetTotalCount: 10 * packets,
    reversePacketDeltaCount: deltaPackets,
    reverseOctetDeltaCount: 10 * deltaPackets,
    reversePacketTotalCount: packets,
    reverseOctetTotalCount: 10 * packets,
  };
}

function received(...records: object[]): ReceivedFlows {
  const ledger = new Ledger();
  for (const one of records) ledger.add(one as Record<string, unknown>);
  return ledger.connections;
}

const counted = (connections: number, packets: number) => ({ connections, packets, octets: 10 * packets });

test('where deltas add up to totals, and totals to the kernel’s counters, nothing is missing', t => {
  const { missing, doubled, exported } = balance(
    counted(2, 6),
    received(record('a', 1), record('a', 2), record('b', 1)),
  );
  t.deepEqual(exported, counted(2, 6));
  t.true(isNothing(missing));
  t.true(isNothing(doubled));
});

test('a record received twice is doubled, one not received is missing, and neither hides the other', t => {
  const { kernel, exported, missing, doubled } = balance(
    counted(2, 8),
    received(record('twice', 1), record('twice', 1), record('lost', 1), record('lost', 3)),
  );
  t.is(exported.packets, kernel.packets, 'the sums are equal');
  t.deepEqual(missing, { connections: 0, packets: 2, octets: 20 });
  t.deepEqual(doubled, { connections: 0, packets: 2, octets: 20 });
});

test('a connection without a record is missing, one that nobody made is doubled', t => {
  t.deepEqual(balance(counted(2, 4), received(record('a', 1))).missing, { connections: 1, packets: 2, octets: 20 });
  t.deepEqual(balance(counted(0, 0), received(record('a', 1))).doubled, { connections: 1, packets: 2, octets: 20 });
});

test('denied flows are kept apart from connections, and from each other by tuple and start', t => {
  const ledger = new Ledger();
  const denied = { firewallEvent: 3, sourceTransportPort: 5, flowStartMilliseconds: 'then', packetDeltaCount: 2 };
  for (const one of [record('a', 1), denied, denied, { ...denied, sourceTransportPort: 6 }]) ledger.add(one);
  t.is(ledger.connections.count, 1);
  t.is(ledger.denied.count, 2);
  t.is(ledger.denied.exported().packets, 6);
  t.is(ledger.records, 4);
});

test('the output of a collector is read, without options records and a truncated last line', async t => {
  const file = temporaryPath(t, 'records.json');
  const lines = [record('18446744073709551615', 1), { options: true, exportedFlowRecordTotalCount: 3 }, record('5', 1)];
  writeFileSync(file, lines.map(line => JSON.stringify(line)).join('\n') + '\n{"flowId":7,"packetDel');
  const ledger = new Ledger();
  await ledger.read(file);
  t.deepEqual([...ledger.connections.byId.keys()], ['18446744073709551615', '5']);
  t.is(ledger.records, 2);
});

test('events of a NAT are held to their rules, and each delete to a create before it', t => {
  const rules = { source: ['203.0.113.1', '2001:db8::1'], destination: ['10.0.0.2', '2001:db8::2'] } as const;
  const event = (natEvent: number, time: string, more: object = {}) => ({
    natEvent,
    observationTimeMilliseconds: time,
    sourceIPv4Address: '192.0.2.1',
    sourceTransportPort: 5,
    postNAPTSourceTransportPort: 5,
    postNATSourceIPv4Address: '203.0.113.1',
    postNATDestinationIPv4Address: '10.0.0.2',
    ...more,
  });
  const read = (...records: object[]) => {
    const ledger = new Ledger();
    for (const one of records) ledger.add(one as Record<string, unknown>);
    return ledger.nat;
  };
  const good = read(event(4, '1'), event(5, '2'), event(4, '3'), event(5, '3'));
  t.deepEqual([good.created, good.deleted, good.unordered, good.open, good.wrong(rules)], [2, 2, 0, 0, 0]);
  const swapped = read(event(4, '1'), event(4, '3'), event(5, '4'), event(5, '2'));
  t.deepEqual([swapped.unordered, swapped.open], [0, 0], 'the end of the first is delivered last');
  t.is(read(event(5, '2'), event(4, '1')).unordered, 1, 'a delete that comes first');
  t.is(read(event(4, '2'), event(5, '1')).unordered, 1, 'a delete from before');
  t.is(read(event(4, '1'), event(4, '1'), event(5, '2')).open, 1);
  t.is(read(event(4, '1', { postNAPTSourceTransportPort: 6 })).wrong(rules), 1);
  t.is(read(event(4, '1', { postNATSourceIPv4Address: '203.0.113.2' })).wrong(rules), 1);
  t.throws(() => read(event(9, '1')));
});
