import test from 'ava';
import * as fc from 'fast-check';
import { CREATE, DELETE, masqueraded } from '../helpers/builders/translated.js';
import { NatRig } from '../helpers/rigs/nat-rig.js';
import { changed, udp } from '../helpers/builders/connections.js';
import { nanoseconds, rows, type Facts } from '../helpers/builders/rows.js';
import { eventKind } from '../../src/record/nat-log.js';
import { EVENT_NEW } from '../../src/row/layout.generated.js';
import { FORCED_END } from '../../src/store/end-reason.js';
import { kernelTimeouts } from '../helpers/rigs/store-rig.js';
import { seeded } from '../helpers/seed.js';

const AF_INET = 2;
const AF_INET6 = 10;

/** A DESTROY of a connection that expired. */
const ended = (facts: Facts, stop: number): Facts => ({ ...withoutTimeout(facts), stop: nanoseconds(stop) });
function withoutTimeout({ timeout: _, ...facts }: Facts): Facts {
  return facts;
}
const born = (facts: Facts, time?: number): Facts => ({
  ...changed(EVENT_NEW, facts),
  eventTime: time === undefined ? undefined : nanoseconds(time),
});

test('a session is created with its NEW event, deleted with its DESTROY, and then its octets are told', t => {
  const rig = new NatRig();
  rig.poll([]);
  const began = rig.wall + 100;
  rig.advance(103);
  const one = masqueraded(1, began, [1, 60, 0, 0]);
  rig.receive(born(one, began + 1));
  t.deepEqual(rig.told, [{ event: CREATE, port: 1, family: AF_INET, time: began + 1 }]);
  rig.advance(1_000);
  rig.poll([one]);
  t.is(rig.told.length, 1, 'a poll shows nothing new of it');
  rig.advance(30_000);
  rig.destroy(ended({ ...one, counters: [7, 700, 5, 500] }, rig.wall - 4));
  t.deepEqual(rig.told.slice(1), [
    { event: DELETE, port: 1, family: AF_INET, time: rig.wall - 4 },
    { event: 'end', port: 1, family: AF_INET, time: began, octets: 700, reason: 1 },
  ]);
  t.deepEqual(rig.log.counts, { created: 1, lateFromPoll: 0, lateFromDestroy: 0, deleted: 1, unregistered: 0 });
});

for (const [how, made] of [
  ['has the times of the kernel', (time: number) => time],
  ['has none', () => undefined],
] as const) {
  test(`connections of one tuple whose ends come in another order have one create event each: NEW ${how}`, t => {
    const rig = new NatRig();
    rig.poll([]);
    const [first, second] = [rig.wall + 1_000, rig.wall + 6_000].map(began => masqueraded(1, began, [1, 60, 0, 0]));
    // an event of TCP may have been made before the connection entered the table
    rig.advance(1_001);
    rig.receive(born(first, made(rig.wall - 2)));
    rig.advance(5_000);
    rig.receive(born(second, made(rig.wall - 2)));
    rig.advance(4_000);
    rig.destroy(ended({ ...second, counters: [2, 200, 0, 0] }, rig.wall - 1_000));
    rig.destroy(ended({ ...first, counters: [3, 300, 0, 0] }, rig.wall - 5_000));
    t.deepEqual(rig.log.counts, { created: 2, lateFromPoll: 0, lateFromDestroy: 0, deleted: 2, unregistered: 0 });
    t.deepEqual(
      rig.told.flatMap(({ event, octets }) => (event === 'end' ? [octets] : [])),
      [200, 300],
    );
  });
}

test('the same of events that are all read late, by the times of the kernel', t => {
  const rig = new NatRig();
  rig.poll([]);
  const times = [1_000, 6_000, 11_000].map(after => rig.wall + after);
  const connections = times.map(began => masqueraded(1, began, [1, 60, 0, 0]));
  rig.advance(20_000);
  // of the second one NEW was lost
  for (const i of [0, 2]) rig.receive(born(connections[i], times[i]));
  for (const i of [2, 1, 0]) rig.destroy(ended(connections[i], times[i] + 3_000));
  t.deepEqual(rig.log.counts, { created: 3, lateFromPoll: 0, lateFromDestroy: 1, deleted: 3, unregistered: 0 });
  t.deepEqual(rig.told.flatMap(({ event, time }) => (event === CREATE ? [time] : [])).toSorted(), times);
});

