import test from 'ava';
import { END_OF_FLOW, FORCED_END, IDLE_TIMEOUT } from '../../src/store/end-reason.js';
import { SYN_SENT, TIME_WAIT } from '../../src/row/conntrack.js';
import { EVENT_NEW, ID_WORD } from '../../src/row/layout.generated.js';
import { changed, tcp, udp } from '../helpers/builders/connections.js';
import { nanoseconds, rows, type Facts } from '../helpers/builders/rows.js';
import { StoreRig } from '../helpers/rigs/store-rig.js';

/** What DESTROY tells of a connection that expired: no remaining time. */
const expired = (facts: Facts, stop: number): Facts => {
  const { timeout: _, ...rest } = facts;
  return { ...rest, stop: nanoseconds(stop) };
};

const listening = (options: ConstructorParameters<typeof StoreRig>[0] = {}): StoreRig => {
  const rig = new StoreRig(options);
  rig.store.expectEvents(true);
  rig.poll([]);
  rig.advance(100);
  return rig;
};

test('the final counters are those of the DESTROY event, with the packets after the last poll', t => {
  const rig = listening();
  const start = rig.wall;
  rig.poll([udp(1, start, [1, 60, 1, 90])]);
  t.deepEqual(rig.after(5_000)[0].deltas, [1n, 60n, 1n, 90n]);
  rig.destroy(expired(udp(1, start, [4, 240, 3, 270]), rig.wall));
  const [last, ...none] = rig.due();
  t.like(last, { reason: IDLE_TIMEOUT });
  t.deepEqual([last.deltas, last.totals, none.length], [[3n, 180n, 2n, 180n], [4n, 240n, 3n, 270n], 0]);
  t.is(rig.store.size, 0);
});

test('a connection between two polls has its record from its DESTROY alone', t => {
  const rig = listening();
  const start = rig.wall;
  rig.advance(2_000);
  rig.destroy(tcp(1, start, [1, 60, 1, 40], { state: SYN_SENT, timeout: 118, stop: nanoseconds(start + 5) }));
  const [report, ...none] = rig.due();
  t.like(report, { reason: END_OF_FLOW, start, end: start + 5 });
  t.deepEqual([report.deltas, none.length], [[1n, 60n, 1n, 40n], 0]);
  t.is(rig.store.counts.unseen, 1);
  t.is(rig.store.size, 0);
});

test('a connection older than the exporter that only its DESTROY shows has its past as the baseline', t => {
  const rig = listening();
  rig.destroy(expired(udp(1, rig.wall - 60_000, [9, 900, 0, 0]), rig.wall));
  t.deepEqual(rig.due(), []);
  t.is(rig.store.size, 0);
  t.like(rig.store.counts, { destroyed: 1, unseen: 1, earlier: 1 });
});

test('a dump row older than the DESTROY does not restore the connection', t => {
  const rig = listening();
  const facts = udp(1, rig.wall, [2, 120, 0, 0]);
  rig.store.beginDump();
  rig.store.beginPoll(rig.now(), rig.timeouts);
  rig.destroy(expired(facts, rig.wall));
  rig.store.merge(rows(facts), rig.now());
  rig.store.endPoll(true);
  t.is(rig.due().length, 1);
  t.is(rig.store.size, 0);
});

test('a connection missing from a poll waits for its event, and ends without it after another complete poll', t => {
  const rig = listening();
  const start = rig.wall;
  rig.poll([tcp(1, start, [5, 500, 0, 0], { state: TIME_WAIT }), udp(2, start, [1, 60, 0, 0])]);
  t.is(rig.due().length, 1);
  rig.advance(5_000);
  rig.poll([]);
  t.is(rig.store.size, 2);
  rig.poll([], false);
  t.is(rig.store.size, 2, 'a poll that was not whole ends nothing');
  rig.destroy(expired(tcp(1, start, [9, 900, 0, 0], { state: TIME_WAIT }), rig.wall));
  t.deepEqual(rig.due()[0].deltas, [4n, 400n, 0n, 0n]);
  rig.advance(5_000);
  rig.poll([]);
  rig.due();
  t.is(rig.store.size, 0);
  rig.destroy(expired(udp(2, start, [3, 180, 0, 0]), rig.wall));
  t.deepEqual(rig.due(), []);
  t.deepEqual(
    rig.store.counts.late,
    { connections: 1, packets: 2, octets: 120 },
    'it is not told twice, and what is lost is counted',
  );
  t.is(rig.store.counts.eventless, 1);
});

