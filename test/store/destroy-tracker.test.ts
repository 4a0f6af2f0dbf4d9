import test from 'ava';
import { DestroyTracker } from '../../src/store/destroy-tracker.js';
import { ID_WORD } from '../../src/row/layout.generated.js';
import { udp } from '../helpers/builders/connections.js';
import { rows } from '../helpers/builders/rows.js';

const first = rows(udp(1, 1_000, [1, 60, 0, 0])).u32;
const reopened = rows(udp(1, 2_000, [1, 60, 0, 0])).u32; // the same tuple and id

test('a waiting connection is found by id and start, once', t => {
  const tracker = new DestroyTracker(64);
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
  const tracker = new DestroyTracker(64);
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

test('a connection destroyed during a dump counts as destroyed until the dump is over', t => {
  const tracker = new DestroyTracker(64);
  tracker.ended(first, 0);
  t.false(tracker.destroyedDuringDump(first, 0), 'no dump');
  tracker.beginDump();
  tracker.ended(first, 0);
  t.true(tracker.destroyedDuringDump(first, 0));
  t.false(tracker.destroyedDuringDump(reopened, 0));
  tracker.endDump();
  t.false(tracker.destroyedDuringDump(first, 0));
});

test('with more destroys during a dump than the limit none of its rows is taken for a new connection', t => {
  const tracker = new DestroyTracker(64);
  tracker.beginDump();
  const { u32 } = rows(udp(2, 5, [1, 1, 0, 0]));
  for (let id = 0; id <= 262_144; id++) {
    u32[ID_WORD] = id;
    tracker.ended(u32, 0);
  }
  t.true(tracker.destroyedDuringDump(reopened, 0));
  tracker.endDump();
  t.false(tracker.destroyedDuringDump(reopened, 0));
});

test('a repeated event is recognized while it is among the latest, and without a start never', t => {
  const tracker = new DestroyTracker(64);
  t.false(tracker.isRepeated(first, 0));
  tracker.ended(first, 0);
  t.true(tracker.isRepeated(first, 0));
  t.false(tracker.isRepeated(reopened, 0), 'the same tuple and id, opened again');
  const { u32 } = rows(udp(2, 5, [1, 1, 0, 0]));
  const more = (from: number, to: number): void => {
    for (let id = from; id < to; id++) {
      u32[ID_WORD] = id;
      tracker.ended(u32, 0);
    }
  };
  more(0, 200_000);
  t.true(tracker.isRepeated(first, 0), 'which keeps it for longer');
  more(200_000, 400_000);
  t.true(tracker.isRepeated(first, 0));
  more(400_000, 700_000);
  t.false(tracker.isRepeated(first, 0));
  const { start: _, ...facts } = udp(3, 0, [1, 1, 0, 0]);
  const unnamed = rows(facts).u32;
  tracker.ended(unnamed, 0);
  t.false(tracker.isRepeated(unnamed, 0));
});
