import test from 'ava';
import { END_OF_FLOW } from '../../src/store/end-reason.js';
import { HANDSHAKE, IN_USE } from '../../src/store/connection-table.js';
import { EVENT_NEW, EVENT_UPDATE, ORIG_SPORT, ROW_SIZE, ROW_WORDS } from '../../src/row/layout.generated.js';
import { CLOSE, ESTABLISHED, FIN_WAIT, LAST_ACK, SYN_RECV, SYN_SENT, TIME_WAIT } from '../../src/row/conntrack.js';
import { changed, tcp, udp } from '../helpers/builders/connections.js';
import { nanoseconds, type Facts } from '../helpers/builders/rows.js';
import { StoreRig } from '../helpers/rigs/store-rig.js';

const listening = (options: ConstructorParameters<typeof StoreRig>[0] = {}): StoreRig => {
  const rig = new StoreRig({ ...options, changes: true });
  rig.store.expectEvents(true);
  return rig;
};
const state = (rig: StoreRig, port: number, state: number, start = rig.wall): Facts =>
  tcp(port, start, [1, 60, 0, 0], { state });
/** As with nf_conntrack_timestamp=0: the id is known, the start is not. */
const timeless = (facts: Facts): Facts => {
  const { start: _, ...rest } = facts;
  return rest;
};

test('without kernel timestamps the start is the time of the NEW event, whether a poll or a DESTROY follows', t => {
  const rig = listening();
  rig.poll([]);
  rig.advance(1_000);
  const began = rig.wall;
  rig.receive(
    changed(EVENT_NEW, udp(1, began, [1, 60, 0, 0])),
    changed(EVENT_NEW, tcp(2, began, [1, 60, 0, 0], { state: SYN_SENT })),
  );
  rig.advance(3_000);
  rig.poll([timeless(udp(1, began, [3, 180, 0, 0]))]);
  rig.destroy({ ...timeless(tcp(2, began, [1, 60, 1, 40], { state: CLOSE })), timeout: 9 });
  t.like(rig.due(), [{ port: 2, start: began, reason: END_OF_FLOW, before: [SYN_SENT] }]);
  t.like(rig.after(5_000), [{ port: 1, start: began, deltas: [3n, 180n, 0n, 0n] }]);
  t.is(rig.store.pendingEvents!.count, 0);
});

test("with kernel timestamps the start stays the kernel's", t => {
  const rig = listening();
  rig.poll([]);
  const began = rig.wall;
  rig.advance(2);
  rig.receive(changed(EVENT_NEW, udp(1, began, [1, 60, 0, 0])));
  rig.advance(3_000);
  rig.poll([udp(1, began, [3, 180, 0, 0])]);
  t.like(rig.after(5_000), [{ start: began }]);
});

test('a connection with a NEW event is not older than the exporter, also in the first poll', t => {
  const rig = listening();
  rig.advance(10);
  rig.receive(changed(EVENT_NEW, udp(1, rig.wall, [1, 60, 0, 0])));
  rig.poll([timeless(udp(1, rig.wall, [3, 180, 0, 0])), timeless(udp(2, rig.wall, [9, 540, 0, 0]))]);
  t.like(rig.after(5_000), [{ port: 1, deltas: [3n, 180n, 0n, 0n] }]);
  t.is(rig.destinations[0].reports.length, 1, 'of the older one, the past is the baseline');
  t.is(rig.store.counts.earlier, 1);
});

test('a connection polled before its NEW event arrives is not older than the exporter', t => {
  const rig = listening();
  const began = rig.wall;
  const one = timeless(tcp(1, began, [3, 180, 0, 0], { state: ESTABLISHED }));
  rig.store.beginDump();
  rig.store.beginPoll(rig.now(), rig.timeouts);
  rig.advance(5);
  rig.merge([one]);
  rig.receive(changed(EVENT_NEW, state(rig, 1, SYN_SENT)), changed(EVENT_UPDATE, state(rig, 1, SYN_RECV)));
  rig.receive(changed(EVENT_UPDATE, state(rig, 1, ESTABLISHED)));
  rig.store.endPoll(true);
  t.like(rig.after(5_000), [{ start: began + 5, deltas: [3n, 180n, 0n, 0n], before: [SYN_SENT, SYN_RECV] }]);
  t.is(rig.store.pendingEvents!.count, 0);
});

