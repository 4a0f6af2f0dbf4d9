import test from 'ava';
import { ESTABLISHED, SYN_RECV, TIME_WAIT } from '../../src/row/conntrack.js';
import { tcp, udp } from '../helpers/builders/connections.js';
import type { Facts } from '../helpers/builders/rows.js';
import type { ExportSchedule } from '../../src/schedule/export-schedule.js';
import { DueSlots } from '../../src/schedule/due-slots.js';
import { exportDue } from '../helpers/rigs/export-due.js';
import { StoreRig, type Report } from '../helpers/rigs/store-rig.js';

const HOUR = 3_600_000;
const U64_MAX = (1n << 64n) - 1n;

const told = (reports: readonly Report[]): [number, number][] => reports.map(({ port, reason }) => [port, reason]);

/** Counted in one go; in slices it is as much. */
function count(schedule: ExportSchedule, now: number): number {
  const [whole, ...sliced] = [Number.MAX_SAFE_INTEGER, 1, 2].map(slice => {
    const counting = schedule.countDue(now, slice);
    for (;;) {
      const { done, value } = counting.next();
      if (done) return value;
    }
  });
  for (const one of sliced) if (one !== whole) throw new Error(`${one} in slices, ${whole} in one go`);
  return whole;
}

// Deadlines

test('a connection with new packets is exported when the active timeout is over, not a millisecond before', t => {
  const rig = new StoreRig();
  rig.poll([tcp(1, rig.wall, [1, 60, 0, 0])]);
  t.is(rig.destinations[0].schedule.nextDeadline(), rig.monotonic + 5_000);
  t.deepEqual(rig.after(4_999), []);
  t.deepEqual(told(rig.after(1)), [[1, 2]]);
});

test('after an export the active timeout starts again: new packets are exported at its end', t => {
  const rig = new StoreRig();
  const start = rig.wall;
  rig.poll([tcp(1, start, [1, 60, 0, 0])]);
  t.deepEqual(told(rig.after(5_000)), [[1, 2]]);
  rig.advance(4_000);
  rig.poll([tcp(1, start, [2, 120, 0, 0])]);
  t.deepEqual(rig.after(999), []);
  t.deepEqual(told(rig.after(1)), [[1, 2]]);
});

// antrea-io/antrea at its head
test('the idle timer is measured from the last counter change, not from the last export', t => {
  const rig = new StoreRig({ destinations: [{ zeroDeltas: 'all' }] });
  rig.poll([tcp(1, rig.wall, [1, 60, 0, 0])]);
  t.deepEqual(told(rig.after(5_000)), [[1, 2]]);
  t.deepEqual(rig.after(9_999), []);
  t.is(rig.destinations[0].schedule.nextDeadline(), rig.monotonic + 1);
  t.deepEqual(told(rig.after(1)), [[1, 1]]);
});

// antrea-io/antrea at its head
test('a silent flow’s idle timer fires before a longer active one', t => {
  const rig = new StoreRig({ destinations: [{ activeFlowExportTimeout: 60_000, idleFlowExportTimeout: 2_000 }] });
  rig.poll([tcp(1, rig.wall, [1, 60, 0, 0])]);
  t.deepEqual(rig.after(1_999), []);
  const [report] = rig.after(1);
  t.like(report, { reason: 1 });
  t.is(report.deltas[0], 1n);
  t.is(rig.destinations[0].schedule.nextDeadline(), Infinity);
  t.deepEqual(rig.after(HOUR), []);
});

// an offloaded connection and one that is not; neither has moved for long
const OFFLOADED = 0x400e;
const offloadedPair = (rig: StoreRig): Facts[] => [
  tcp(1, rig.wall, [1, 60, 0, 0], { status: OFFLOADED }),
  tcp(2, rig.wall, [1, 60, 0, 0]),
];

test('an offloaded connection is not idle where packets may pass uncounted, and goes on with its next ones', t => {
  const rig = new StoreRig({ destinations: [{ zeroDeltas: 'all' }] });
  rig.store.expectFlowtables(() => true);
  const [offloaded, other] = offloadedPair(rig);
  rig.poll([offloaded, other]);
  t.deepEqual(told(rig.after(5_000)), [
    [1, 2],
    [2, 2],
  ]);
  t.is(count(rig.destinations[0].schedule, rig.monotonic + 10_000), 1);
  t.deepEqual(told(rig.after(10_000)), [[2, 1]]);
  t.deepEqual(told(rig.after(HOUR)), []);
  rig.poll([{ ...offloaded, ...tcp(1, rig.wall - HOUR - 15_000, [2, 120, 0, 0], { status: OFFLOADED }) }, other]);
  t.deepEqual(told(rig.after(5_000)), [[1, 2]]);
});

