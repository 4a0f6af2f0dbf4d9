import test from 'ava';
import { Rates } from '../../../src/daemon/top/rates.js';
import { tcp } from '../../helpers/builders/connections.js';
import type { Facts } from '../../helpers/builders/rows.js';
import { StoreRig } from '../../helpers/rigs/store-rig.js';

const EARLIER = 1_699_999_000_000;

function rig(replayed = false): {
  rig: StoreRig;
  rates: Rates;
  poll(facts: Facts[], complete?: boolean): Promise<void>;
} {
  const rig = new StoreRig({ destinations: [] });
  const rates = new Rates({ table: rig.store.table, polledAt: () => rig.store.polledAt, replayed });
  const poll = async (facts: Facts[], complete = true): Promise<void> => {
    rig.poll(facts, complete);
    await rates.afterPoll(complete);
  };
  return { rig, rates, poll };
}

test('a rate is what the counters of both directions have moved between two whole polls', async t => {
  const { rig: store, rates, poll } = rig();
  rates.ask();
  await poll([tcp(1, EARLIER, [10, 1_000, 10, 500]), tcp(2, EARLIER, [1, 100, 0, 0])]);
  t.is(rates.span, undefined, 'one poll has no rate');
  t.is(rates.of(0), Number.NaN);
  store.advance(2_000);
  await poll([tcp(1, EARLIER, [12, 3_000, 14, 1_500]), tcp(2, EARLIER, [1, 100, 0, 0])]);
  t.is(rates.span, 2_000);
  t.deepEqual([rates.of(0), rates.of(1)], [1_500, 0]);
  store.advance(1_000);
  await poll([tcp(1, EARLIER, [12, 3_100, 14, 1_500])], false);
  t.is(rates.of(0), 1_500, 'an incomplete poll has not seen them all');
  store.advance(3_000);
  await poll([tcp(1, EARLIER, [12, 3_500, 14, 1_500]), tcp(2, EARLIER, [1, 100, 0, 0])]);
  t.deepEqual([rates.span, rates.of(0)], [4_000, 125]);
});

test('a connection that began since has moved all that it has counted, an older one says nothing yet', async t => {
  const { rig: store, rates, poll } = rig();
  rates.ask();
  await poll([tcp(1, EARLIER, [1, 100, 0, 0])]);
  store.advance(2_000);
  await poll([
    tcp(1, EARLIER, [1, 100, 0, 0]),
    tcp(2, store.wall - 500, [4, 4_000, 0, 0]),
    tcp(3, EARLIER, [9, 9_000, 0, 0]),
  ]);
  t.deepEqual([rates.of(1), rates.of(2)], [2_000, Number.NaN]);
});

test('a slot that has another connection, and counters that were set to zero, have no rate of the one before', async t => {
  const { rig: store, rates, poll } = rig();
  rates.ask();
  await poll([tcp(1, EARLIER, [9, 9_000, 0, 0]), tcp(2, EARLIER, [9, 9_000, 0, 0])]);
  store.advance(1_000);
  await poll([tcp(1, EARLIER, [9, 10_000, 0, 0]), tcp(2, EARLIER, [1, 50, 0, 0])]);
  t.is(rates.of(1), Number.NaN, 'its counters fell');
  store.advance(1_000);
  store.poll([tcp(2, EARLIER, [1, 50, 0, 0])]);
  store.poll([tcp(7, store.wall - 10, [1, 60, 0, 0]), tcp(2, EARLIER, [1, 50, 0, 0])]);
  t.is(store.store.table.startMs(0), store.wall - 10, 'the slot was given again');
  t.is(rates.of(0), Number.NaN, 'before the poll is over');
  await rates.afterPoll(true);
  t.is(rates.of(0), 60);
});

test('connections without counters have no rate, and of a recording its own clock counts', async t => {
  const { rig: store, rates, poll } = rig(true);
  rates.ask();
  const { counters: _, ...uncounted } = tcp(2, EARLIER, [0, 0, 0, 0]);
  await poll([tcp(1, EARLIER, [1, 100, 0, 0]), uncounted]);
  store.advance(10, 5_000);
  await poll([tcp(1, EARLIER, [1, 5_100, 0, 0]), uncounted]);
  t.deepEqual([rates.span, rates.of(0), rates.of(1)], [5_000, 1_000, Number.NaN]);
});

test('nothing is kept where nobody has asked', async t => {
  const { rig: store, rates, poll } = rig();
  await poll([tcp(1, EARLIER, [1, 100, 0, 0])]);
  store.advance(1_000);
  await poll([tcp(1, EARLIER, [1, 200, 0, 0])]);
  t.is(rates.span, undefined);
  t.is(rates.of(0), Number.NaN);
});