test('a tuple reopened in a dump: the first connection still gets its own last counters', t => {
  const rig = listening();
  const start = rig.wall;
  const first = tcp(1, start, [5, 500, 0, 0]);
  rig.poll([first]);
  rig.after(5_000);
  rig.store.beginDump();
  rig.store.beginPoll(rig.now(), rig.timeouts);
  rig.store.merge(rows(tcp(1, rig.wall - 10, [1, 60, 0, 0])), rig.now());
  rig.destroy(expired({ ...first, counters: [7, 700, 0, 0] }, rig.wall));
  rig.store.endPoll(true);
  t.deepEqual(
    rig.due().map(({ deltas }) => deltas[0]),
    [2n],
  );
  t.deepEqual(
    rig.after(5_000).map(({ deltas }) => deltas[0]),
    [1n],
  );
});

test('a tuple reopened and destroyed before the DESTROY of the first: each has its own record', t => {
  const rig = listening();
  const start = rig.wall;
  rig.poll([udp(1, start, [5, 500, 0, 0])]);
  rig.after(5_000);
  rig.destroy(expired(udp(1, rig.wall, [1, 60, 0, 0]), rig.wall));
  rig.destroy(expired(udp(1, start, [6, 600, 0, 0]), rig.wall));
  t.deepEqual(
    rig
      .due()
      .map(({ deltas }) => deltas[0])
      .toSorted(),
    [1n, 1n],
  );
  t.is(rig.store.size, 0);
});

test('the end of one that expired is its stop less its timeout, of one that was deleted its stop', t => {
  const rig = listening();
  const start = rig.wall;
  rig.poll([udp(1, start, [1, 60, 0, 0]), udp(2, start, [1, 60, 0, 0])]);
  rig.after(5_000);
  rig.advance(130_000);
  const stop = rig.wall - 3_000;
  rig.destroy(expired(udp(1, start, [2, 120, 0, 0]), stop), {
    ...udp(2, start, [2, 120, 0, 0], { timeout: 50 }),
    stop: nanoseconds(stop),
  });
  t.like(rig.due(), [
    { reason: IDLE_TIMEOUT, end: stop - 120_000 },
    { reason: FORCED_END, end: stop },
  ]);
});

test('a record with nothing new in it is not sent when the event brings nothing', t => {
  const rig = listening();
  const start = rig.wall;
  const closed = tcp(1, start, [5, 500, 0, 0], { state: TIME_WAIT });
  rig.poll([closed]);
  t.is(rig.due().length, 1);
  rig.destroy(expired(closed, rig.wall));
  t.deepEqual(rig.due(), []);
  t.is(rig.store.size, 0);
});

test('at the limit an ended connection is stored as an open one is, or is counted', t => {
  const rig = listening({ maxConnections: 1 });
  const start = rig.wall;
  rig.poll([udp(1, start, [1, 60, 0, 0])]);
  rig.destroy(expired(udp(2, start, [1, 60, 0, 0]), rig.wall));
  t.is(rig.store.counts.refused, 1);
  rig.advance(5_000);
  rig.poll([udp(1, start, [1, 60, 0, 0])]);
  rig.advance(1_000);
  rig.store.beginPoll(rig.now(), rig.timeouts);
  rig.destroy(expired(udp(3, rig.wall, [1, 60, 0, 0]), rig.wall));
  t.is(rig.store.counts.evicted, 1);
});

test('while events are delayed no poll ends a connection without its event', t => {
  const rig = listening();
  const start = rig.wall;
  rig.poll([udp(1, start, [1, 60, 0, 0]), tcp(2, start, [5, 500, 0, 0])]);
  t.is(rig.after(5_000).length, 2);
  rig.store.delayEnds(true);
  for (let polls = 0; polls < 3; polls++) {
    rig.advance(1_000);
    rig.poll([tcp(2, start + 500, [1, 40, 0, 0])]);
  }
  t.is(rig.store.counts.eventless, 0);
  rig.destroy(expired(udp(1, start, [3, 180, 0, 0]), rig.wall), expired(tcp(2, start, [9, 900, 0, 0]), rig.wall));
  const told = rig.after(5_000).map(({ deltas }) => deltas);
  t.true(
    told.some(deltas => deltas[0] === 2n && deltas[1] === 120n),
    'what the poll did not show',
  );
  t.true(
    told.some(deltas => deltas[0] === 4n && deltas[1] === 400n),
    'whose tuple was opened again',
  );
  t.is(rig.store.counts.late.connections, 0);
});

test('an event delivered again, because another listener had no room for it, changes nothing', t => {
  const rig = listening();
  const start = rig.wall;
  rig.poll([udp(1, start, [1, 60, 0, 0])]);
  const ends = [
    expired(udp(1, start, [3, 180, 0, 0]), rig.wall),
    tcp(2, start, [1, 60, 1, 40], { state: SYN_SENT, stop: nanoseconds(start + 5) }),
  ];
  rig.destroy(...ends);
  t.is(rig.due().length, 2);
  rig.poll([udp(1, start + 50, [1, 60, 0, 0])]);
  rig.destroy(...ends);
  t.is(rig.due().length, 0);
  t.is(rig.store.size, 1, 'the tuple was opened again');
  t.like(rig.store.counts, { destroyed: 2, repeated: 2 });
});

