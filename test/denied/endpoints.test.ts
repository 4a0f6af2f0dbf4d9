import test from 'ava';
import * as fc from 'fast-check';
import { hashEndpoints, mayBeTracked, sameEndpoints, VIEWS, viewsOf } from '../../src/denied/endpoints.js';
import { packetRows, type Packet } from '../helpers/builders/denied.js';
import { rows, type Facts } from '../helpers/builders/rows.js';
import { seeded } from '../helpers/seed.js';

const address = fc.nat(3).map(n => `192.0.2.${n + 1}`);
const port = fc.nat(2).map(n => n + 1000);
const ends = fc.record({
  source: address,
  destination: address,
  replySource: address,
  replyDestination: address,
  sourcePort: port,
  destinationPort: port,
  replySourcePort: port,
  replyDestinationPort: port,
  protocol: fc.constantFrom(6, 17),
});

/** The plainest way to say it. */
function plainViews(facts: Facts): string[][] {
  const a = `${facts.source} ${facts.sourcePort}`;
  const b = `${facts.destination} ${facts.destinationPort}`;
  const x = `${facts.replyDestination} ${facts.replyDestinationPort}`;
  const y = `${facts.replySource} ${facts.replySourcePort}`;
  return [
    [a, b],
    [a, y],
    [x, y],
  ].map(pair => [...pair.sort(), String(facts.protocol)]);
}

test('a packet matches exactly the views and directions it reports', t => {
  fc.assert(
    fc.property(ends, ends, (connection, packet) => {
      const stored = rows(connection);
      const { source, destination, sourcePort, destinationPort, protocol } = packet;
      const logged = packetRows(0, { source, destination, sourcePort, destinationPort, protocol });
      const own = [`${source} ${sourcePort}`, `${destination} ${destinationPort}`].sort();
      plainViews(connection).forEach((view, number) => {
        const same = JSON.stringify(view) === JSON.stringify([...own, String(protocol)]);
        t.is(sameEndpoints(logged, 0, stored, 0, VIEWS[number]), same);
        if (same) t.is(hashEndpoints(logged, 0, VIEWS[0]), hashEndpoints(stored, 0, VIEWS[number]));
      });
    }),
    seeded(t),
  );
});

test('an echo request and its reply have the same endpoints, another identifier has not', t => {
  const connection = rows({ protocol: 1, icmp: { type: 8, code: 0, id: 7, replyType: 0 } });
  const same = (packet: Packet) => sameEndpoints(packetRows(0, packet), 0, connection, 0, VIEWS[0]);
  t.true(same({ protocol: 1, icmp: { type: 8, code: 0, id: 7, replyType: 0 } }));
  const answer = { protocol: 1, source: '198.51.100.1', destination: '192.0.2.1' };
  t.true(same({ ...answer, icmp: { type: 0, code: 0, id: 7, replyType: 8 } }));
  t.false(same({ ...answer, icmp: { type: 0, code: 0, id: 8, replyType: 8 } }));
});

test('GRE is matched by its addresses, as its keys have no fixed place', t => {
  const connection = rows({ protocol: 47, sourcePort: 3, destinationPort: 4 });
  t.true(sameEndpoints(packetRows(0, { protocol: 47 }), 0, connection, 0, VIEWS[0]));
});

test('IPv4 and IPv6 addresses are never equal', t => {
  const connection = rows({
    protocol: 17,
    source: 'c000:201::',
    destination: 'c633:6401::',
    sourcePort: 1,
    destinationPort: 2,
  });
  const packet = packetRows(0, { protocol: 17, sourcePort: 1, destinationPort: 2 });
  t.false(sameEndpoints(packet, 0, connection, 0, VIEWS[0]));
});

test('packets that conntrack has no tuple for are not looked up', t => {
  const may = (packet: Packet) => mayBeTracked(packetRows(0, packet), 0);
  t.true(may({ protocol: 6, sourcePort: 1, destinationPort: 2 }));
  t.false(may({ protocol: 6 }), 'a later fragment');
  t.true(may({ protocol: 50 }), 'a protocol without ports');
  t.true(may({ protocol: 1, icmp: { type: 8, code: 0, id: 0, replyType: 0 } }));
  t.false(may({ protocol: 1, icmp: { type: 3, code: 1, id: 0, replyType: 3 } }), 'an error');
  t.false(may({ protocol: 1 }), 'a capture without a header');
});

test('without NAT all views are equal', t => {
  fc.assert(
    fc.property(ends, connection => {
      if (viewsOf(rows(connection), 0) > 1) return;
      t.is(new Set(plainViews(connection).map(view => view.join())).size, 1);
    }),
    seeded(t),
  );
  const views = (facts: Facts) => viewsOf(rows(facts), 0);
  const plain = { protocol: 17, sourcePort: 1, destinationPort: 2 };
  t.is(views(plain), 1);
  t.is(views({ protocol: 50 }), 1);
  t.is(views({ protocol: 1, icmp: { type: 8, code: 0, id: 7, replyType: 0 } }), 1);
  t.is(views({ ...plain, replySourcePort: 3 }), 3);
  t.is(views({ ...plain, replyDestinationPort: 3 }), 3);
  t.is(views({ ...plain, replySource: '10.0.0.1' }), 3);
  t.is(views({ ...plain, replyDestination: '10.0.0.1' }), 3);
});
