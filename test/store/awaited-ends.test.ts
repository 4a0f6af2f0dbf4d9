import test from 'ava';
import { AwaitedEnds } from '../../src/store/awaited-ends.js';
import { ID } from '../../src/row/layout.generated.js';
import { udp } from '../helpers/builders/connections.js';
import { rows } from '../helpers/builders/rows.js';

const first = rows(udp(1, 1_000, [1, 60, 0, 0])).u32;
const reopened = rows(udp(1, 2_000, [1, 60, 0, 0])).u32; // the same tuple and id

test('who waits is found by id and start, once', t => {
  const awaited = new AwaitedEnds(64);
  awaited.wait(first, 0, 7);
  t.is(awaited.take(reopened, 0), -1);
  t.is(awaited.take(first, 0), 7);
  t.is(awaited.take(first, 0), -1);
  awaited.wait(first, 0, 7);
  awaited.wait(reopened, 0, 8);
  t.deepEqual(awaited.takeAll(), [7, 8]);
  t.deepEqual(awaited.takeAll(), []);
});

test('who had to end without an event is remembered, the oldest not for ever', t => {
  const awaited = new AwaitedEnds(64);
  const lost = { packets: 0, octets: 0 };
  t.false(awaited.wasTold(first, 0, lost));
  awaited.tell(first, 0);
  t.false(awaited.wasTold(reopened, 0, lost));
  t.deepEqual(lost, { packets: 0, octets: 0 });
  t.true(awaited.wasTold(rows(udp(1, 1_000, [3, 180, 1, 2 ** 32])).u32, 0, lost));
  t.deepEqual(lost, { packets: 3, octets: 120 + 2 ** 32 }, 'what it had counted since');
  t.false(awaited.wasTold(first, 0, lost), 'an event comes once');
  awaited.tell(first, 0);
  for (let start = 0; start < 65_536; start++) awaited.tell(rows(udp(2, start, [1, 1, 0, 0], { id: 5 })).u32, 0);
  t.false(awaited.wasTold(first, 0, lost));
  t.true(awaited.wasTold(rows(udp(2, 65_535, [1, 1, 0, 0], { id: 5 })).u32, 0, lost));
});

test('who ended while a dump was under way is past until the dump is over', t => {
  const awaited = new AwaitedEnds(64);
  awaited.ended(first, 0);
  t.false(awaited.isPast(first, 0), 'no dump');
  awaited.beginDump();
  awaited.ended(first, 0);
  t.true(awaited.isPast(first, 0));
  t.false(awaited.isPast(reopened, 0));
  awaited.endDump();
  t.false(awaited.isPast(first, 0));
});

test('more ends than can be remembered while a dump is under way: none of its rows is taken for a new connection', t => {
  const awaited = new AwaitedEnds(64);
  awaited.beginDump();
  const { u32 } = rows(udp(2, 5, [1, 1, 0, 0]));
  for (let id = 0; id <= 262_144; id++) {
    u32[ID >> 2] = id;
    awaited.ended(u32, 0);
  }
  t.true(awaited.isPast(reopened, 0));
  awaited.endDump();
  t.false(awaited.isPast(reopened, 0));
});

test('an event that comes again is known as long as it is among the latest, and without a start never', t => {
  const awaited = new AwaitedEnds(64);
  t.false(awaited.isRepeated(first, 0));
  awaited.ended(first, 0);
  t.true(awaited.isRepeated(first, 0));
  t.false(awaited.isRepeated(reopened, 0), 'the same tuple and id, opened again');
  const { u32 } = rows(udp(2, 5, [1, 1, 0, 0]));
  const more = (from: number, to: number): void => {
    for (let id = from; id < to; id++) {
      u32[ID >> 2] = id;
      awaited.ended(u32, 0);
    }
  };
  more(0, 200_000);
  t.true(awaited.isRepeated(first, 0), 'which keeps it for longer');
  more(200_000, 400_000);
  t.true(awaited.isRepeated(first, 0));
  more(400_000, 700_000);
  t.false(awaited.isRepeated(first, 0));
  const { start: _, ...facts } = udp(3, 0, [1, 1, 0, 0]);
  const unnamed = rows(facts).u32;
  awaited.ended(unnamed, 0);
  t.false(awaited.isRepeated(unnamed, 0));
});