test('a NEW event without the time of the kernel has that at which it was received', t => {
  const rig = new NatRig();
  rig.poll([]);
  rig.advance(500);
  rig.receive(born(masqueraded(1, rig.wall - 20, [1, 60, 0, 0])));
  t.is(rig.told[0].time, rig.wall);
});

test('what is not translated has no events', t => {
  const rig = new NatRig();
  rig.poll([]);
  rig.advance(500);
  const plain = udp(1, rig.wall, [1, 60, 0, 0]);
  rig.receive(born(plain));
  rig.poll([plain, udp(2, rig.wall, [1, 60, 0, 0])]);
  rig.destroy(ended(plain, rig.wall));
  t.deepEqual(rig.told, []);
  t.is(rig.store.counts.destroyed, 1);
});

test('a lost NEW is made up for by the next poll, with the start time of the kernel, and counted', t => {
  const rig = new NatRig();
  rig.poll([]);
  const began = rig.wall + 100;
  rig.advance(5_000);
  const one = masqueraded(1, began, [1, 60, 0, 0]);
  rig.poll([one]);
  rig.destroy(ended(one, rig.wall));
  t.deepEqual(
    rig.told.map(({ event, time }) => [event, time]),
    [
      [CREATE, began],
      [DELETE, rig.wall],
      ['end', began],
    ],
  );
  t.like(rig.log.counts, { created: 1, lateFromPoll: 1, lateFromDestroy: 0, deleted: 1 });
});

test('a lost NEW is made up for by the DESTROY, before the delete event', t => {
  const rig = new NatRig();
  rig.poll([]);
  const began = rig.wall + 100;
  rig.advance(900);
  rig.destroy(ended(masqueraded(1, began, [2, 120, 1, 60]), rig.wall - 1));
  t.deepEqual(
    rig.told.map(({ event, time }) => [event, time]),
    [
      [CREATE, began],
      [DELETE, rig.wall - 1],
      ['end', began],
    ],
  );
  t.like(rig.log.counts, { created: 1, lateFromPoll: 0, lateFromDestroy: 1, deleted: 1 });
});

test('without timestamps a late create event is no later than its delete, and within a poll', t => {
  const rig = new NatRig();
  rig.poll([]);
  rig.advance(900);
  const { start: _, ...one } = masqueraded(1, 0, [2, 120, 1, 60]);
  const { start: __, ...two } = masqueraded(2, 0, [2, 120, 1, 60]);
  rig.destroy({ ...withoutTimeout(one) });
  const [create, remove] = rig.told;
  t.is(create.time, rig.wall);
  t.true(remove.time >= create.time);
  rig.advance(1_000);
  rig.poll([two]);
  t.is(rig.told[3].time, rig.wall);
});

test('a session from before has no create event by default, and with first sight total it has one', t => {
  for (const firstSight of ['baseline', 'total'] as const) {
    const rig = new NatRig({ firstSight });
    const old = masqueraded(1, rig.wall - 60_000, [9, 900, 0, 0]);
    rig.poll([old]);
    rig.advance(1_000);
    rig.destroy(ended(old, rig.wall));
    const events = rig.told.map(({ event }) => event);
    t.deepEqual(events, firstSight === 'baseline' ? [DELETE, 'end'] : [CREATE, DELETE, 'end']);
    if (firstSight === 'total') t.is(rig.told[0].time, rig.wall - 61_000);
  }
});

