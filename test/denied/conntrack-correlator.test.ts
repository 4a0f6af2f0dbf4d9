import test from 'ava';
import * as fc from 'fast-check';
import { tcp, udp } from '../helpers/builders/connections.js';
import { DeniedRig, type Packet } from '../helpers/builders/denied.js';
import { nanoseconds, type Facts } from '../helpers/builders/rows.js';
import type { Report } from '../helpers/rigs/store-rig.js';
import { seeded } from '../helpers/seed.js';

const CLIENT = '192.0.2.1';
const SERVER = '198.51.100.1';
const INSIDE = '10.0.0.9';
const OUTSIDE = '203.0.113.5';

const forth = (port: number, more: Packet = {}): Packet => ({
  protocol: 17,
  sourcePort: port,
  destinationPort: 53,
  ...more,
});
const back = (port: number, more: Packet = {}): Packet => ({
  protocol: 17,
  source: SERVER,
  destination: CLIENT,
  sourcePort: 53,
  destinationPort: port,
  ...more,
});

/** The store's slots that have a rule. */
const ruled = (rig: DeniedRig) =>
  Array.from({ length: rig.store.table.top }, (_, slot) => slot).filter(slot => rig.correlator.ruleOf[slot] > 0);

const octets = (reports: readonly Report[]) => reports.map(({ deltas }) => Number(deltas[1]));

// antrea-io/antrea#7361
test('a denied packet of a connection in conntrack is not exported twice', async t => {
  const rig = new DeniedRig();
  const at = rig.wall;
  const connection = udp(1, at, [3, 120, 0, 0]);
  await rig.matched([]);
  rig.advance(100);
  rig.logged(forth(1), back(1), forth(2));
  await rig.matched([connection]);
  t.deepEqual(ruled(rig), [0]);
  t.is(rig.correlator.counts.matched, 2);
  t.is(rig.denied.pending.count, 0);
  t.deepEqual(octets(rig.all()), [120], 'the connection counts once');
  t.deepEqual(octets(rig.deniedAtEnd()), [40], 'the other one is denied alone');
});

test('a packet waits for a complete poll that began after it', async t => {
  const rig = new DeniedRig();
  rig.correlator.beforeDump();
  rig.logged(forth(1)); // its dump may have passed over the connection
  rig.poll([]);
  await rig.correlator.afterPoll(true);
  t.is(rig.denied.pending.count, 1);
  await rig.matched([], false);
  t.is(rig.denied.pending.count, 1, 'a poll that is not whole proves nothing');
  await rig.matched([]);
  t.is(rig.denied.pending.count, 0);
  t.deepEqual(octets(rig.deniedAtEnd()), [40]);
});

const translated: Facts = {
  ...udp(1, 0, [5, 200, 5, 200]),
  source: CLIENT,
  destination: SERVER,
  replySource: INSIDE,
  replyDestination: OUTSIDE,
  replySourcePort: 5353,
  replyDestinationPort: 50_000,
};

for (const [view, source, sourcePort, destination, destinationPort] of [
  ['before NAT', CLIENT, 1, SERVER, 53],
  ['in the forward hook: the destination translated, the source not yet', CLIENT, 1, INSIDE, 5353],
  ['after NAT', OUTSIDE, 50_000, INSIDE, 5353],
  ['an answer before it is translated back', INSIDE, 5353, OUTSIDE, 50_000],
  ['an answer in the forward hook', INSIDE, 5353, CLIENT, 1],
  ['an answer translated back', SERVER, 53, CLIENT, 1],
] as const) {
  test(`a packet matches its connection ${view}`, async t => {
    const rig = new DeniedRig();
    const connection = { ...translated, start: nanoseconds(rig.wall - 1_000) };
    rig.logged({ protocol: 17, source, sourcePort, destination, destinationPort });
    await rig.matched([connection]);
    t.is(rig.correlator.counts.matched, 1);
    t.deepEqual(rig.deniedAtEnd(), []);
  });
}

