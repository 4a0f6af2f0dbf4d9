import test from 'ava';
import { DestroyTracker } from '../../src/store/destroy-tracker.js';
import { ID_WORD } from '../../src/row/layout.generated.js';
import { type Facts, nanoseconds, rows } from '../helpers/builders/rows.js';
import { udp } from '../helpers/builders/connections.js';

const AT = { wall: 1_700_000_000_000, monotonic: 50_000 };
/** Connections with a start need none of the store. */
const NO_ROWS = new Uint32Array(0);
const first = rows(udp(1, 1_000, [1, 60, 0, 0])).u32;
const reopened = rows(udp(1, 2_000, [1, 60, 0, 0])).u32; // the same tuple and id

test('a waiting connection is found by id and start, once', t => {
  const tracker = new DestroyTracker(64, NO_ROWS);
  tracker.wait(first, 0, 7);
  t.is(tracker.take(reopened, 0), -1);
  t.is(tracker.take(first, 0), 7);
  t.is(tracker.take(first, 0), -1);
  tracker.wait(first, 0, 7);
  tracker.wait(reopened, 0, 8);
  t.deepEqual(tracker.takeAll(), [7, 8]);
  t.deepEqual(tracker.takeAll(), []);
});

test('connections that ended without an event are kept, up to a limit', t => {
  const tracker = new DestroyTracker(64, NO_ROWS);
  const lost = { packets: 0, octets: 0 };
  t.false(tracker.endedWithoutEvent(first, 0, lost));
  tracker.endWithoutEvent(first, 0);
  t.false(tracker.endedWithoutEvent(reopened, 0, lost));
  t.deepEqual(lost, { packets: 0, octets: 0 });
  t.true(tracker.endedWithoutEvent(rows(udp(1, 1_000, [3, 180, 1, 2 ** 32])).u32, 0, lost));
  t.deepEqual(lost, { packets: 3, octets: 120 + 2 ** 32 }, 'what it had counted since');
  t.false(tracker.endedWithoutEvent(first, 0, lost), 'an event comes once');
  tracker.endWithoutEvent(first, 0);
  for (let start = 0; start < 65_536; start++)
    tracker.endWithoutEvent(rows(udp(2, start, [1, 1, 0, 0], { id: 5 })).u32, 0);
  t.false(tracker.endedWithoutEvent(first, 0, lost));
  t.true(tracker.endedWithoutEvent(rows(udp(2, 65_535, [1, 1, 0, 0], { id: 5 })).u32, 0, lost));
});

test('of connections that ended without an event, one that returns is found by id and start, whichever began last', t => {
  const tracker = new DestroyTracker(64, NO_ROWS);
  tracker.endWithoutEvent(reopened, 0);
  tracker.endWithoutEvent(first, 0);
  t.is(tracker.takeEndedWithoutEvent(rows(udp(1, 2_001, [1, 60, 0, 0])).u32, 0), undefined);
  t.is(tracker.takeEndedWithoutEvent(reopened, 0)?.[0], 1);
  t.is(tracker.takeEndedWithoutEvent(first, 0)?.[0], 1);
  t.is(tracker.takeEndedWithoutEvent(first, 0), undefined);
  tracker.forgetEndedWithoutEvent();
  tracker.endWithoutEvent(first, 0);
  t.is(tracker.takeEndedWithoutEvent(first, 0)?.[0], 1);
});

test('a destroyed connection is destroyed for good; one without a start until the dump is over, as another may have its id', t => {
  const tracker = new DestroyTracker(64, NO_ROWS);
  const { start: _, ...unstamped } = udp(3, 0, [1, 60, 0, 0]);
  const { u32 } = rows(unstamped);
  for (const row of [first, u32]) tracker.ended(row, 0, AT);
  t.deepEqual([tracker.wasDestroyed(first, 0), tracker.wasDestroyed(u32, 0)], [true, false], 'no dump');
  tracker.beginDump();
  for (const row of [first, u32]) tracker.ended(row, 0, AT);
  t.deepEqual([tracker.wasDestroyed(first, 0), tracker.wasDestroyed(u32, 0)], [true, true]);
  t.false(tracker.wasDestroyed(reopened, 0));
  tracker.endDump();
  t.deepEqual([tracker.wasDestroyed(first, 0), tracker.wasDestroyed(u32, 0)], [true, false]);
});