/** As without nf_conntrack_timestamp. */
const unstamped = (facts: Facts): Facts => {
  const { start: _, stop: __, ...rest } = facts;
  return rest;
};

test('without timestamps an event delivered again is not exported again, however often it comes', t => {
  const rig = listening();
  rig.poll([unstamped(udp(1, 0, [1, 60, 0, 0]))]);
  const ends = [udp(1, 0, [3, 180, 0, 0]), udp(2, 0, [5, 300, 0, 0])].map(facts => unstamped(expired(facts, 0)));
  for (let times = 0; times < 4; times++) rig.destroy(...ends);
  t.is(rig.due().length, 2);
  rig.poll([]);
  rig.destroy(...ends);
  t.is(rig.due().length, 0);
  t.like(rig.store.counts, { destroyed: 2, ambiguous: { connections: 8, packets: 32, octets: 1920 } });
});

test('without timestamps a connection that a dump has shown since is another one, with the same id, tuple and counters', t => {
  const rig = listening();
  const exchange = unstamped(udp(1, 0, [1, 60, 1, 90]));
  for (let times = 0; times < 5; times++) {
    rig.poll([exchange]);
    rig.destroy(exchange);
    rig.destroy(exchange);
    rig.advance(1_000);
  }
  t.deepEqual(
    rig.due().map(({ deltas }) => deltas[0]),
    [1n, 1n, 1n, 1n, 1n],
  );
  t.is(rig.store.counts.ambiguous.connections, 5);
});

test('without timestamps a repeated event is not the end of a later connection of its tuple', t => {
  const rig = listening();
  const first = unstamped(udp(1, 0, [9, 900, 0, 0]));
  rig.destroy(first);
  rig.poll([unstamped(udp(1, 0, [2, 200, 0, 0], { id: 5 }))]);
  rig.destroy(first);
  rig.due();
  t.is(rig.store.size, 1);
  rig.poll([unstamped(udp(1, 0, [9, 900, 0, 0], { id: 5 }))]);
  rig.destroy(first);
  t.is(rig.store.size, 1, 'though it has counted as much');
});

test('without timestamps a connection whose NEW event came since is another one', t => {
  const rig = listening({ changes: true });
  const exchange = unstamped(udp(1, 0, [1, 60, 1, 90]));
  for (let times = 0; times < 3; times++) {
    rig.receive(changed(EVENT_NEW, exchange));
    rig.destroy(exchange);
    rig.destroy(exchange);
  }
  t.is(rig.due().length, 3);
  t.like(rig.store.counts, { repeated: 3, ambiguous: { connections: 0 } });
});

test('an end that may have come before more ends than are remembered is counted and not exported', t => {
  const rig = listening({ maxConnections: 300_000 });
  const first = expired(udp(1, rig.wall, [3, 180, 0, 0]), rig.wall + 1);
  rig.destroy(first);
  rig.due();
  const batch = rows(expired(udp(2, rig.wall, [1, 60, 0, 0]), rig.wall + 2));
  for (let id = 1; id <= 300_000; id++) {
    batch.u32[ID_WORD] = id;
    rig.store.applyDestroys(batch, rig.now());
    if (id % 1_000 === 0) rig.due();
  }
  rig.due();
  rig.destroy(first, expired(udp(3, rig.wall, [7, 420, 0, 0]), rig.wall + 3));
  t.deepEqual(
    rig.due().map(({ port }) => port),
    [3],
  );
  t.like(rig.store.counts, { repeated: 0, ambiguous: { connections: 1, packets: 3, octets: 180 } });
});

test('a repeated late event is counted as late once', t => {
  const rig = listening();
  const start = rig.wall;
  rig.poll([udp(1, start, [1, 60, 0, 0])]);
  rig.poll([]);
  rig.poll([]);
  rig.due();
  for (let times = 0; times < 2; times++) rig.destroy(expired(udp(1, start, [3, 180, 0, 0]), rig.wall));
  t.is(rig.due().length, 0);
  t.like(rig.store.counts, { late: { connections: 1, packets: 2, octets: 120 }, repeated: 1 });
});

test('the last packet of a connection that ended before the first poll is known where the timeouts are', t => {
  const rig = new StoreRig();
  const start = rig.wall;
  rig.advance(200_000);
  rig.store.expectTimeouts(rig.timeouts);
  // an assured UDP exchange expires 120 s after its last packet
  rig.destroy(expired(udp(1, start + 1, [4, 240, 3, 270]), rig.wall));
  t.is(rig.due()[0].end, rig.wall - 120_000);
});
