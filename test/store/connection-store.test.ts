import test from 'ava';
import { CtflowError } from '../../src/common/errors.js';
import { ConnectionStore } from '../../src/store/connection-store.js';
import { ESTABLISHED, SYN_SENT, TIME_WAIT } from '../../src/row/conntrack.js';
import { ping, tcp, udp, withoutStart } from '../helpers/builders/connections.js';
import { nanoseconds, rows, type Facts } from '../helpers/builders/rows.js';
import { StoreRig, type Report } from '../helpers/rigs/store-rig.js';

const ports = (reports: readonly Report[]): number[] => reports.map(({ port }) => port);
const HOUR = 3_600_000;

// Times

test('A#2308: without timestamps the flow start is the moment of first sight, set once and never after the end', t => {
  const rig = new StoreRig();
  const first = rig.wall;
  for (let packets = 1; packets <= 8; packets++) {
    rig.poll([withoutStart(tcp(1000, 0, [packets, packets * 60, 0, 0]))]);
    for (const { start, end } of rig.after(5_000)) {
      t.is(start, first);
      t.true(end >= start && end <= rig.wall);
    }
  }
  t.is(rig.destinations[0].reports.length, 8);
});

test('A#2308: an estimated start stays what it was at first sight', t => {
  const rig = new StoreRig();
  const first = rig.wall - 60_400;
  for (const drift of [0, 400, 900, 100]) {
    const facts = withoutStart(udp(1000, 0, [drift + 1, 60, 0, 0]));
    rig.poll([{ ...facts, startEstimate: nanoseconds(first + drift) }]);
    rig.advance(5_000);
  }
  t.is(rig.due()[0].start, first);
});

test('the kernel’s start is told to the millisecond, whatever the nanoseconds', t => {
  const rig = new StoreRig();
  rig.poll([{ ...tcp(1000, 0, [1, 60, 0, 0]), start: 1_699_999_999_123_999_999n }]);
  t.is(rig.after(5_000)[0].start, 1_699_999_999_123);
});

test('A#4001: the flow end is the time of the last packet, not of the poll, and moves only when counters moved', t => {
  const rig = new StoreRig();
  const start = rig.wall - 1_000;
  rig.poll([tcp(1000, start, [1, 60, 0, 0], { timeout: 431_999 })]);
  const seen = rig.wall;
  t.is(rig.after(5_000)[0].end, seen - 1_000);
  for (let idle = 0; idle < 3; idle++) {
    rig.poll([tcp(1000, start, [1, 60, 0, 0], { timeout: 431_990 - idle * 5 })]);
    rig.advance(5_000);
  }
  const [idle] = rig.due();
  t.like(idle, { reason: 1, end: seen - 1_000 });
  rig.poll([tcp(1000, start, [2, 120, 0, 0], { timeout: 431_997 })]);
  const moved = rig.wall - 3_000;
  t.is(rig.after(5_000)[0].end, moved);
});

test('the flow end lies behind the previous poll that saw the connection', t => {
  const rig = new StoreRig();
  const start = rig.wall - 10_000;
  rig.poll([udp(1000, start, [1, 60, 0, 0], { timeout: 115 })]);
  const first = rig.wall;
  rig.advance(5_400);
  // six seconds ago, and a fraction of a second less: within the window, and not before it
  rig.poll([udp(1000, start, [2, 120, 0, 0], { timeout: 114 })]);
  t.is(rig.due()[0].end, first);
});

test('the flow end lies behind an incomplete poll that saw the connection', t => {
  const rig = new StoreRig();
  const start = rig.wall - 10_000;
  rig.poll([udp(1000, start, [1, 60, 0, 0])]);
  rig.advance(5_000);
  rig.poll([udp(1000, start, [1, 60, 0, 0], { timeout: 115 })], false);
  const second = rig.wall;
  rig.advance(5_400);
  rig.poll([udp(1000, start, [2, 120, 0, 0], { timeout: 114 })]);
  t.is(rig.destinations[0].schedule.nextDeadline() <= rig.monotonic, true);
  t.is(rig.due()[0].end, second);
});