test('an offloaded connection is idle as any other where each flowtable counts', t => {
  const rig = new StoreRig({ destinations: [{ zeroDeltas: 'all' }] });
  rig.store.expectFlowtables(() => false);
  rig.poll(offloadedPair(rig));
  rig.after(5_000);
  t.deepEqual(told(rig.after(10_000)), [
    [1, 1],
    [2, 1],
  ]);
});

test('every connection has its own deadlines, and is exported in their order', t => {
  const rig = new StoreRig({ destinations: [{ zeroDeltas: 'all' }] });
  const began = rig.wall;
  const seen: Facts[] = [];
  for (const port of [1, 2, 3]) {
    seen.push(tcp(port, began, [1, 60, 0, 0]));
    rig.poll(seen);
    rig.advance(1_000);
  }
  t.deepEqual(told(rig.after(2_000)), [[1, 2]]);
  t.deepEqual(told(rig.after(1_000)), [[2, 2]]);
  t.deepEqual(told(rig.after(1_000)), [[3, 2]]);
  t.deepEqual(told(rig.after(8_000)), [[1, 1]]);
  t.deepEqual(told(rig.after(2_000)), [
    [2, 1],
    [3, 1],
  ]);
  t.is(rig.destinations[0].schedule.nextDeadline(), Infinity);
});

test('a destination that takes nothing now receives everything later, and nothing twice', t => {
  const rig = new StoreRig();
  const [destination] = rig.destinations;
  rig.poll([tcp(1, rig.wall, [1, 60, 0, 0]), tcp(2, rig.wall, [2, 60, 0, 0])]);
  destination.takes = false;
  t.deepEqual(rig.after(5_000), []);
  destination.takes = true;
  t.deepEqual(told(rig.due()), [
    [1, 2],
    [2, 2],
  ]);
  t.deepEqual(rig.due(), []);
});

test('what is due is counted as it is exported: ended, closed, idle and active ones, with something new', t => {
  const rig = new StoreRig({ firstSight: 'total' });
  const { schedule } = rig.destinations[0];
  const live = (packets: number): Facts[] => [1, 2, 3].map(port => tcp(port, rig.wall, [packets, 60, 0, 0]));
  const closed = tcp(9, rig.wall, [1, 60, 1, 60], { state: TIME_WAIT });
  for (const [facts, wait] of [
    [[...live(1), tcp(7, rig.wall, [1, 60, 0, 0]), closed], 0],
    [[...live(1), closed], 5_000],
    [live(2), 1_000],
    [live(2), 20_000],
  ] as const) {
    rig.poll([...facts]);
    rig.advance(wait);
    const counted = count(schedule, rig.monotonic);
    t.is(counted, rig.due().length);
  }
  t.is(count(schedule, rig.monotonic), 0);
  schedule.endAll();
  t.is(count(schedule, rig.monotonic), rig.due().length);
});

test('what leaves its list while due connections are counted ends the count, not the exporter', t => {
  const rig = new StoreRig();
  rig.poll([1, 2, 3, 4].map(port => tcp(port, rig.wall, [1, 60, 0, 0])));
  rig.advance(5_000);
  const { schedule } = rig.destinations[0];
  const counting = schedule.countDue(rig.monotonic, 2);
  t.deepEqual(counting.next(), { done: false, value: undefined });
  t.is(rig.due().length, 4);
  t.deepEqual(counting.next(), { done: true, value: 2 });
});

test('a slice looks at no more connections than its budget, and reports whether more are due', t => {
  const rig = new StoreRig();
  rig.poll([1, 2, 3].map(port => tcp(port, rig.wall, [1, 60, 0, 0])));
  rig.advance(5_000);
  const { schedule } = rig.destinations[0];
  let taken = 0;
  const take = (): boolean => ++taken > 0;
  t.true(exportDue(schedule, rig.store.table, rig.monotonic, 2, take));
  t.is(taken, 2);
  t.false(exportDue(schedule, rig.store.table, rig.monotonic, 2, take));
  t.is(taken, 3);
});