test('endpoints that no NAT view combines belong to another flow', async t => {
  const rig = new DeniedRig();
  const connection = { ...translated, start: nanoseconds(rig.wall - 1_000) };
  rig.logged({ protocol: 17, source: OUTSIDE, sourcePort: 50_000, destination: SERVER, destinationPort: 53 });
  await rig.matched([connection]);
  t.is(rig.correlator.counts.matched, 0);
});

test('a packet from before the connection is a denied flow', async t => {
  const rig = new DeniedRig();
  const at = rig.wall;
  rig.logged(forth(1, { time: at - 1_000, octets: 41 }), forth(1, { time: at + 5, octets: 42 }));
  await rig.matched([udp(1, at, [1, 42, 0, 0])]);
  t.is(rig.correlator.counts.matched, 1);
  t.deepEqual(octets(rig.deniedAtEnd()), [41]);
});

test('without a kernel start time every packet may belong to the connection', async t => {
  const rig = new DeniedRig();
  const { start: _, ...connection } = udp(1, 0, [1, 42, 0, 0]);
  rig.logged(forth(1, { time: rig.wall - 1_000 }));
  await rig.matched([connection]);
  t.is(rig.correlator.counts.matched, 1);
});

test('a connection that ends has its denied packets at once', async t => {
  const rig = new DeniedRig();
  const at = rig.wall;
  const connection = tcp(1, at - 5_000, [9, 900, 9, 900]);
  await rig.matched([connection]);
  rig.logged({ protocol: 6, sourcePort: 1, destinationPort: 443 });
  rig.destroy({ ...connection, stop: nanoseconds(at + 1) });
  t.is(rig.denied.pending.count, 0);
  t.deepEqual(ruled(rig), [0], 'before its last record');
  await rig.matched([]);
  t.deepEqual(rig.deniedAtEnd(), []);
});

test('a connection that no poll has seen has its denied packets', async t => {
  const rig = new DeniedRig();
  const at = rig.wall;
  rig.logged(forth(1));
  rig.destroy(udp(1, at - 100, [1, 40, 0, 0], { stop: nanoseconds(at + 1) }));
  t.deepEqual(ruled(rig), [0]);
  await rig.matched([]);
  t.deepEqual(rig.deniedAtEnd(), []);
});

test('the rule of a packet that a record has had already is told by another, once', async t => {
  for (const ends of [true, false]) {
    const rig = new DeniedRig();
    const connection = udp(1, rig.wall, [3, 120, 0, 0]);
    await rig.matched([connection]);
    t.is(rig.after(5_000).length, 1);
    rig.logged(forth(1, { time: rig.wall - 5_000 }));
    if (ends) rig.destroy({ ...connection, stop: nanoseconds(rig.wall) });
    else await rig.matched([connection]);
    t.deepEqual(octets(rig.after(5_000)), [0]);
    t.deepEqual(ruled(rig), [0]);
    t.deepEqual(rig.after(60_000), []);
    await rig.matched([]);
    t.deepEqual([rig.due(), rig.deniedAtEnd()], [[], []]);
  }
});

test('a packet that arrives after the end of its connection is not a denied flow', async t => {
  const rig = new DeniedRig();
  rig.advance(1_000);
  const at = rig.wall;
  const ended = (port: number) => udp(port, at - 100, [1, 40, 0, 0], { stop: nanoseconds(at) });
  rig.destroy(ended(1), ended(2));
  rig.logged(forth(1, { time: at - 50 }));
  t.deepEqual(ruled(rig), [0], 'its record is not out yet');
  rig.due();
  rig.logged(back(2, { time: at - 50 }));
  t.like(rig.correlator.counts, { matched: 2, matchedLate: 1 });
  await rig.matched([]);
  t.deepEqual(rig.deniedAtEnd(), []);
});

test('a packet from after the end of a connection is a denied flow', async t => {
  const rig = new DeniedRig();
  const at = rig.wall;
  rig.destroy(udp(1, at - 9_000, [1, 40, 0, 0], { stop: nanoseconds(at - 2_000) }));
  rig.logged(forth(1, { time: at }), forth(1, { time: at, untimed: true }));
  t.is(rig.correlator.counts.matched, 0);
  await rig.matched([]);
  t.deepEqual(octets(rig.deniedAtEnd()), [80]);
});