test('the flow end never goes back, when a slow dump has read it later than it began', t => {
  const rig = new StoreRig();
  const start = rig.wall - 10_000;
  rig.store.beginPoll(rig.now(), rig.timeouts);
  rig.advance(700);
  rig.store.merge(rows(udp(1000, start, [1, 60, 0, 0])), rig.now());
  rig.store.endPoll(true);
  const first = rig.wall;
  rig.advance(5_000 - 700);
  rig.poll([udp(1000, start, [2, 120, 0, 0], { timeout: 115 })]);
  t.is(rig.after(5_000)[0].end, first);
});

test('where no timeout fits, the poll’s time stands', t => {
  const cases: [string, Facts][] = [
    ['a longer remaining timeout than any', { timeout: 500_000 }],
    ['a last packet before the previous poll', { timeout: 431_980 }],
    ['a fixed timeout', { timeout: 431_998, status: 0x1e | (1 << 10) }],
    ['an offloaded connection', { timeout: 431_998, status: 0x1e | (1 << 14) }],
    ['a connection offloaded to hardware', { timeout: 431_998, status: 0x1e | (1 << 15) }],
  ];
  for (const [what, facts] of cases) {
    const rig = new StoreRig();
    const start = rig.wall - 60_000;
    rig.poll([tcp(1000, start, [1, 60, 0, 0])]);
    rig.advance(5_000);
    rig.poll([tcp(1000, start, [2, 120, 0, 0], facts)]);
    t.is(rig.due()[0].end, rig.wall, what);
  }
  const rig = new StoreRig();
  const { timeout: _, ...unknown } = tcp(1000, rig.wall - 60_000, [1, 60, 0, 0]);
  rig.poll([unknown]);
  const seen = rig.wall;
  t.is(rig.after(5_000)[0].end, seen, 'no timeout known');
});

test('one unacknowledged segment: an established connection shows 299 s, not 432,000', t => {
  const rig = new StoreRig();
  const start = rig.wall - 60_000;
  rig.poll([tcp(1000, start, [1, 60, 0, 0])]);
  rig.advance(5_000);
  rig.poll([tcp(1000, start, [2, 120, 0, 0], { timeout: 298 })]);
  const seen = rig.wall;
  t.is(rig.due()[0].end, seen - 2_000);
});

test('without accounting the end is the poll that saw the connection first', t => {
  const rig = new StoreRig();
  const { counters: _, ...facts } = tcp(1000, rig.wall - 60_000, [0, 0, 0, 0], { timeout: 431_000 });
  rig.poll([facts]);
  const seen = rig.wall;
  t.is(rig.after(5_000)[0].end, seen);
});

test('a wall clock that steps back an hour neither expires nor freezes, and no end is before its start', t => {
  const rig = new StoreRig();
  const start = rig.wall;
  rig.poll([tcp(1000, start, [1, 60, 0, 0]), tcp(2000, start, [1, 60, 0, 0])]);
  rig.advance(4_999, 4_999 - HOUR);
  t.deepEqual(rig.due(), []);
  rig.poll([tcp(1000, start, [2, 120, 0, 0]), tcp(2000, start, [1, 60, 0, 0])]);
  t.is(rig.store.counts.reopened, 0);
  const reports = rig.after(1);
  t.deepEqual(ports(reports), [1000, 2000]);
  t.deepEqual(reports[0].deltas, [2n, 120n, 0n, 0n]);
  for (const { start: from, end } of reports) t.true(end >= from);
  t.deepEqual(ports(rig.after(10_000)), [2000], 'idle since the first poll, on the monotonic clock');
  rig.poll([tcp(1000, start, [3, 180, 0, 0]), tcp(2000, start, [1, 60, 0, 0])]);
  t.deepEqual(rig.after(5_000)[0].deltas, [1n, 60n, 0n, 0n]);
});

test('a wall clock that steps back by less than a second puts no end into the future', t => {
  const rig = new StoreRig();
  const start = rig.wall - 60_000;
  rig.poll([tcp(1, start, [1, 60, 0, 0])]);
  rig.advance(5_000, -500);
  rig.poll([tcp(1, start, [2, 120, 0, 0])]);
  t.is(rig.due()[0].end, rig.wall);
});

test('a start in the future, after the wall clock stepped back, is now', t => {
  const rig = new StoreRig();
  rig.poll([tcp(1, rig.wall + HOUR, [1, 60, 0, 0])]);
  const seen = rig.wall;
  t.like(rig.after(5_000)[0], { start: seen, end: seen });
});

