import test from 'ava';
import { tcp, udp, withoutStart } from '../helpers/builders/connections.js';
import { nanoseconds, rows, type Facts } from '../helpers/builders/rows.js';
import { StoreRig, type Report } from '../helpers/rigs/store-rig.js';

const ports = (reports: readonly Report[]): number[] => reports.map(({ port }) => port);
const HOUR = 3_600_000;

// antrea-io/antrea#2308
test('without timestamps the flow start is the time of first sight, set once and never after the end', t => {
  const rig = new StoreRig({ firstSight: 'total' });
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

// antrea-io/antrea#2308
test('an estimated start stays what it was at first sight', t => {
  const rig = new StoreRig();
  const first = rig.wall - 60_400;
  for (const drift of [0, 400, 900, 100]) {
    const facts = withoutStart(udp(1000, 0, [drift + 1, 60, 0, 0]));
    rig.poll([{ ...facts, startEstimate: nanoseconds(first + drift) }]);
    rig.advance(5_000);
  }
  t.is(rig.due()[0].start, first);
});

test('the kernel’s start is exported to the millisecond, whatever the nanoseconds', t => {
  const rig = new StoreRig({ firstSight: 'total' });
  rig.poll([{ ...tcp(1000, 0, [1, 60, 0, 0]), start: 1_699_999_999_123_999_999n }]);
  t.is(rig.after(5_000)[0].start, 1_699_999_999_123);
});

// antrea-io/antrea#4001
test('the flow end is the time of the last packet, not of the poll, and changes only with the counters', t => {
  const rig = new StoreRig({ destinations: [{ zeroDeltas: 'all' }] });
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

test('the flow end is after the previous poll that saw the connection', t => {
  const rig = new StoreRig();
  const start = rig.wall - 10_000;
  rig.poll([udp(1000, start, [1, 60, 0, 0], { timeout: 115 })]);
  const first = rig.wall;
  rig.advance(5_400);
  // six seconds ago, and a fraction of a second less: within the window, and not before it
  rig.poll([udp(1000, start, [2, 120, 0, 0], { timeout: 114 })]);
  t.is(rig.due()[0].end, first);
});

test('the flow end is after an incomplete poll that saw the connection', t => {
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

test('where no timeout fits, the flow end is the time of the poll', t => {
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
  const rig = new StoreRig({ firstSight: 'total' });
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

test('a wall clock that steps back an hour neither expires nor freezes connections, and no end is before its start', t => {
  const rig = new StoreRig({ destinations: [{ zeroDeltas: 'all' }] });
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

test('a wall clock that steps back an hour makes no new connection an old one', t => {
  const rig = new StoreRig();
  rig.poll([]);
  rig.advance(5_000, -HOUR);
  rig.poll([tcp(1000, rig.wall - 100, [3, 180, 2, 120])]);
  t.deepEqual(rig.after(5_000)[0].deltas, [3n, 180n, 2n, 120n]);
});

test('a wall clock that steps forward an hour makes no old connection a new one', t => {
  const rig = new StoreRig();
  const before = rig.wall - 1;
  rig.advance(5_000, HOUR);
  rig.poll([tcp(1000, before, [3, 180, 2, 120])]);
  rig.poll([tcp(1000, before, [4, 240, 2, 120])]);
  t.deepEqual(rig.after(5_000)[0].deltas, [1n, 60n, 0n, 0n]);
});