test('the history of TCP states is complete, from events between polls and from its DESTROY', t => {
  const rig = listening();
  rig.poll([]);
  rig.advance(100);
  const start = rig.wall;
  const event = (kind: number, which: number) => rig.receive(changed(kind, state(rig, 1, which)));
  event(EVENT_NEW, SYN_SENT);
  event(EVENT_UPDATE, SYN_RECV);
  event(EVENT_UPDATE, ESTABLISHED);
  rig.poll([tcp(1, start, [3, 180, 2, 120])]);
  t.like(rig.after(5_000), [{ state: ESTABLISHED, before: [SYN_SENT, SYN_RECV] }]);
  event(EVENT_UPDATE, FIN_WAIT);
  event(EVENT_UPDATE, LAST_ACK);
  t.deepEqual(rig.due(), [], 'the counters of the new state are not known: it is not told before them');
  rig.destroy({ ...tcp(1, start, [6, 360, 5, 300], { state: TIME_WAIT }), stop: nanoseconds(rig.wall) });
  t.like(rig.due(), [
    { state: TIME_WAIT, before: [SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, LAST_ACK], deltas: [3n, 180n, 3n, 180n] },
  ]);
});

test('where events were lost, states that polls show are in the history', t => {
  const rig = listening();
  const start = rig.wall;
  rig.poll([tcp(1, start, [1, 60, 0, 0], { state: SYN_SENT })]);
  rig.advance(1_000);
  rig.poll([tcp(1, start, [3, 180, 2, 120])]);
  rig.advance(1_000);
  rig.poll([tcp(1, start, [5, 300, 4, 240], { state: TIME_WAIT })]);
  t.like(rig.due(), [{ state: TIME_WAIT, before: [SYN_SENT, ESTABLISHED] }]);
});

test('a tuple reopened: events of the second connection are not applied to the first', t => {
  const rig = listening();
  rig.poll([]);
  const start = rig.wall;
  rig.receive(changed(EVENT_NEW, state(rig, 1, SYN_SENT)), changed(EVENT_UPDATE, state(rig, 1, ESTABLISHED)));
  rig.poll([tcp(1, start, [3, 180, 0, 0])]);
  rig.advance(1_000);
  const second = rig.wall;
  rig.receive(changed(EVENT_UPDATE, state(rig, 1, TIME_WAIT)));
  // the sockets have no order: the second's NEW is read before the first's DESTROY
  rig.receive(changed(EVENT_NEW, state(rig, 1, SYN_SENT)), changed(EVENT_UPDATE, state(rig, 1, SYN_RECV)));
  rig.destroy({ ...tcp(1, start, [4, 240, 0, 0], { state: TIME_WAIT }), stop: nanoseconds(second) });
  rig.destroy({ ...tcp(1, second, [2, 120, 0, 0], { state: CLOSE }), stop: nanoseconds(second) });
  t.like(rig.due(), [
    { start, state: TIME_WAIT, before: [SYN_SENT, ESTABLISHED] },
    { start: second, state: CLOSE, before: [SYN_SENT, SYN_RECV] },
  ]);
  t.is(rig.store.pendingEvents!.count, 0);
});

test('connections with a NEW event and nothing after it do not make the store grow, and expire', t => {
  const rig = listening({ maxConnections: 100 });
  rig.poll([]);
  for (let port = 1; port <= 50_000; port++) rig.receive(changed(EVENT_NEW, udp(port, rig.wall, [1, 60, 0, 0])));
  t.is(rig.store.size, 0);
  t.is(rig.store.pendingEvents!.count, 50_000);
  rig.pollAfter(() => {}, []);
  rig.pollAfter(() => rig.receive(changed(EVENT_NEW, udp(60_000, rig.wall, [1, 60, 0, 0]))), []);
  t.is(rig.store.pendingEvents!.count, 1, 'the one that came after the request');
  t.is(rig.store.pendingEvents!.expired, 50_000);
  t.is(rig.store.size, 0);
  t.deepEqual(rig.due(), []);
});

test('ended connections that no poll saw do not make the store grow beyond its limit, even when no collector takes records', t => {
  const rig = listening({ maxConnections: 100 });
  rig.poll([]);
  rig.destinations[0].takes = false;
  for (let port = 1; port <= 10_000; port++) rig.destroy(udp(port, rig.wall, [1, 60, 0, 0], { timeout: 5 }));
  const { schedule } = rig.destinations[0];
  t.is(rig.store.size, 50, 'the dead have half of it');
  t.is(schedule.endedOverflow.connections, 9_950);
  rig.advance(300_000);
  rig.poll([]);
  t.is(rig.store.size, 0, 'the stale timeout');
  t.is(schedule.stale.connections, 50);
});