test('a wall clock that steps back an hour makes no old connection of a new one', t => {
  const rig = new StoreRig();
  rig.poll([]);
  rig.advance(5_000, -HOUR);
  rig.poll([tcp(1000, rig.wall - 100, [3, 180, 2, 120])]);
  t.deepEqual(rig.after(5_000)[0].deltas, [3n, 180n, 2n, 120n]);
});

test('a wall clock that steps forward an hour makes no new connection of an old one', t => {
  const rig = new StoreRig();
  const before = rig.wall - 1;
  rig.advance(5_000, HOUR);
  rig.poll([tcp(1000, before, [3, 180, 2, 120])]);
  t.deepEqual(rig.after(5_000)[0].deltas, [0n, 0n, 0n, 0n]);
});

// First sight

test('baseline: the first delta counts only what came after first sight, the total is the kernel’s', t => {
  const rig = new StoreRig();
  const before = rig.wall - 1;
  rig.poll([tcp(1000, before, [100, 9_000, 80, 7_000])]);
  rig.advance(2_000);
  rig.poll([tcp(1000, before, [103, 9_500, 80, 7_000])]);
  const [report] = rig.after(3_000);
  t.deepEqual(report.deltas, [3n, 500n, 0n, 0n]);
  t.deepEqual(report.totals, [103n, 9_500n, 80n, 7_000n]);
});

test('baseline: a connection that began after the exporter is told whole', t => {
  const rig = new StoreRig();
  const after = rig.wall;
  rig.advance(500);
  rig.poll([tcp(1000, after, [100, 9_000, 80, 7_000])]);
  t.deepEqual(rig.after(5_000)[0].deltas, [100n, 9_000n, 80n, 7_000n]);
});

