import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Poller, RESYNC_GAP_MS } from '../../src/ingest/poller.js';
import { eventually } from '../helpers/eventually.js';
import { udp } from '../helpers/builders/connections.js';
import { FakeSource } from '../helpers/fakes/fake-source.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';
import { StoreRig } from '../helpers/rigs/store-rig.js';

const TIMER_EARLY_MS = 2; // Node's timers leave out the fractions of their delay and of the time at which they begin

function begin(t: ExecutionContext, source: FakeSource) {
  const resynced: number[] = [];
  const poller = new Poller(source, new StoreRig().store, listeningLogger().log, () =>
    resynced.push(performance.now()),
  );
  t.teardown(() => poller.close());
  return { poller, resynced };
}

test('one extra poll answers all requests before it; the next is not at once', async t => {
  const source = new FakeSource([{ connections: [] }]);
  const { poller, resynced } = begin(t, source);
  // before the first poll, however long the test is held up between the poll's begin and its own look at the clock
  const asked = performance.now();
  for (let i = 0; i < 10; i++) poller.resync();
  await eventually('the first poll', () => resynced.length === 1);
  for (let i = 0; i < 10; i++) poller.resync();
  await eventually('the second poll', () => resynced.length === 2);
  t.true(resynced[1] - asked >= RESYNC_GAP_MS - TIMER_EARLY_MS);
  t.is(poller.resyncs, 2);
  t.is(source.dumps, 2);
});

test('after close there is no extra poll', async t => {
  const source = new FakeSource([{ connections: [] }]);
  const { poller } = begin(t, source);
  poller.resync();
  poller.close();
  poller.resync();
  await pause(20);
  t.is(source.dumps, 0);
});

test('a failed extra poll is counted', async t => {
  const { poller, resynced } = begin(t, new FakeSource([{ fails: new Error('no') }]));
  poller.resync();
  await eventually('the failure', () => poller.counts.incomplete === 1);
  t.deepEqual(resynced, []);
});

/** A CPU clock that is ahead by 2 ms each time it is read. */
function tickingCpu(): () => number {
  let spent = 0;
  return () => (spent += 2);
}

test('a poll costs what the source has taken, and merging', async t => {
  const source = new FakeSource([{ connections: Array.from({ length: 7 }, (_, i) => udp(i + 1, 0, [1, 100, 0, 0])) }]);
  source.cpu = 40;
  const polled: number[] = [];
  const interval = { polled: (cpu: number) => polled.push(cpu), notBefore: 0, current: 5_000, share: 12.345 };
  const cost = { cpu: tickingCpu(), interval };
  const poller = new Poller(source, new StoreRig().store, listeningLogger().log, () => {}, cost);
  t.teardown(() => poller.close());
  await poller.poll();
  t.deepEqual(polled, [40 + 3 * 2], 'three batches');
  t.like(poller.stats(), { polls: 1, interval: 5_000, share: 12.3 });
  source.cpu = undefined;
  await poller.poll();
  t.is(polled.length, 1, 'a recording takes no part');
});

test('the budget delays an extra poll, and a poll in turn answers for it', async t => {
  const source = new FakeSource([{ connections: [] }]);
  const interval = { polled: () => {}, notBefore: performance.now() + 3_600_000, current: 5_000, share: 0 };
  const resynced: number[] = [];
  const cost = { cpu: () => 0, interval };
  const poller = new Poller(source, new StoreRig().store, listeningLogger().log, () => resynced.push(0), cost);
  t.teardown(() => poller.close());
  poller.resync();
  await pause(20);
  t.is(source.dumps, 0);
  await poller.pollInTurn();
  interval.notBefore = 0;
  await pause(20);
  t.deepEqual([source.dumps, poller.resyncs, resynced.length], [1, 0, 0]);
  poller.resync();
  await eventually('the extra poll', () => resynced.length === 1);
  t.is(source.dumps, 2);
});

test('a poll out of turn that hangs is behind, and what is late says how much', async t => {
  let end = (): void => {};
  const source = new FakeSource([{ connections: [] }]);
  source.gate = new Promise<void>(resolve => (end = resolve));
  const { poller } = begin(t, source);
  t.is(poller.stats().behind, 0);
  t.is(poller.stats(70).behind, 70);
  poller.resync();
  await eventually('it is behind', () => poller.stats().behind > 50);
  end();
  await eventually('the poll is over', () => poller.stats().behind === 0);
  t.is(poller.counts.polls, 1);
});
