import test from 'ava';
import { FlowBoard } from '../../../src/cli/demo/flow-board.js';
import { record, tcpRecord } from './records.js';

test('deltas add up, by connection and over all', t => {
  const board = new FlowBoard();
  board.add(tcpRecord(1));
  board.add(tcpRecord(2));
  board.add(tcpRecord(1, { flowEndReason: 3 }));
  t.is(board.records, 3);
  t.is(board.connections, 2);
  t.deepEqual(board.total(), { packets: 9, octets: 600 });
  const [first] = board.top(10);
  t.like(first, { source: '192.0.2.10:40001', packets: [2, 4], octets: [200, 200], state: 'ended', records: 2 });
});

test('each end reason has a name', t => {
  const board = new FlowBoard();
  for (const reason of [1, 2, 3, 4, 5]) board.add(tcpRecord(reason, { flowEndReason: reason }));
  const states = board.takeFresh().map(flow => flow.state);
  t.deepEqual(states, ['idle', 'active', 'ended', 'open', 'evicted']);
});

test('NAT is shown where it changed something, with the port', t => {
  const board = new FlowBoard();
  const same = { postNATSourceIPv4Address: '192.0.2.10', postNAPTSourceTransportPort: 40_001 };
  board.add(
    tcpRecord(1, {
      ...same,
      postNATDestinationIPv4Address: '198.51.100.21',
      postNAPTDestinationTransportPort: 8080,
    }),
  );
  board.add(tcpRecord(1, { flowId: 2n, ...same, postNATSourceIPv4Address: '203.0.113.1' }));
  board.add(tcpRecord(3));
  t.deepEqual(
    board.takeFresh().map(flow => flow.nat),
    ['to 198.51.100.21:8080', 'from 203.0.113.1:40001', undefined],
  );
});

test('IPv6 addresses with a port are in brackets, ICMP has no port', t => {
  const board = new FlowBoard();
  board.add(
    record({
      flowId: 1,
      protocolIdentifier: 17,
      sourceIPv6Address: '2001:db8::10',
      destinationIPv6Address: '2001:db8::20',
      sourceTransportPort: 5000,
      destinationTransportPort: 53,
    }),
  );
  board.add(
    record({
      flowId: 2,
      protocolIdentifier: 58,
      sourceIPv6Address: '2001:db8::10',
      destinationIPv6Address: '2001:db8::20',
    }),
  );
  const [udp, icmp] = board.takeFresh();
  t.like(udp, { protocol: 'udp', source: '[2001:db8::10]:5000', destination: '[2001:db8::20]:53' });
  t.like(icmp, { protocol: 'icmp6', source: '2001:db8::10', destination: '2001:db8::20' });
});

test('a short list has the latest flows of every kind', t => {
  const board = new FlowBoard();
  for (let id = 1; id <= 20; id++) board.add(tcpRecord(id));
  board.add(tcpRecord(21, { destinationTransportPort: 443 }));
  board.add(tcpRecord(5));
  t.deepEqual(
    board.top(3).map(flow => flow.source),
    ['192.0.2.10:40005', '192.0.2.10:40021', '192.0.2.10:40020'],
  );
  t.is(board.top(100).length, 21);
});

test('fresh connections are handed out once', t => {
  const board = new FlowBoard();
  board.add(tcpRecord(1));
  t.is(board.takeFresh().length, 1);
  board.add(tcpRecord(1));
  t.is(board.takeFresh().length, 0);
});
