import test from 'ava';
import { ESTABLISHED, SYN_RECV } from '../../src/row/conntrack.js';
import { tcp, udp } from '../helpers/builders/connections.js';
import type { Facts } from '../helpers/builders/rows.js';
import { exportDue } from '../helpers/rigs/export-due.js';
import { StoreRig, type Report } from '../helpers/rigs/store-rig.js';

const HOUR = 3_600_000;
const U64_MAX = (1n << 64n) - 1n;

const told = (reports: readonly Report[]): [number, number][] => reports.map(({ port, reason }) => [port, reason]);

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
  const rig = new StoreRig();
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

test('every connection has its own deadlines, and is exported in their order', t => {
  const rig = new StoreRig();
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

test('a slice looks at no more connections than its budget, and reports whether more are due', t => {
  const rig = new StoreRig();
  rig.poll([1, 2, 3].map(port => tcp(port, rig.wall, [1, 60, 0, 0])));
  rig.advance(5_000);
  const { schedule } = rig.destinations[0];
  let taken = 0;
  const take = (): boolean => ++taken > 0;
  t.true(exportDue(schedule, rig.monotonic, 2, take));
  t.is(taken, 2);
  t.false(exportDue(schedule, rig.monotonic, 2, take));
  t.is(taken, 3);
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
test('a changed TCP state is something new', t => {
  const rig = new StoreRig();
  const facts = tcp(1, rig.wall, [1, 60, 0, 0], { state: SYN_RECV });
  rig.poll([facts]);
  rig.after(5_000);
  rig.poll([{ ...facts, state: ESTABLISHED }]);
  const [report] = rig.after(5_000);
  t.like(report, { reason: 2, state: ESTABLISHED });
  t.deepEqual(report.deltas, [0n, 0n, 0n, 0n]);
  t.is(rig.due().length, 0);
});

// antrea-io/antrea#8278
test('a changed end reason is something new, the same one is not', t => {
  const rig = new StoreRig();
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
  rig.after(5_000);
  t.deepEqual(told(rig.after(10_000)), [[1, 1]]);
  rig.advance(60_000);
  rig.poll([udp(1, start, [4, 400, 2, 200])]);
  const [report] = rig.after(5_000);
  t.like(report, { reason: 2, start });
  t.deepEqual(report.deltas, [1n, 100n, 0n, 0n]);
  t.deepEqual(told(rig.after(10_000)), [[1, 1]]);
});

// Counters

// antrea-io/antrea#2085, antrea-io/antrea#7882
test('counters beyond 2^53 and up to 2^64 - 1 are exported exactly, and never as a negative delta', t => {
  const rig = new StoreRig();
  const start = rig.wall;
  const steps = [0n, (1n << 53n) - 1n, (1n << 53n) + 1n, (1n << 63n) - 1n, 1n << 63n, U64_MAX - 1n, U64_MAX];
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