test('whether a connection has counted is known without a look at its row', t => {
  const rig = new StoreRig();
  const { wall } = rig;
  const one = (packets: number) => tcp(1, wall, [packets, packets * 60, 0, 0]);
  rig.poll([one(1)]);
  t.is(rig.after(5_000).length, 1);
  const { schedule } = rig.destinations[0];
  const due = new DueSlots();
  rig.poll([one(2)]);
  rig.advance(5_000);
  const counters = rig.store.table.rows.slice(26, 34);
  // the row is what was exported, and nobody has said so
  rig.store.table.rows.set(
    schedule.slots.words.subarray(schedule.slots.countersAt(0), schedule.slots.countersAt(0) + 8),
    26,
  );
  schedule.due(rig.monotonic, due, 10, 10);
  t.deepEqual([due.count, due.news], [1, 1]);
  rig.store.table.rows.set(counters, 26);
  t.is(rig.due().length, 1);
  rig.poll([one(2)]);
  rig.store.table.rows[26] = 99;
  rig.advance(15_000);
  schedule.due(rig.monotonic, due, 10, 10);
  t.deepEqual([due.count, due.news], [1, 0]);
});

test('counters that are set to zero right after a record are no news', t => {
  const rig = new StoreRig();
  const { wall } = rig;
  const one = (packets: number) => tcp(1, wall, [packets, packets * 60, 0, 0]);
  rig.poll([one(3)]);
  t.is(rig.after(5_000).length, 1);
  rig.poll([one(0)]);
  t.is(rig.store.counts.counterResets, 1);
  t.deepEqual(rig.after(5_000), []);
  rig.poll([one(2)]);
  t.deepEqual(
    rig.after(5_000).map(({ deltas }) => deltas[0]),
    [2n],
  );
});

// What is news

// antrea-io/antrea#8278
test('a record with nothing new in it is not sent', t => {
  const rig = new StoreRig({ destinations: [{ idleFlowExportTimeout: HOUR }] });
  const facts = tcp(1, rig.wall, [1, 60, 0, 0]);
  rig.poll([facts]);
  t.is(rig.after(5_000).length, 1);
  for (let i = 0; i < 20; i++) {
    rig.poll([{ ...facts, timeout: 431_000 - i, status: 0xe }]);
    t.deepEqual(rig.after(5_000), []);
  }
});

// antrea-io/antrea#8278
test('a record without a packet is not sent: not at first sight, not idle, not at an end of any reason, not at shutdown', t => {
  const rig = new StoreRig();
  const old = rig.wall - 60_000;
  const idle = [tcp(1, old, [5, 300, 5, 300]), udp(2, old, [1, 60, 1, 60]), udp(3, old, [1, 60, 1, 60])];
  rig.poll(idle);
  t.deepEqual(rig.after(5_000), [], 'first sight');
  t.deepEqual(rig.after(15_000), [], 'idle');
  rig.poll([{ ...idle[0], state: TIME_WAIT }, idle[1]]);
  t.deepEqual(rig.due(), [], 'closed, and gone');
  t.is(rig.store.size, 2, 'what has nothing left to say holds no slot');
  t.deepEqual(rig.all(), [], 'shutdown');
  t.deepEqual(rig.destinations[0].schedule.countUnexported(), { connections: 0, packets: 0, octets: 0 });
});

// antrea-io/antrea#8278
test('one packet is one record: neither its idle end nor its end in the kernel is another', t => {
  for (const [facts, last] of [
    [udp(1, 1_700_000_000_000, [1, 60, 1, 60], { timeout: 18 }), 30],
    [tcp(1, 1_700_000_000_000, [1, 60, 1, 60]), 5],
  ] as const) {
    const rig = new StoreRig();
    rig.poll([facts]);
    t.deepEqual(told(rig.after(5_000)), [[1, 2]]);
    t.deepEqual(rig.after(15_000), []);
    rig.advance(last * 1_000);
    rig.poll([]);
    t.deepEqual(rig.due(), []);
    t.is(rig.store.size, 0);
  }
});

test('an ended connection with nothing new takes no room in the queue, and is no loss when the collector is away', t => {
  const rig = new StoreRig({ destinations: [{ endedQueue: 1, staleConnectionTimeout: 1_000 }] });
  const [destination] = rig.destinations;
  rig.poll([1, 2, 3].map(port => udp(port, rig.wall, [1, 60, 0, 0])));
  t.is(rig.after(5_000).length, 3);
  destination.takes = false;
  rig.poll([]);
  rig.advance(5_000);
  destination.schedule.dropStale();
  const { ended, stale, endedOverflow } = destination.schedule;
  t.deepEqual([ended, stale.connections, endedOverflow.connections], [0, 0, 0]);
});