test('a session that the poll under way shows before its NEW comes is created once', t => {
  const { start: _, ...one } = masqueraded(1, 0, [1, 60, 0, 0]);
  // without start times, what the first poll shows may be from before
  for (const isFirst of [true, false]) {
    const rig = new NatRig();
    if (!isFirst) rig.poll([]);
    rig.store.beginDump();
    rig.store.beginPoll(rig.now(), kernelTimeouts());
    rig.advance(5);
    rig.store.merge(rows(one), rig.now());
    rig.receive(born(one));
    rig.store.endPoll(true);
    t.deepEqual(
      rig.told.map(({ event }) => event),
      [CREATE],
    );
    t.is(rig.log.counts.lateFromPoll, isFirst ? 0 : 1);
  }
});

test('a tuple and id that are used again are a session of their own', t => {
  const rig = new NatRig();
  rig.poll([]);
  rig.advance(100);
  const first = masqueraded(1, rig.wall, [1, 60, 0, 0]);
  rig.receive(born(first));
  rig.advance(10);
  const second = masqueraded(1, rig.wall, [3, 180, 0, 0]);
  // the NEW of the second may be received before the DESTROY of the first
  rig.receive(born(second));
  rig.destroy(ended(first, rig.wall - 5));
  rig.poll([second]);
  rig.destroy(ended(second, rig.wall));
  t.deepEqual(
    rig.told.map(({ event }) => event),
    [CREATE, CREATE, DELETE, 'end', DELETE, 'end'],
  );
  t.like(rig.log.counts, { created: 2, lateFromPoll: 0, lateFromDestroy: 0, deleted: 2 });
});

test('a tuple that is used again at once: a lost NEW is not taken from the next session', t => {
  const rig = new NatRig();
  rig.poll([]);
  rig.advance(100);
  const first = masqueraded(1, rig.wall - 50, [2, 120, 0, 0]);
  const second = masqueraded(1, rig.wall, [3, 180, 0, 0]);
  // of the first, the NEW was lost; the second begins a microsecond after its end
  rig.receive({ ...changed(EVENT_NEW, second), eventTime: nanoseconds(rig.wall) + 1_000n });
  rig.destroy(ended(first, rig.wall));
  rig.advance(10);
  rig.destroy(ended(second, rig.wall));
  t.deepEqual(
    rig.told.filter(({ event }) => event !== 'end').map(({ event, time }) => [event, time - rig.wall]),
    [
      [CREATE, -10],
      [CREATE, -60],
      [DELETE, -10],
      [DELETE, 0],
    ],
  );
  t.like(rig.log.counts, { created: 2, lateFromDestroy: 1, deleted: 2 });
});

test('a session whose DESTROY the kernel holds for many polls is created once', t => {
  const rig = new NatRig();
  rig.poll([]);
  rig.advance(100);
  const one = masqueraded(1, rig.wall, [2, 120, 0, 0]);
  rig.receive(born(one));
  rig.store.delayEnds(true);
  for (let polls = 0; polls < 4; polls++) {
    rig.advance(1_000);
    rig.poll([]);
  }
  rig.destroy(ended(one, rig.wall - 3_900));
  t.deepEqual(
    rig.told.map(({ event }) => event),
    [CREATE, DELETE, 'end'],
  );
});

test('IPv6 has no registered events: refused and counted once, and told where the user has numbers for it', t => {
  for (const nat66 of [undefined, [200, 201]] as const) {
    const rig = new NatRig(nat66 && { nat66 });
    rig.poll([]);
    rig.advance(100);
    const one = masqueraded(1, rig.wall, [1, 60, 0, 0], {
      source: '2001:db8::1',
      destination: '2001:db8:1::1',
      replyDestination: '2001:db8:2::1',
    });
    rig.receive(born(one));
    rig.poll([one]);
    rig.destroy(ended(one, rig.wall));
    const told = rig.told.map(({ event, family }) => [event, family]);
    t.deepEqual(
      told,
      nat66
        ? [
            [200, AF_INET6],
            [201, AF_INET6],
            ['end', AF_INET6],
          ]
        : [],
    );
    t.is(rig.log.counts.unregistered, nat66 ? 0 : 1);
  }
});

