import test from 'ava';
import { CtflowError } from '../../src/common/errors.js';
import { ConnectionStore } from '../../src/store/connection-store.js';
import { ESTABLISHED, SYN_SENT, TIME_WAIT } from '../../src/row/conntrack.js';
import { ping, tcp, udp, withoutStart } from '../helpers/builders/connections.js';
import type { Facts } from '../helpers/builders/rows.js';
import { StoreRig, type Report } from '../helpers/rigs/store-rig.js';

const ports = (reports: readonly Report[]): number[] => reports.map(({ port }) => port);
const HOUR = 3_600_000;

// First sight

test('baseline: the first delta counts only packets after first sight, the total is the kernel’s', t => {
  const rig = new StoreRig();
  const before = rig.wall - 1;
  rig.poll([tcp(1000, before, [100, 9_000, 80, 7_000])]);
  rig.advance(2_000);
  rig.poll([tcp(1000, before, [103, 9_500, 80, 7_000])]);
  const [report] = rig.after(3_000);
  t.deepEqual(report.deltas, [3n, 500n, 0n, 0n]);
  t.deepEqual(report.totals, [103n, 9_500n, 80n, 7_000n]);
});

test('baseline: a connection that began after the exporter is exported whole', t => {
  const rig = new StoreRig();
  const after = rig.wall;
  rig.advance(500);
  rig.poll([tcp(1000, after, [100, 9_000, 80, 7_000])]);
  t.deepEqual(rig.after(5_000)[0].deltas, [100n, 9_000n, 80n, 7_000n]);
});

test('baseline without timestamps: connections in the first complete poll are older than the exporter, later ones are not', t => {
  const rig = new StoreRig();
  rig.poll([withoutStart(udp(1000, 0, [5, 500, 0, 0]))], false);
  rig.poll([withoutStart(udp(1000, 0, [5, 500, 0, 0])), withoutStart(udp(2000, 0, [6, 600, 0, 0]))]);
  rig.poll([1000, 2000, 3000].map(port => withoutStart(udp(port, 0, [7, 700, 0, 0]))));
  t.deepEqual(
    rig.after(5_000).map(({ port, deltas }) => [port, deltas[1]]),
    [
      [1000, 200n],
      [2000, 100n],
      [3000, 700n],
    ],
  );
});

test('firstSight total: the first delta is the kernel’s total', t => {
  const rig = new StoreRig({ firstSight: 'total' });
  rig.poll([tcp(1000, rig.wall - HOUR, [100, 9_000, 80, 7_000])]);
  t.deepEqual(rig.after(5_000)[0].deltas, [100n, 9_000n, 80n, 7_000n]);
});

// End reasons

const vanished: [string, (wall: number) => Facts, number, number][] = [
  // antrea-io/antrea at its head: these two ended with reason 3
  ['UDP timed out in the kernel', w => udp(1, w, [1, 60, 0, 0], { timeout: 3 }), 5_000, 1],
  ['ICMP timed out in the kernel', w => ping(1, w, [1, 84, 1, 84], { timeout: 5 }), 5_000, 1],
  ['UDP deleted early', w => udp(1, w, [1, 60, 0, 0], { timeout: 100 }), 5_000, 4],
  ['ICMP deleted early', w => ping(1, w, [1, 84, 0, 0], { timeout: 29 }), 5_000, 4],
  [
    'a refused TCP handshake leaves at once',
    w => tcp(1, w, [1, 60, 1, 40], { state: SYN_SENT, timeout: 118 }),
    5_000,
    3,
  ],
  ['a TCP handshake without an answer', w => tcp(1, w, [1, 60, 0, 0], { state: SYN_SENT, timeout: 2 }), 5_000, 1],
  ['an established TCP connection deleted early', w => tcp(1, w, [9, 900, 9, 900], { timeout: 431_000 }), 5_000, 4],
  [
    'an established TCP connection that may have been reset and gone between two polls',
    w => tcp(1, w, [9, 900, 9, 900], { timeout: 431_000 }),
    10_000,
    3,
  ],
  ['an established TCP connection that was idle for days', w => tcp(1, w, [9, 900, 9, 900], { timeout: 4 }), 5_000, 1],
  ['TCP in FIN_WAIT', w => tcp(1, w, [9, 900, 9, 900], { state: 4, timeout: 100 }), 5_000, 3],
  ['TCP in LAST_ACK timed out', w => tcp(1, w, [9, 900, 9, 900], { state: 6, timeout: 2 }), 5_000, 3],
];
for (const [what, facts, gap, reason] of vanished) {
  test(`${what}, ends with ${reason}`, t => {
    const rig = new StoreRig({ destinations: [{ activeFlowExportTimeout: HOUR, idleFlowExportTimeout: HOUR }] });
    rig.poll([facts(rig.wall)]);
    rig.advance(gap);
    rig.poll([]);
    t.deepEqual(
      rig.due().map(report => report.reason),
      [reason],
    );
    t.is(rig.store.size, 0);
  });
}