test('a slot that is reused has not the rule of its last connection', async t => {
  const rig = new DeniedRig();
  const at = rig.wall;
  rig.logged(forth(1));
  await rig.matched([udp(1, at - 10, [1, 40, 0, 0])]);
  t.deepEqual(ruled(rig), [0]);
  await rig.matched([]);
  rig.due();
  await rig.matched([udp(2, at, [1, 40, 0, 0])]);
  t.deepEqual(ruled(rig), []);
});

test('a fragment and an ICMP error are denied flows without waiting', t => {
  const rig = new DeniedRig();
  rig.logged({ protocol: 17 }, { protocol: 1, icmp: { type: 3, code: 1, id: 0, replyType: 3 } });
  t.is(rig.denied.pending.count, 0);
  t.is(rig.deniedAtEnd().length, 2);
});

test('packets beyond the limit of pending ones are denied flows, and counted', async t => {
  const rig = new DeniedRig();
  const most = 1 << 19;
  const many = Array.from({ length: 4096 }, () => forth(1, { octets: 1 }));
  for (let held = 0; held < most; held += many.length) rig.logged(...many);
  rig.logged(forth(1, { octets: 7 }), forth(2, { octets: 8 }));
  t.is(rig.correlator.counts.overflow, 2);
  t.deepEqual(octets(rig.deniedAtEnd()).sort(), [7, 8]);
  await rig.matched([]);
  rig.deniedAtEnd();
  t.deepEqual(rig.sums(), [BigInt(most) + 2n, BigInt(most) + 15n]);
});

test('pending packets at shutdown are denied flows', async t => {
  const rig = new DeniedRig();
  rig.logged(forth(1), forth(2));
  await rig.correlator.drain();
  t.is(rig.deniedAtEnd().length, 2);
  t.is(rig.denied.pending.count, 0);
});

test('no packet is lost or doubled, whatever the order of events', async t => {
  const port = fc.nat(3);
  const step = fc.oneof(
    fc.record({ kind: fc.constant('packet' as const), port, reply: fc.boolean(), untimed: fc.boolean() }),
    fc.record({ kind: fc.constant('poll' as const), open: fc.uniqueArray(port), whole: fc.boolean() }),
    fc.record({ kind: fc.constant('destroy' as const), port }),
    fc.record({ kind: fc.constant('time' as const), by: fc.constantFrom(1, 300, 20_000) }),
    fc.record({ kind: fc.constant('due' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.constantFrom(2, 64), async (steps, maxDenied) => {
      const rig = new DeniedRig({ maxDenied });
      const born = rig.wall;
      let sent = 0;
      for (const each of steps) {
        if (each.kind === 'packet') {
          sent++;
          rig.logged((each.reply ? back : forth)(each.port, each.untimed ? { untimed: true } : {}));
        } else if (each.kind === 'poll') {
          await rig.matched(
            each.open.map(one => udp(one, born, [9, 360, 9, 360])),
            each.whole,
          );
        } else if (each.kind === 'destroy') {
          rig.destroy(udp(each.port, born, [9, 360, 9, 360], { stop: nanoseconds(rig.wall) }));
        } else if (each.kind === 'time') {
          rig.advance(each.by);
          rig.endIdle();
        } else {
          rig.deniedDue();
          rig.due();
        }
      }
      await rig.correlator.drain();
      rig.deniedDue();
      rig.deniedAtEnd();
      const { matched, refusedPackets } = rig.correlator.counts;
      const [packets, sum] = rig.sums();
      // a store of two has room for one that has ended
      const dropped = rig.schedule.endedOverflow.packets;
      t.is(Number(packets) + matched + refusedPackets + dropped, sent);
      t.is(Number(sum), Number(packets) * 40);
      t.is(rig.denied.pending.count, 0);
    }),
    seeded(t),
  );
});