test('a connection that begins to match the mark is created then', t => {
  const rig = new NatRig({ filter: { mark: { value: 7, mask: 0xff } } });
  rig.poll([]);
  rig.advance(100);
  const one = masqueraded(1, rig.wall, [1, 60, 0, 0], { mark: 1 });
  rig.receive(born(one));
  rig.poll([one]);
  t.deepEqual(rig.told, []);
  rig.advance(100);
  rig.poll([{ ...one, mark: 7 }]);
  rig.destroy(ended({ ...one, mark: 7 }, rig.wall));
  t.deepEqual(
    rig.told.map(({ event }) => event),
    [CREATE, DELETE, 'end'],
  );
});

test('one that is evicted at the limit is not deleted, and not created again when it returns', t => {
  const rig = new NatRig({ maxConnections: 1 });
  rig.poll([]);
  rig.advance(100);
  const one = masqueraded(1, rig.wall, [1, 60, 0, 0]);
  rig.receive(born(one));
  rig.poll([one]);
  rig.advance(1_000);
  rig.poll([one, masqueraded(2, rig.wall, [1, 60, 0, 0])]);
  t.is(rig.store.counts.evicted, 1);
  rig.destroy(ended({ ...one, counters: [2, 120, 0, 0] }, rig.wall));
  const ofOne = rig.told.filter(({ port }) => port === 1).map(({ event }) => event);
  t.deepEqual(ofOne, [CREATE, DELETE, 'end']);
});

test('octets go on from before the counters were set to zero', t => {
  const rig = new NatRig();
  rig.poll([]);
  rig.advance(100);
  const one = masqueraded(1, rig.wall, [10, 1_000, 0, 0]);
  rig.poll([one]);
  rig.advance(100);
  rig.poll([{ ...one, counters: [1, 100, 0, 0] }]);
  rig.destroy(ended({ ...one, counters: [2, 200, 0, 0] }, rig.wall));
  t.is(rig.told.at(-1)!.octets, 1_200);
});

test('a namespace that is left ends its sessions', t => {
  const rig = new NatRig();
  rig.poll([]);
  rig.advance(100);
  rig.poll([masqueraded(1, rig.wall, [1, 60, 0, 0])]);
  rig.store.endAll(0, 100, rig.now());
  t.deepEqual(
    rig.told.map(({ event, reason }) => [event, reason]),
    [
      [CREATE, undefined],
      [DELETE, undefined],
      ['end', FORCED_END],
    ],
  );
});

test('whichever NEW events are lost and whenever polls come, each session is created once and then deleted once', t => {
  const session = fc.record({ lost: fc.boolean(), polled: fc.boolean(), reuse: fc.boolean() });
  fc.assert(
    fc.property(fc.array(session, { minLength: 1, maxLength: 30 }), sessions => {
      const rig = new NatRig();
      rig.poll([]);
      let port = 1;
      let lost = 0;
      for (const { lost: isLost, polled, reuse } of sessions) {
        rig.advance(50);
        if (!reuse) port++;
        const one = masqueraded(port, rig.wall - 1, [1, 60, 0, 0]);
        if (isLost) lost++;
        else rig.receive(born(one));
        rig.advance(50);
        if (polled) rig.poll([one]);
        rig.destroy(ended({ ...one, counters: [3, 180, 0, 0] }, rig.wall));
      }
      const expected = sessions.flatMap(() => [CREATE, DELETE, 'end']);
      t.deepEqual(
        rig.told.map(({ event }) => event),
        expected,
      );
      const { created, deleted, lateFromPoll, lateFromDestroy } = rig.log.counts;
      t.deepEqual([created, deleted, lateFromPoll + lateFromDestroy], [sessions.length, sessions.length, lost]);
    }),
    { ...seeded(t), numRuns: 20 },
  );
});

test('the kernel is asked for UPDATE only where a destination has a use for it', t => {
  const [nat, flows] = [{ profile: 'nat' }, { profile: 'standard' }] as const;
  t.is(eventKind('destroy', [flows]), 'destroy');
  t.is(eventKind('all', [flows]), 'all');
  t.is(eventKind('destroy', [flows, nat]), 'new');
  t.is(eventKind('all', [flows, nat]), 'all');
  t.is(eventKind('all', [nat]), 'new');
  t.is(eventKind('destroy', [nat, nat]), 'new');
});