test('clear removes pending events', t => {
  const rig = listening();
  rig.poll([]);
  rig.receive(changed(EVENT_NEW, udp(1, rig.wall, [1, 60, 0, 0])));
  rig.store.clear();
  t.is(rig.store.pendingEvents!.count, 0);
});

/** Microseconds, as the rows of the store have them. */
const handshakes = ({ store: { table } }: StoreRig): Record<number, number> => {
  const halves = new Uint16Array(table.bytes.buffer, table.bytes.byteOffset);
  const found: Record<number, number> = {};
  for (let slot = 0; slot < table.top; slot++)
    if (table.flags[slot] & IN_USE)
      found[halves[(slot * ROW_SIZE + ORIG_SPORT) >> 1]] = table.rows[slot * ROW_WORDS + (HANDSHAKE >> 2)];
  return found;
};

/** @param after microseconds after the rig's clock */
const stamped = (rig: StoreRig, port: number, event: number, which: number, after: number): Facts => ({
  ...changed(event, state(rig, port, which)),
  eventTime: nanoseconds(rig.wall) + BigInt(after) * 1_000n,
});

test('a handshake is as long as the kernel’s times of its events say, before and after a poll has shown it', t => {
  const rig = listening();
  rig.poll([]);
  const start = rig.wall;
  rig.receive(
    stamped(rig, 1, EVENT_NEW, SYN_SENT, 0),
    stamped(rig, 2, EVENT_NEW, SYN_SENT, 10),
    stamped(rig, 3, EVENT_NEW, SYN_SENT, 20),
    stamped(rig, 1, EVENT_UPDATE, SYN_RECV, 100),
    stamped(rig, 1, EVENT_UPDATE, ESTABLISHED, 12_345),
  );
  const connections = [1, 2, 3].map(port => tcp(port, start, [3, 180, 2, 120], { state: SYN_RECV }));
  rig.poll(connections);
  t.deepEqual(handshakes(rig), { 1: 12_345, 2: 0, 3: 0 });
  rig.receive(
    stamped(rig, 2, EVENT_UPDATE, ESTABLISHED, 3_000_010),
    stamped(rig, 3, EVENT_UPDATE, CLOSE, 30),
    stamped(rig, 1, EVENT_UPDATE, FIN_WAIT, 20_000),
  );
  rig.poll(connections);
  t.deepEqual(handshakes(rig), { 1: 12_345, 2: 3_000_000, 3: 0 });
});

test('without the kernel’s times a handshake is as long as from one event’s arrival to the other’s', t => {
  const rig = listening();
  rig.poll([]);
  const start = rig.wall;
  const event = (port: number, kind: number, which: number) => rig.receive(changed(kind, state(rig, port, which)));
  event(1, EVENT_NEW, SYN_SENT);
  rig.receive(changed(EVENT_NEW, state(rig, 2, SYN_SENT)), changed(EVENT_UPDATE, state(rig, 2, ESTABLISHED)));
  // the wall clock is set meanwhile
  rig.advance(25, -1_000);
  event(1, EVENT_UPDATE, ESTABLISHED);
  rig.destroy({ ...tcp(1, start, [5, 300, 4, 240], { state: TIME_WAIT }), stop: nanoseconds(start) });
  rig.destroy({ ...tcp(2, start, [5, 300, 4, 240], { state: TIME_WAIT }), stop: nanoseconds(start) });
  t.deepEqual(handshakes(rig), { 1: 25_000, 2: 1 }, 'one that is too short to be seen is the shortest');
});

test('a handshake whose beginning was not seen has no time, nor has the next connection in its slot', t => {
  const rig = listening();
  rig.poll([]);
  const start = rig.wall;
  rig.receive(
    // picked up in the middle
    stamped(rig, 1, EVENT_NEW, ESTABLISHED, 0),
    stamped(rig, 2, EVENT_UPDATE, ESTABLISHED, 0),
    stamped(rig, 3, EVENT_NEW, SYN_SENT, 0),
    stamped(rig, 3, EVENT_UPDATE, ESTABLISHED, 7),
  );
  rig.poll([1, 2, 3].map(port => tcp(port, start, [3, 180, 2, 120])));
  t.deepEqual(handshakes(rig), { 1: 0, 2: 0, 3: 7 });
  rig.destroy({ ...tcp(3, start, [5, 300, 4, 240], { state: TIME_WAIT }), stop: nanoseconds(start) });
  rig.due();
  rig.advance(10);
  rig.poll([1, 2, 4].map(port => tcp(port, rig.wall, [3, 180, 2, 120])));
  t.is(handshakes(rig)[4], 0);
});