test('baseline without timestamps: what the first whole poll shows was there before, what comes later was not', t => {
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

test('firstSight total: the first delta is all that the kernel has counted', t => {
  const rig = new StoreRig({ firstSight: 'total' });
  rig.poll([tcp(1000, rig.wall - HOUR, [100, 9_000, 80, 7_000])]);
  t.deepEqual(rig.after(5_000)[0].deltas, [100n, 9_000n, 80n, 7_000n]);
});

// End reasons

const vanished: [string, (wall: number) => Facts, number, number][] = [
  ['A, at head: UDP timed out in the kernel', w => udp(1, w, [1, 60, 0, 0], { timeout: 3 }), 5_000, 1],
  ['A, at head: ICMP timed out in the kernel', w => ping(1, w, [1, 84, 1, 84], { timeout: 5 }), 5_000, 1],
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

test('A#3650: an incomplete poll never ends a live flow', t => {
  const rig = new StoreRig();
  const [a, b] = [tcp(1000, rig.wall, [1, 60, 1, 60]), udp(2000, rig.wall, [1, 60, 1, 60], { timeout: 2 })];
  rig.poll([a, b]);
  rig.after(5_000);
  for (let i = 0; i < 4; i++) {
    rig.poll([a], false);
    for (const { reason } of rig.after(5_000)) t.is(reason, 1, 'idle is all that they can be');
  }
  t.is(rig.store.size, 2);
  rig.poll([tcp(1000, rig.wall, [1, 60, 1, 60])].slice(1));
  t.is(rig.store.size, 2, 'until the last reports are made');
  rig.due();
  t.is(rig.store.size, 0);
});

test('the reason counts from the poll that saw the connection last, not from one that failed to', t => {
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

test('a recording is played faster than it was made: a timer runs out by the recorded clock', t => {
  const rig = new StoreRig({ firstSight: 'total' });
  rig.poll([udp(1, rig.wall, [1, 60, 1, 60], { timeout: 30 })]);
  rig.advance(1_000, 60_000);
  rig.poll([]);
  t.is(rig.due()[0].reason, 1);
});

test('a TCP tuple that was reopened had been closed: its first connection ends with 3', t => {
  const rig = new StoreRig();
  rig.poll([tcp(1000, rig.wall, [5, 500, 5, 500])]);
  rig.advance(5_000);
  rig.poll([tcp(1000, rig.wall - 10, [1, 60, 0, 0], { state: SYN_SENT, timeout: 119 })]);
  t.like(rig.due()[0], { reason: 3, state: ESTABLISHED });
});

// The limit

test('A#7198: at the hard limit the oldest idle connection goes with reason 5 and what is unreported of it; it is counted', t => {
  const rig = new StoreRig({ maxConnections: 3 });
  const began = rig.wall;
  rig.poll([tcp(1, began, [1, 100, 0, 0]), tcp(2, began, [1, 100, 0, 0]), tcp(3, began, [1, 100, 0, 0])]);
  rig.after(5_000);
  rig.poll([tcp(1, began, [1, 100, 0, 0]), tcp(2, began, [4, 400, 0, 0]), tcp(3, began, [1, 100, 0, 0])]);
  rig.advance(2_000);
  rig.poll([tcp(1, began, [2, 200, 0, 0]), tcp(2, began, [4, 400, 0, 0]), tcp(3, began, [1, 100, 0, 0])]);
  rig.advance(1_000);
  const started = rig.wall - 500;
  // 3 is the oldest idle one, then 2
  rig.poll([
    tcp(1, began, [2, 200, 0, 0]),
    tcp(4, started, [1, 60, 0, 0]),
    tcp(5, started, [1, 60, 0, 0]),
    tcp(2, began, [4, 400, 0, 0]),
    tcp(3, began, [1, 100, 0, 0]),
  ]);
  const [third, second, ...none] = rig.destinations[0].evicted;
  t.like(third, { port: 3, reason: 5 });
  t.deepEqual(third.deltas, [0n, 0n, 0n, 0n]);
  t.like(second, { port: 2, reason: 5 });
  t.deepEqual(second.deltas, [3n, 300n, 0n, 0n]);
  t.deepEqual(none, []);
  t.like(rig.store.counts, { evicted: 2, refused: 2 });
  t.is(rig.store.size, 3);
});

test('at the limit connections do not take turns: who was put out stays out while the others stay', t => {
  const rig = new StoreRig({ maxConnections: 2 });
  const began = rig.wall;
  const all = (): Facts[] => [1, 2, 3].map(port => tcp(port, began + port, [1, 60, 0, 0]));
  rig.poll(all().slice(0, 2));
  for (let i = 0; i < 5; i++) {
    rig.advance(5_000);
    rig.poll(all());
  }
  t.is(rig.store.counts.evicted, 1);
  t.is(rig.store.counts.refused, 4, 'once in each poll that followed');
});

test('at the limit a newcomer is refused when every connection has moved in this poll, and is counted', t => {
  const rig = new StoreRig({ maxConnections: 2 });
  const began = rig.wall;
  rig.poll([1, 2, 3].map(port => tcp(port, began, [1, 60, 0, 0])));
  t.like(rig.store.counts, { added: 2, evicted: 0, refused: 1 });
});

for (const firstSight of ['baseline', 'total'] as const) {
  for (const known of [true, false]) {
    const title = `${firstSight}, ${known ? 'with' : 'without'} timestamps`;
    const facts = (port: number, started: number, packets: number): Facts => {
      const whole = udp(port, started, [packets, packets * 100, 0, 0]);
      return known ? whole : withoutStart(whole);
    };

    test(`a connection put out at the limit and stored again does not double (${title})`, t => {
      const rig = new StoreRig({ maxConnections: 2, firstSight });
      rig.poll([]);
      rig.advance(5_000);
      const began = rig.wall;
      rig.poll([facts(1, began, 10), facts(2, began, 10)]);
      rig.after(5_000);
      rig.poll([facts(1, began, 10), facts(2, began, 11), facts(3, rig.wall, 1)], false);
      t.is(rig.destinations[0].evicted.length, 1);
      rig.advance(5_000);
      const third = rig.wall - 5_000;
      rig.poll([facts(1, began, 11), facts(2, began, 11), facts(3, third, 2)]);
      rig.due();
      rig.advance(5_000);
      // 3 has gone; the place that it leaves is free for 1
      rig.poll([facts(1, began, 11), facts(2, began, 11)]);
      rig.due();
      rig.advance(5_000);
      rig.poll([facts(1, began, 12), facts(2, began, 11)]);
      rig.advance(5_000);
      rig.poll([facts(1, began, 15), facts(2, began, 11)]);
      rig.after(5_000);
      const told = [...rig.destinations[0].reports, ...rig.destinations[0].evicted]
        .filter(({ port }) => port === 1)
        .reduce((sum, { deltas }) => sum + deltas[0], 0n);
      t.true(told <= 15n, `told ${told} of 15 packets`);
      t.true(told >= 10n, `told ${told} of 15 packets`);
    });

    test(`at the limit nobody returns as new within the poll that put it out (${title})`, t => {
      const rig = new StoreRig({ maxConnections: 2, firstSight });
      rig.poll([]);
      rig.advance(5_000);
      const began = rig.wall; // while the dump was under way
      rig.poll([facts(1, began, 10), facts(2, began, 10)]);
      rig.advance(5_000);
      rig.poll([facts(3, rig.wall - 10, 1), facts(1, began, 10), facts(2, began, 11)], false);
      rig.advance(5_000);
      rig.poll([facts(3, rig.wall - 5_010, 1), facts(1, began, 10), facts(2, began, 11)], false);
      t.is(rig.store.counts.evicted, 1);
      t.is(rig.store.counts.added, 3);
    });
  }
}

test('a connection refused at the limit, and never stored, is told whole when there is room', t => {
  const rig = new StoreRig({ maxConnections: 1 });
  rig.poll([]);
  const began = rig.wall;
  rig.advance(5_000);
  rig.poll([udp(1, began, [1, 100, 0, 0]), udp(2, began, [5, 500, 0, 0])]);
  rig.advance(5_000);
  rig.poll([udp(2, began, [6, 600, 0, 0])]);
  rig.due();
  rig.advance(5_000);
  rig.poll([udp(2, began, [7, 700, 0, 0])]);
  t.deepEqual(
    rig.after(5_000).map(({ port, deltas }) => [port, deltas[0]]),
    [[2, 7n]],
  );
});

test('when the pressure is over, a new connection without timestamps is told whole again', t => {
  const rig = new StoreRig({ maxConnections: 1 });
  const facts = (port: number): Facts => withoutStart(udp(port, 0, [5, 500, 0, 0]));
  rig.poll([]);
  rig.poll([facts(1)]);
  rig.advance(5_000);
  rig.poll([facts(1), facts(2)]);
  t.is(rig.store.counts.evicted, 1);
  for (const _ of [1, 2, 3]) {
    rig.advance(5_000);
    rig.poll([]);
    rig.due();
  }
  rig.poll([facts(3)]);
  t.deepEqual(rig.after(5_000)[0].deltas, [5n, 500n, 0n, 0n]);
});

test('a reopened tuple is a new connection at the limit too', t => {
  const rig = new StoreRig({ maxConnections: 3 });
  const facts = (port: number, packets: number): Facts => withoutStart(udp(port, 0, [packets, packets * 100, 0, 0]));
  rig.poll([]);
  rig.poll([facts(1, 9), facts(2, 9), facts(4, 1)]);
  rig.advance(5_000);
  rig.poll([facts(1, 9), facts(2, 10), facts(3, 5), facts(4, 1)]);
  t.is(rig.store.counts.evicted, 1);
  rig.due();
  rig.advance(5_000);
  rig.poll([facts(2, 10), facts(3, 2)]);
  t.is(rig.store.counts.reopened, 1);
  t.deepEqual(
    rig.all().map(({ port, deltas }) => [port, deltas[0]]),
    [
      [3, 5n],
      [2, 0n],
      [3, 2n],
    ],
  );
});

// What becomes of slots

test('A#2516, A#3972: a connection that left the kernel goes after the stale timeout when no collector takes it; what was unreported is counted', t => {
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
  for (let i = 1; i <= 20; i++) {
    rig.poll([tcp(1, rig.wall - 1, [i, i * 100, 0, 0])]);
    rig.after(5_000);
    t.is(rig.store.size, i);
  }
  rig.destinations[0].takes = true;
  t.deepEqual(
    rig.due().map(({ deltas }) => deltas[0]),
    [...Array.from({ length: 19 }, (_, i) => BigInt(i + 1)), 20n].map((n, i) => (i === 0 ? 0n : n)),
    'the first began before the exporter',
  );
  t.is(rig.store.size, 1);
  rig.poll([]);
  rig.due();
  t.is(rig.store.size, 0);
});

test('a slot is used again only when every destination has made its last report', t => {
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

test('clear clears all: index, lists, counts, and what the destinations know', t => {
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
    gone(): void {},
    evicted(): void {},
    cleared(): void {},
  };
  for (let i = 0; i < 255; i++) store.hold(observer);
  const error = t.throws(() => store.hold(observer), { instanceOf: CtflowError });
  t.is(error.code, 'CTFLOW_USAGE');
});