test('without accounting the first and the last record are sent', t => {
  const rig = new StoreRig();
  const { counters: _, ...facts } = udp(1, rig.wall - 60_000, [0, 0, 0, 0], { timeout: 60 });
  rig.poll([facts]);
  t.deepEqual(told(rig.after(5_000)), [[1, 2]]);
  t.deepEqual(told(rig.after(10_000)), [[1, 1]]);
  rig.poll([]);
  t.deepEqual(told(rig.due()), [[1, 4]]);
});

test('zero deltas of ends: also the reason and the state that changed, but no first record without a packet', t => {
  const rig = new StoreRig({ destinations: [{ zeroDeltas: 'ends' }] });
  const start = rig.wall - 60_000;
  const old = tcp(1, start, [5, 300, 5, 300]);
  const young = tcp(2, rig.wall, [1, 60, 0, 0], { state: SYN_RECV });
  rig.poll([old, young]);
  t.deepEqual(told(rig.after(5_000)), [[2, 2]]);
  const established = { ...young, state: ESTABLISHED };
  rig.poll([old, established]);
  const [report, ...none] = rig.after(5_000);
  t.like(report, { port: 2, reason: 2, state: ESTABLISHED });
  t.deepEqual(report.deltas, [0n, 0n, 0n, 0n]);
  t.deepEqual(none, []);
  t.deepEqual(told(rig.after(5_000)), [
    [1, 1],
    [2, 1],
  ]);
  rig.poll([old, established]);
  t.deepEqual(rig.after(60_000), []);
  t.deepEqual(told(rig.all()), [
    [1, 4],
    [2, 4],
  ]);
});

test('all zero deltas: also the first record of a connection that has counted nothing since', t => {
  const rig = new StoreRig({ destinations: [{ zeroDeltas: 'all' }] });
  rig.poll([udp(1, rig.wall - 60_000, [5, 300, 5, 300])]);
  const [first] = rig.after(5_000);
  t.like(first, { reason: 2, deltas: [0n, 0n, 0n, 0n], totals: [5n, 300n, 5n, 300n] });
  t.deepEqual(told(rig.after(10_000)), [[1, 1]]);
  t.deepEqual(told(rig.all()), [[1, 4]]);
});

// antrea-io/antrea#8278
test('a changed end reason is something new where ends are told, the same one is not', t => {
  const rig = new StoreRig({ destinations: [{ zeroDeltas: 'ends' }] });
  rig.poll([udp(1, rig.wall, [1, 60, 0, 0], { timeout: 18 })]);
  t.deepEqual(told(rig.after(5_000)), [[1, 2]]);
  t.deepEqual(told(rig.after(10_000)), [[1, 1]]);
  rig.advance(5_000);
  rig.poll([]);
  t.deepEqual(rig.due(), [], 'timed out in the kernel, which the last record has said');
  t.is(rig.store.size, 0);
});

// antrea-io/antrea#1714
test('an idle flow that becomes active continues with its counters', t => {
  const rig = new StoreRig();
  const start = rig.wall;
  rig.poll([udp(1, start, [3, 300, 2, 200])]);
  t.deepEqual(told(rig.after(5_000)), [[1, 2]]);
  rig.after(10_000);
  rig.advance(60_000);
  rig.poll([udp(1, start, [4, 400, 2, 200])]);
  const [report] = rig.after(5_000);
  t.like(report, { reason: 2, start });
  t.deepEqual(report.deltas, [1n, 100n, 0n, 0n]);
});

// Counters

// antrea-io/antrea#2085, antrea-io/antrea#7882
test('counters beyond 2^53 and up to 2^64 - 1 are exported exactly, and never as a negative delta', t => {
  const rig = new StoreRig();
  const start = rig.wall;
  const steps = [1n, (1n << 53n) - 1n, (1n << 53n) + 1n, (1n << 63n) - 1n, 1n << 63n, U64_MAX - 1n, U64_MAX];
  let sum = 0n;
  for (const value of steps) {
    rig.poll([tcp(1, start, [value, value, 0, 0])]);
    const [report] = rig.after(5_000);
    sum += report.deltas[1];
    t.is(sum, value);
    t.is(report.totals[1], value);
    t.deepEqual(report.deltas[0], report.deltas[1]);
  }
});