// antrea-io/antrea#3650
test('an incomplete poll never ends an open connection', t => {
  const rig = new StoreRig({ destinations: [{ zeroDeltas: 'all' }] });
  const [a, b] = [tcp(1000, rig.wall, [1, 60, 1, 60]), udp(2000, rig.wall, [1, 60, 1, 60], { timeout: 2 })];
  rig.poll([a, b]);
  rig.after(5_000);
  for (let i = 0; i < 4; i++) {
    rig.poll([a], false);
    for (const { reason } of rig.after(5_000)) t.is(reason, 1, 'idle is all that they can be');
  }
  t.is(rig.store.size, 2);
  rig.poll([tcp(1000, rig.wall, [1, 60, 1, 60])].slice(1));
  t.is(rig.store.size, 1, 'until the last report is made; the end of the other has been told');
  rig.due();
  t.is(rig.store.size, 0);
});

test('the end reason is derived from the poll that saw the connection last, not from a failed one', t => {
  const rig = new StoreRig({ destinations: [{ activeFlowExportTimeout: HOUR, idleFlowExportTimeout: HOUR }] });
  rig.poll([
    udp(1, rig.wall, [1, 60, 1, 60], { timeout: 100 }),
    udp(2, rig.wall, [1, 60, 1, 60], { timeout: 9 }),
    tcp(3, rig.wall, [1, 60, 1, 60]),
  ]);
  rig.advance(5_000);
  rig.poll([], false);
  rig.advance(5_000);
  rig.poll([]);
  t.deepEqual(
    rig.due().map(({ port, reason }) => [port, reason]),
    [
      [1, 4],
      [2, 1],
      [3, 3],
    ],
  );
});

test('a recording replayed faster than it was made: timers run by the recorded clock', t => {
  const rig = new StoreRig({ firstSight: 'total' });
  rig.poll([udp(1, rig.wall, [1, 60, 1, 60], { timeout: 30 })]);
  rig.advance(1_000, 60_000);
  rig.poll([]);
  t.is(rig.due()[0].reason, 1);
});

test('the first connection of a reopened TCP tuple has end reason 3', t => {
  const rig = new StoreRig();
  rig.poll([tcp(1000, rig.wall, [5, 500, 5, 500])]);
  rig.advance(5_000);
  rig.poll([tcp(1000, rig.wall - 10, [1, 60, 0, 0], { state: SYN_SENT, timeout: 119 })]);
  t.like(rig.due()[0], { reason: 3, state: ESTABLISHED });
});

// What becomes of slots

// antrea-io/antrea#2516, antrea-io/antrea#3972
test('an ended connection that no collector takes is dropped after the stale timeout, and counted', t => {
  const rig = new StoreRig({ maxConnections: 128, destinations: [{ staleConnectionTimeout: 60_000 }] });
  rig.destinations[0].takes = false;
  for (let round = 0; round < 40; round++) {
    rig.poll([1, 2, 3].map(port => udp(round * 3 + port, rig.wall, [2, 200, 1, 50])));
    rig.after(5_000);
    t.true(rig.store.size <= 3 * 14, `${rig.store.size} in round ${round}`);
  }
  rig.poll([]);
  rig.advance(60_000);
  rig.poll([]);
  t.is(rig.store.size, 0);
  t.deepEqual(rig.destinations[0].schedule.stale, { connections: 120, packets: 360, octets: 30_000 });
});

test('a connection that the kernel still has stays, however long it is idle', t => {
  const rig = new StoreRig({ destinations: [{ staleConnectionTimeout: 60_000 }] });
  const start = rig.wall;
  const facts = tcp(1, start, [1, 100, 0, 0]);
  rig.poll([facts]);
  rig.after(5_000);
  for (let i = 0; i < 30; i++) {
    rig.poll([facts]);
    rig.after(60_000);
  }
  t.is(rig.store.size, 1);
  rig.poll([tcp(1, start, [3, 300, 0, 0])]);
  t.deepEqual(rig.after(5_000)[0].deltas, [2n, 200n, 0n, 0n]);
  t.is(rig.store.counts.added, 1);
});

test('a closed connection that the kernel still has is not stale', t => {
  const rig = new StoreRig({ destinations: [{ staleConnectionTimeout: 60_000 }] });
  rig.destinations[0].takes = false;
  const facts = tcp(1, rig.wall, [1, 100, 0, 0], { state: TIME_WAIT });
  for (let i = 0; i < 5; i++) {
    rig.poll([facts]);
    rig.after(60_000);
  }
  t.is(rig.destinations[0].schedule.stale.connections, 0);
  rig.destinations[0].takes = true;
  t.like(rig.due()[0], { port: 1, reason: 3 });
});

test('a key re-created again and again while no collector takes anything leaves no orphan', t => {
  const rig = new StoreRig();
  rig.destinations[0].takes = false;
  rig.advance(10);
  for (let i = 1; i <= 20; i++) {
    rig.poll([tcp(1, rig.wall - 1, [i, i * 100, 0, 0])]);
    rig.after(5_000);
    t.is(rig.store.size, i);
  }
  rig.destinations[0].takes = true;
  t.deepEqual(
    rig.due().map(({ deltas }) => deltas[0]),
    Array.from({ length: 20 }, (_, i) => BigInt(i + 1)),
  );
  t.is(rig.store.size, 1);
  rig.poll([]);
  rig.due();
  t.is(rig.store.size, 0);
});