test('with more destroys during a dump than the limit none of its rows is taken for a new connection', t => {
  const tracker = new DestroyTracker(64, NO_ROWS);
  tracker.beginDump();
  const { u32 } = rows(udp(2, 5, [1, 1, 0, 0]));
  for (let id = 0; id <= 262_144; id++) {
    u32[ID_WORD] = id;
    tracker.ended(u32, 0, AT);
  }
  t.true(tracker.wasDestroyed(reopened, 0));
  tracker.endDump();
  t.false(tracker.wasDestroyed(reopened, 0));
});

test('a repeated event is recognized while it is among the latest', t => {
  const tracker = new DestroyTracker(64, NO_ROWS);
  t.false(tracker.isRemembered(first, 0));
  tracker.ended(first, 0, AT);
  t.true(tracker.isRemembered(first, 0));
  t.false(tracker.isRemembered(reopened, 0), 'the same tuple and id, opened again');
  const { u32 } = rows(udp(2, 5, [1, 1, 0, 0]));
  const more = (from: number, to: number): void => {
    for (let id = from; id < to; id++) {
      u32[ID_WORD] = id;
      tracker.ended(u32, 0, AT);
    }
  };
  more(0, 200_000);
  t.true(tracker.isRemembered(first, 0), 'which keeps it for longer');
  more(200_000, 400_000);
  t.true(tracker.isRemembered(first, 0));
  more(400_000, 700_000);
  t.false(tracker.isRemembered(first, 0));
});

test('a store of more connections remembers as many ends', t => {
  const tracker = new DestroyTracker(300_000, NO_ROWS);
  const { u32 } = rows(udp(2, 5, [1, 1, 0, 0]));
  tracker.ended(first, 0, AT);
  for (let id = 1; id < 300_000; id++) {
    u32[ID_WORD] = id;
    tracker.ended(u32, 0, AT);
  }
  t.true(tracker.isRemembered(first, 0));
});

test('without a start, an event is the same where id, tuple and counters are', t => {
  const tracker = new DestroyTracker(64, NO_ROWS);
  const without = (facts: Facts): Uint32Array => {
    const { start: _, ...rest } = facts;
    return rows(rest).u32;
  };
  tracker.ended(without(udp(3, 0, [1, 1, 0, 0])), 0, AT);
  t.true(tracker.isRemembered(without(udp(3, 0, [1, 1, 0, 0])), 0));
  t.false(tracker.isRemembered(without(udp(3, 0, [1, 1, 1, 1])), 0), 'other counters');
  t.false(tracker.isRemembered(without(udp(4, 0, [1, 1, 0, 0], { id: 0x7800_0003 })), 0), 'another tuple');
  t.false(tracker.isRemembered(without(udp(3, 0, [1, 1, 0, 0], { id: 9 })), 0), 'another id');
});

test('without a start, an end that comes again and again takes the place of one', t => {
  const tracker = new DestroyTracker(64, NO_ROWS);
  const without = (port: number): Uint32Array => {
    const { start: _, ...rest } = udp(port, 0, [1, 1, 0, 0]);
    return rows(rest).u32;
  };
  const again = without(4);
  tracker.beginDump();
  tracker.ended(without(3), 0, AT);
  for (let times = 0; times < 300_000; times++) tracker.ended(again, 0, AT);
  t.true(tracker.isRemembered(without(3), 0));
  t.true(tracker.isRemembered(again, 0));
  t.false(tracker.wasDestroyed(without(5), 0));
});

test('an end that may be forgotten is one that stopped no later than one that is, whatever the wall clock does', t => {
  const tracker = new DestroyTracker(64, NO_ROWS);
  const ended = (stop: number): Uint32Array => rows(udp(2, 5, [1, 1, 0, 0], { stop: nanoseconds(stop) })).u32;
  const u32 = ended(AT.wall - 1_000);
  t.false(tracker.isForgotten(u32, 0, AT));
  for (let id = 0; id <= 262_144; id++) {
    u32[ID_WORD] = id;
    tracker.ended(u32, 0, AT);
  }
  t.true(tracker.isForgotten(ended(AT.wall - 2_000), 0, AT));
  t.false(tracker.isForgotten(ended(AT.wall - 500), 0, AT));
  t.false(tracker.isForgotten(rows(udp(2, 5, [1, 1, 0, 0])).u32, 0, AT), 'no stop time');
  const back = { wall: AT.wall - 86_400_000, monotonic: AT.monotonic + 100 };
  t.false(tracker.isForgotten(ended(back.wall - 50), 0, back), 'the clock was set back a day');
});
