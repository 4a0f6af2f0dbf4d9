import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import type { Backend } from '../../src/backend/backend.js';
import type { EventOptions } from '../../src/sources/events.js';
import { ConntrackEvents, type EventsOptions } from '../../src/ingest/conntrack-events.js';
import { EVENT_NEW } from '../../src/row/layout.generated.js';
import type { Logger } from '../../src/common/logger.js';
import type { EventReceiver } from '../../src/sources/events.js';
import { changed, udp } from '../helpers/builders/connections.js';
import { EVENTS, FakeEvents } from '../helpers/fakes/fake-events.js';
import { nanoseconds, rows } from '../helpers/builders/rows.js';
import { StoreRig } from '../helpers/rigs/store-rig.js';

const NEVER = new Promise<void>(() => {});

/** Conntrack events over fakes: DESTROY, and NEW and UPDATE where all are received. */
function begin(changed: Partial<EventsOptions> = {}, isGuarded = true) {
  const rig = new StoreRig(changed.kind === 'all' ? { changes: true } : {});
  const logged: string[] = [];
  const destroys = new FakeEvents();
  destroys.isGuarded = isGuarded;
  if (!isGuarded) destroys.guardFailure = 'EPERM';
  const changes = new FakeEvents();
  const opened: EventOptions[] = [];
  const calls = { ends: 0, losses: 0, room: Infinity };
  const backend = {
    openEvents: (options: EventOptions, receiver: EventReceiver) => {
      opened.push(options);
      const fake = options.kinds.includes('destroy') ? destroys : changes;
      fake.receiver = receiver;
      return fake;
    },
  };
  const write = (first: unknown, second?: unknown): void => void logged.push(String(second ?? first));
  const log = { info: write, warn: write, error: write };
  const options: EventsOptions = { ...EVENTS, ...changed };
  const listener = {
    onChanges: () => undefined,
    onDestroys: () => void calls.ends++,
    roomForEnded: () => calls.room,
    onLoss: () => void calls.losses++,
  };
  const events = new ConntrackEvents(
    backend as unknown as Backend,
    options,
    rig.store,
    log as unknown as Logger,
    listener,
  );
  return { rig, events, logged, destroys, changes, opened, calls };
}

test('an event ends a connection in the store, and wakes the exporter', t => {
  const { rig, destroys, calls } = begin();
  rig.poll([udp(1, rig.wall, [1, 60, 0, 0])]);
  destroys.receiver.onBatch(rows({ ...udp(1, rig.wall, [2, 120, 0, 0]), stop: nanoseconds(rig.wall) }));
  t.is(rig.store.counts.destroyed, 1);
  t.is(calls.ends, 1);
});

test('ended connections wait in the kernel while no destination has room, as long as the kernel can hold them', t => {
  const { destroys, calls } = begin();
  const room = (): number => destroys.receiver.room!();
  t.is(room(), Infinity);
  calls.room = 7;
  t.is(room(), 7);
  calls.room = 0;
  t.is(room(), 0);
  // a limit of ten
  Object.assign(destroys.kernel, { drops: 7, tableCount: 20 });
  t.is(room(), 0);
  destroys.kernel.drops = 8;
  t.true(room() > 1_000);
  const unguarded = begin({}, false);
  unguarded.calls.room = 0;
  t.true(
    unguarded.destroys.receiver.room!() > 1_000,
    'what the kernel does not hold would be lost without its counters',
  );
});

test('while events wait in the kernel a poll goes on, and ends no connection without its event', async t => {
  const { rig, events, destroys } = begin();
  rig.poll([udp(1, rig.wall, [1, 60, 0, 0])]);
  destroys.isHeld = true;
  for (let poll = 0; poll < 3; poll++) {
    await events.afterDump();
    rig.poll([]);
  }
  t.is(rig.store.counts.eventless, 0);
  destroys.isHeld = false;
  await events.afterDump();
  rig.poll([]);
  t.is(rig.store.counts.eventless, 1);
});

test('a dying list that cannot be read does not end a poll', async t => {
  const { events, destroys, logged } = begin();
  destroys.kernel.drops = 1;
  destroys.dying = () => {
    throw new Error('EPERM');
  };
  await t.notThrowsAsync(events.afterDump());
  t.true(logged.some(line => line.includes('dying list cannot be read')));
});

test('without events the store ends what a poll does not show, as before', async t => {
  const { rig, destroys, logged } = begin();
  rig.poll([udp(1, rig.wall, [1, 60, 0, 0])]);
  destroys.receiver.onError(new Error('gone'));
  await turn();
  rig.advance(1_000);
  rig.poll([]);
  rig.due();
  t.is(rig.store.size, 0);
  t.true(logged.some(line => line.includes('without events')));
});

test('late events are a loss, with their counters', async t => {
  const { rig, events, destroys } = begin();
  const start = rig.wall;
  rig.poll([udp(1, start, [1, 60, 0, 0])]);
  rig.poll([]);
  rig.poll([]);
  destroys.receiver.onBatch(rows({ ...udp(1, start, [4, 240, 3, 210]), stop: nanoseconds(rig.wall) }));
  t.deepEqual(events.lost(), { connections: 1, packets: 6, octets: 390 });
});

