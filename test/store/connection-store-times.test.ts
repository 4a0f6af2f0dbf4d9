import test from 'ava';
import { CLOSE, TIME_WAIT } from '../../src/row/conntrack.js';
import { EVENT_UPDATE } from '../../src/row/layout.generated.js';
import { changed, tcp, udp, withoutStart } from '../helpers/builders/connections.js';
import { nanoseconds, rows, type Facts } from '../helpers/builders/rows.js';
import { kernelTimeouts, StoreRig, type Report } from '../helpers/rigs/store-rig.js';

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

// What events add

const listening = (changes = false): StoreRig => {
  const rig = new StoreRig(changes ? { changes: true } : {});
  rig.store.expectEvents(true);
  rig.poll([]);
  rig.advance(1_000);
  return rig;
};
const closing = (start: number, state: number, timeout: number): Facts =>
  tcp(1, start, [6, 600, 5, 500], { state, timeout });

test('an event of NEW or UPDATE gives the time of the last packet to the millisecond, where the timer agrees', t => {
  for (const known of [true, false]) {
    for (const polled of [true, false]) {
      const rig = listening(true);
      const start = rig.wall;
      if (polled) rig.poll([tcp(1, start, [3, 300, 2, 200])]);
      rig.advance(1_234);
      const last = rig.wall;
      // read 20 ms later; the time of the kernel needs Linux 6.14
      rig.advance(known ? 20 : 0);
      rig.receive({
        ...changed(EVENT_UPDATE, closing(start, TIME_WAIT, 119)),
        eventTime: known ? nanoseconds(last) : undefined,
      });
      rig.advance(3_300);
      // 120 s less 3.3 s, cut to whole seconds: alone it would say four seconds ago
      rig.poll([closing(start, TIME_WAIT, 116)]);
      t.is(rig.due().at(-1)!.end, last, `${known} ${polled}`);
    }
  }
});

test('a packet after the last event is later than it', t => {
  const rig = listening(true);
  const start = rig.wall;
  rig.receive(changed(EVENT_UPDATE, tcp(1, start, [3, 300, 2, 200])));
  rig.advance(3_000);
  rig.poll([tcp(1, start, [9, 900, 2, 200], { timeout: 431_999 })]);
  const polled = rig.wall;
  t.is(rig.after(5_000)[0].end, polled - 1_000);
});

test('an event of before the last poll, or of after the row was read, changes nothing', t => {
  const rig = listening(true);
  const start = rig.wall;
  rig.receive(changed(EVENT_UPDATE, tcp(1, start, [3, 300, 2, 200])));
  rig.advance(2_000);
  rig.poll([tcp(1, start, [3, 300, 2, 200], { timeout: 431_998 })]);
  rig.advance(3_000);
  const read = rig.now();
  rig.store.beginPoll(read, rig.timeouts);
  rig.advance(40);
  rig.receive(changed(EVENT_UPDATE, tcp(1, start, [3, 300, 2, 200])));
  rig.store.merge(rows(tcp(1, start, [4, 400, 2, 200], { timeout: 431_999 })), read);
  rig.store.endPoll(true);
  t.is(rig.after(5_000)[0].end, read.wall);
});

test('a connection closed by TCP ended with its last packet: at the stop time less its timer, whoever took its entry out', t => {
  const rig = listening();
  const start = rig.wall;
  rig.poll([tcp(1, start, [3, 300, 2, 200])]);
  rig.advance(1_000);
  const last = rig.wall;
  // another connection takes the tuple 30 s later
  rig.advance(30_000);
  rig.destroy({ ...closing(start, TIME_WAIT, 90), stop: nanoseconds(rig.wall) });
  t.is(rig.due()[0].end, last);
});

test('a connection that was refused ended when it was taken out', t => {
  for (const [protocol, refused] of [
    [6, { state: CLOSE }],
    [33, { dccpState: 1 }],
  ] as const) {
    const rig = listening();
    const start = rig.wall;
    rig.advance(2_000);
    rig.destroy(udp(1, start, [1, 60, 1, 40], { protocol, ...refused, timeout: 119, stop: nanoseconds(start + 12) }));
    t.like(rig.due()[0], { reason: 3, end: start + 12 });
  }
});

test('SCTP that was closed ended at its stop time less its timer', t => {
  const rig = listening();
  rig.timeouts = kernelTimeouts({ nf_conntrack_sctp_timeout_closed: 10 });
  rig.poll([]);
  const start = rig.wall;
  rig.advance(15_000);
  const { timeout: _, ...sctp } = udp(1, start, [4, 400, 4, 400], { protocol: 132, sctpState: 1, status: 0xe });
  rig.destroy({ ...sctp, stop: nanoseconds(start + 12_345) });
  t.like(rig.due()[0], { reason: 3, end: start + 2_345 });
});