test('a slot is reused only when every destination has exported its last record', t => {
  const rig = new StoreRig({ destinations: [{}, {}], maxConnections: 2 });
  const [, slow] = rig.destinations;
  slow.takes = false;
  const began = rig.wall;
  rig.poll([udp(1, began, [5, 500, 0, 0])]);
  rig.advance(5_000);
  rig.poll([udp(2, began, [6, 600, 0, 0])]);
  t.deepEqual(ports(rig.due(0)), [1]);
  t.deepEqual(rig.due(1), []);
  t.is(rig.store.size, 2, 'the slot of 1 is not free');
  rig.advance(1_000);
  rig.poll([udp(2, began, [7, 700, 0, 0]), udp(3, began, [8, 800, 0, 0])]);
  t.is(rig.store.counts.refused, 1);
  slow.takes = true;
  const [first] = rig.due(1);
  t.is(first.port, 1);
  t.deepEqual(first.deltas, [5n, 500n, 0n, 0n]);
  t.is(rig.store.size, 1);
  rig.advance(1_000);
  rig.poll([udp(2, began, [7, 700, 0, 0]), udp(3, began, [8, 800, 0, 0])]);
  for (const which of [0, 1]) {
    const reports = which === 0 ? rig.after(5_000) : rig.due(1);
    t.deepEqual(
      reports.map(({ port, deltas }) => [port, deltas[0]]),
      [
        [2, 7n],
        [3, 8n],
      ],
    );
  }
});

test('clear removes everything: index, lists, counts and export state', t => {
  const rig = new StoreRig({ destinations: [{}, {}] });
  const began = rig.wall;
  rig.poll([udp(1, began, [5, 500, 0, 0]), udp(2, began, [5, 500, 0, 0]), tcp(3, began, [1, 1, 1, 1], { state: 7 })]);
  rig.due(0);
  rig.poll([udp(1, began, [5, 500, 0, 0])]);
  rig.store.clear();
  t.is(rig.store.size, 0);
  t.deepEqual(rig.store.counts, new StoreRig().store.counts);
  for (const which of [0, 1]) {
    t.is(rig.destinations[which].schedule.nextDeadline(), Infinity);
    t.deepEqual(rig.after(60_000, which), []);
    t.deepEqual(rig.all(which), []);
  }
  rig.poll([udp(9, rig.wall, [7, 700, 0, 0])]);
  t.is(rig.store.size, 1);
  for (const which of [0, 1]) {
    const [report, ...none] = rig.after(5_000, which);
    t.deepEqual([report.port, report.deltas[0], none.length], [9, 7n, 0]);
  }
});

test('more destinations than a slot can count are refused', t => {
  const store = new ConnectionStore({ maxConnections: 1, firstSight: 'total', born: { wall: 0, monotonic: 0 } });
  const observer = {
    added(): void {},
    changed(): void {},
    countersReset(): void {},
    foundNew(): void {},
    lost(): void {},
    gone(): void {},
    over(): void {},
    evicted(): void {},
    cleared(): void {},
  };
  for (let i = 0; i < 255; i++) store.hold(observer);
  const error = t.throws(() => store.hold(observer), { instanceOf: CtflowError });
  t.is(error.code, 'CTFLOW_USAGE');
});

for (const events of [true, false]) {
  test(`a connection that complete dumps left out goes on from what was exported when it is there again (${events ? 'with' : 'without'} events)`, t => {
    const rig = new StoreRig();
    rig.store.expectEvents(events);
    rig.poll([]);
    rig.advance(1_000);
    const began = rig.wall;
    rig.poll([udp(1, began, [10, 1000, 0, 0])]);
    rig.after(5_000);
    rig.poll([]);
    rig.poll([]);
    rig.due();
    t.is(rig.store.size, 0, 'it was taken for ended');
    rig.poll([udp(1, began, [15, 1500, 2, 200])]);
    const [again] = rig.after(5_000);
    t.deepEqual(
      [again.deltas, again.totals],
      [
        [5n, 500n, 2n, 200n],
        [15n, 1500n, 2n, 200n],
      ],
    );
  });
}

test('a sweep that ends many connections goes on later, and ends each of them', t => {
  const rig = new StoreRig({ maxConnections: 5_000 });
  rig.poll(Array.from({ length: 5_000 }, (_, i) => udp(i + 1, rig.wall, [1, 100, 0, 0])));
  rig.store.beginPoll(rig.now(), rig.timeouts);
  const slices: number[] = [];
  const { schedule } = rig.destinations[0];
  for (let from = 0, before = 0; from >= 0; before = schedule.endedProgress.pushed) {
    from = rig.store.sweep(from, 65_536, rig.now());
    slices.push(schedule.endedProgress.pushed - before);
  }
  rig.store.endPoll(true);
  t.is(schedule.endedProgress.pushed, 5_000);
  t.true(slices.length > 2 && Math.max(...slices) < 2_500, `${slices}`);
});