test('at shutdown delivered events are read, and connections left on the dying list are a loss', async t => {
  const { events, destroys } = begin();
  destroys.kernel.drops = 3;
  destroys.dying = () => 3;
  await events.drain(NEVER, NEVER);
  t.deepEqual(destroys.calls.slice(-2), ['leave', 'close']);
  t.like(events.stats(), { unread: 3 });
  t.deepEqual(events.lost(), { connections: 3, packets: 0, octets: 0 });
});

test('at shutdown, when the time is up, what was received is taken whatever room there is, and what the kernel holds is counted', async t => {
  const { rig, events, destroys, calls } = begin();
  calls.room = 0;
  destroys.kernel.drops = 4;
  destroys.dying = () => 4;
  // nobody has room: reading the backlog does not end
  destroys.gate = new Promise(() => {});
  destroys.waiting = rows({ ...udp(1, rig.wall, [2, 120, 0, 0]), stop: nanoseconds(rig.wall) });
  t.is(destroys.receiver.room!(), 0);
  await events.drain(turn(), NEVER);
  t.true(destroys.receiver.room!() > 1_000);
  t.is(rig.store.counts.destroyed, 1);
  t.like(events.stats(), { unread: 4 });
});

test('at shutdown, events that were received and not taken in time are counted', async t => {
  const { events, destroys, logged } = begin();
  destroys.counted.destroyed = 3;
  destroys.leave = () => new Promise(() => {});
  await events.drain(turn(), turn());
  t.like(events.stats(), { unread: 3 });
  t.is(events.untaken, 3);
  t.is(events.lost().connections, 3);
  t.true(logged.some(line => line.includes('left unread')));
});

test('at shutdown the dying list is read as long as it gets shorter', async t => {
  const { events, destroys } = begin();
  let dying = 4;
  destroys.kernel.drops = 4;
  destroys.dying = () => --dying;
  await events.drain(NEVER, NEVER);
  t.like(events.stats(), { unread: 0 });
  t.is(dying, 0);
});

test('as long as something is on the dying list, a poll ends no connection without its event', async t => {
  const { rig, events, destroys } = begin();
  const start = rig.wall;
  rig.poll([udp(1, start, [1, 60, 0, 0])]);
  destroys.kernel.drops = 1;
  for (const dying of [1, 1, 1]) {
    destroys.dying = () => dying;
    await events.afterDump();
    rig.poll([]);
  }
  t.is(rig.store.counts.eventless, 0);
  destroys.dying = () => 0;
  await events.afterDump();
  rig.poll([]);
  t.is(rig.store.counts.eventless, 1);
});

test('the dying list is read before the events are drained, so events in between are not missed', async t => {
  const { events, destroys } = begin();
  destroys.kernel.drops = 1;
  destroys.dying = () => {
    destroys.calls.push('dying');
    return 0;
  };
  await events.afterDump();
  t.deepEqual(destroys.calls, ['dying', 'drain']);
});

test('connections for which the kernel makes no events are counted, and logged once', t => {
  for (const earlierHaveNone of [false, true]) {
    const { rig, events, logged } = begin({ earlierHaveNone });
    const past = rig.wall - 60_000;
    rig.poll([udp(1, past, [1, 60, 0, 0]), udp(2, past, [1, 60, 0, 0]), udp(3, rig.wall, [1, 60, 0, 0])]);
    events.afterPoll(true);
    events.afterPoll(true);
    t.is(events.stats().pollOnly, earlierHaveNone ? 2 : 0);
    t.is(logged.filter(line => line.includes('polls alone')).length, earlierHaveNone ? 1 : 0);
  }
});

test('all: NEW and UPDATE events have a socket of their own, whose losses are counted', t => {
  const { rig, destroys, changes, opened, calls } = begin({ kind: 'all' });
  t.deepEqual(
    opened.map(({ kinds, guarded, broadcastError }) => [kinds, guarded, broadcastError]),
    [
      [['new', 'update'], undefined, false],
      [['destroy'], true, false],
    ],
  );
  changes.receiver.onBatch(rows(changed(EVENT_NEW, udp(1, rig.wall, [1, 60, 0, 0]))));
  t.is(rig.store.pendingEvents!.count, 1);
  changes.receiver.onOverrun!();
  t.is(calls.losses, 1);
  t.is(destroys.receiver.onOverrun, undefined, 'the kernel delivers those again');
});

test('all: a DESTROY event is applied after the NEW and UPDATE events before it, in a dump too', async t => {
  const { rig, events, destroys, changes, calls } = begin({ kind: 'all' });
  let open!: () => void;
  changes.gate = new Promise(done => (open = done));
  const delivered = destroys.receiver.onBatch(rows(udp(1, rig.wall, [1, 60, 0, 0], { timeout: 3 })));
  const merging = events.beforeMerge();
  await turn();
  t.deepEqual([changes.calls, calls.ends], [['drain', 'drain'], 0]);
  open();
  await delivered;
  await merging;
  t.is(calls.ends, 1);
  t.is(rig.store.counts.unseen, 1);
});

test('all: when NEW and UPDATE events fail, DESTROY events continue', t => {
  const { rig, destroys, changes, logged } = begin({ kind: 'all' });
  changes.receiver.onError(new Error('gone'));
  t.true(logged.some(line => line.includes('without NEW and UPDATE')));
  return Promise.resolve(destroys.receiver.onBatch(rows(udp(1, rig.wall, [1, 60, 0, 0], { timeout: 3 })))).then(() =>
    t.is(rig.store.counts.destroyed, 1),
  );
});
