import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import type { Backend } from '../src/backend.js';
import { EndEvents } from '../src/end-events.js';
import type { Logger } from '../src/logger.js';
import type { EventReceiver } from '../src/sources/events.js';
import { udp } from './helpers/connections.js';
import { nanoseconds, rows } from './helpers/rows.js';
import { StoreRig } from './helpers/store-rig.js';

/** Events in the hands of the test. */
function begin(dying: () => number = () => 0) {
  const rig = new StoreRig();
  const said: string[] = [];
  const kept: boolean[] = [];
  let receiver!: EventReceiver;
  let ends = 0;
  const source = {
    receiveBuffer: 4096,
    drain: () => Promise.resolve(),
    dyingCount: async () => dying(),
    setBroadcastError: (on: boolean) => void kept.push(on),
    counts: () => ({ destroyed: 1 }),
    close: () => undefined,
  };
  const backend = {
    openEvents: (_: unknown, to: EventReceiver) => {
      receiver = to;
      return source;
    },
  };
  const say = (first: unknown, second?: unknown): void => void said.push(String(second ?? first));
  const log = { info: say, warn: say, error: say };
  const options = { filter: {}, receiveBuffer: 4096, dyingLimit: 10 };
  const events = new EndEvents(
    backend as unknown as Backend,
    options,
    rig.store,
    log as unknown as Logger,
    () => void ends++,
  );
  return { rig, events, said, kept, receiver, ends: () => ends };
}

test('an event ends a connection in the store, and who exports is told', t => {
  const { rig, receiver, ends } = begin();
  rig.poll([udp(1, rig.wall, [1, 60, 0, 0])]);
  receiver.onBatch(rows({ ...udp(1, rig.wall, [2, 120, 0, 0]), stop: nanoseconds(rig.wall) }));
  t.is(rig.store.counts.destroyed, 1);
  t.is(ends(), 1);
});

test('above the limit of the dying list the kernel no longer keeps them, and it is said once', async t => {
  let dying = 10;
  const { events, kept, said } = begin(() => dying);
  await events.settle();
  t.deepEqual(kept, []);
  dying = 11;
  await events.settle();
  await events.settle();
  t.deepEqual(kept, [false]);
  t.is(said.filter(line => line.includes('may be lost')).length, 1);
});

test('a dying list that cannot be read does not end a poll', async t => {
  const { events, said } = begin(() => {
    throw new Error('EPERM');
  });
  await t.notThrowsAsync(events.settle());
  t.true(said.some(line => line.includes('dying list cannot be read')));
});

test('without events the store ends what a poll does not show, as before', async t => {
  const { rig, receiver, said } = begin();
  rig.poll([udp(1, rig.wall, [1, 60, 0, 0])]);
  receiver.onError(new Error('gone'));
  await turn();
  rig.advance(1_000);
  rig.poll([]);
  rig.due();
  t.is(rig.store.size, 0);
  t.true(said.some(line => line.includes('without events')));
});
