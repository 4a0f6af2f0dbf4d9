import test from 'ava';
import { OwnConnections } from '../../src/row/own-connections.js';
import { nanoseconds, rows, type Facts } from '../helpers/builders/rows.js';

const COLLECTOR = { address: '192.0.2.10', port: 4739 };
const LOCAL = { address: '192.0.2.1', port: 40_000 };

const facts = (changed: Partial<Facts> = {}): Facts => ({
  protocol: 17,
  source: LOCAL.address,
  destination: COLLECTOR.address,
  sourcePort: LOCAL.port,
  destinationPort: COLLECTOR.port,
  ...changed,
});

const has = (own: OwnConnections, one: Facts): boolean => own.has(rows(one).u32, 0);

test('a connection is its own by protocol and both ends of a socket, in either direction, and nothing else is', t => {
  const own = new OwnConnections();
  own.opened(17, LOCAL, COLLECTOR);
  t.true(has(own, facts()));
  t.true(
    has(
      own,
      facts({
        source: COLLECTOR.address,
        destination: LOCAL.address,
        sourcePort: COLLECTOR.port,
        destinationPort: LOCAL.port,
      }),
    ),
    'begun by an answer',
  );
  for (const other of [
    { protocol: 6 },
    { sourcePort: 40_001 },
    { destinationPort: 4740 },
    { source: '192.0.2.2' },
    { destination: '192.0.2.11' },
  ]) {
    t.false(has(own, facts(other)), JSON.stringify(other));
  }
});

test('IPv6 with a zone', t => {
  const own = new OwnConnections();
  own.opened(6, { address: 'fe80::1%eth0', port: 40_000 }, { address: 'fe80::2%eth0', port: 4739 });
  t.true(has(own, facts({ protocol: 6, source: 'fe80::1', destination: 'fe80::2' })));
});

test('a closed socket stays known for its own time, and not for a later user of its port', t => {
  const own = new OwnConnections();
  const close = own.opened(6, LOCAL, COLLECTOR);
  const at = (start: number): Facts => facts({ protocol: 6, start: nanoseconds(start) });
  t.true(has(own, at(Date.now())));
  t.false(has(own, at(Date.now() - 3_600_000)), 'of an earlier process');
  close();
  close();
  t.true(has(own, at(Date.now())));
  t.false(has(own, at(Date.now() + 3_600_000)), 'of a later one');
  t.true(has(own, facts({ protocol: 6 })), 'without start times for a while');
});

test('of closed sockets the oldest are forgotten', t => {
  const own = new OwnConnections();
  own.opened(6, LOCAL, COLLECTOR);
  for (let port = 1; port <= 10_000; port++) own.opened(6, { ...LOCAL, port }, COLLECTOR)();
  t.false(has(own, facts({ protocol: 6, sourcePort: 1 })));
  t.true(has(own, facts({ protocol: 6, sourcePort: 10_000 })));
  t.true(has(own, facts({ protocol: 6 })), 'an open one stays');
});
