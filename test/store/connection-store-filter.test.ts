import test from 'ava';
import { changed, tcp, udp, withoutStart } from '../helpers/builders/connections.js';
import { EVENT_NEW } from '../../src/row/layout.generated.js';
import type { Facts } from '../helpers/builders/rows.js';
import { StoreRig, type RigOptions } from '../helpers/rigs/store-rig.js';

const MARKED: RigOptions = { filter: { mark: { value: 1, mask: 0xffff_ffff } } };
const ASSURED: RigOptions = { filter: { status: { value: 4, mask: 4 } } };

const packets = (rig: StoreRig): bigint => rig.destinations[0].reports.reduce((sum, { deltas }) => sum + deltas[0], 0n);

/** Polls once, so that what comes is new. */
function ready(options: RigOptions, events = false): StoreRig {
  const rig = new StoreRig(options);
  rig.store.expectEvents(events);
  rig.poll([]);
  rig.advance(5_000);
  return rig;
}

for (const events of [true, false]) {
  for (const known of [true, false]) {
    const title = `${known ? 'with' : 'without'} timestamps, ${events ? 'with' : 'without'} events`;
    const exchange = (started: number, count: number, mark: number): Facts => {
      const whole = udp(1, started, [count, count * 100, 0, 0], { mark });
      return known ? whole : withoutStart(whole);
    };

    test(`a connection whose mark leaves the filter and returns is exported once, with what it counted meanwhile (${title})`, t => {
      const rig = ready(MARKED, events);
      const began = rig.wall;
      for (const [count, mark] of [
        [10, 1],
        [20, 2],
        [20, 2],
        [20, 2],
        [30, 1],
        [40, 3],
      ]) {
        rig.poll([exchange(began, count, mark)]);
        rig.after(5_000);
      }
      t.deepEqual([packets(rig), rig.store.counts.added, rig.store.size], [40n, 1, 1]);
      if (events) rig.destroy(exchange(began, 45, 3));
      else rig.poll([]);
      rig.due();
      t.deepEqual([packets(rig), rig.store.size, rig.store.counts.filtered], [events ? 45n : 40n, 0, 0]);
    });
  }
}

test('a connection that does not match is not stored, and counted each time', t => {
  const rig = ready(MARKED, true);
  rig.poll([udp(1, rig.wall, [1, 100, 0, 0], { mark: 2 }), udp(2, rig.wall, [1, 100, 0, 0], { mark: 1 })]);
  rig.destroy(udp(1, rig.wall, [1, 100, 0, 0], { mark: 2 }), udp(3, rig.wall, [1, 100, 0, 0]));
  t.deepEqual([rig.store.size, rig.store.counts.filtered], [1, 3]);
});

test('a connection that comes to match has all that it counted since its start in its deltas', t => {
  const rig = ready(ASSURED);
  const began = rig.wall;
  rig.poll([udp(1, began, [3, 300, 0, 0], { status: 0xa })]);
  rig.after(5_000);
  rig.poll([udp(1, began, [9, 900, 0, 0])]);
  rig.after(5_000);
  t.is(packets(rig), 9n);
});

test('a connection that only its DESTROY event shows is exported where it matches then', t => {
  const rig = ready(MARKED, true);
  rig.destroy(tcp(1, rig.wall, [5, 500, 0, 0], { mark: 1 }), tcp(2, rig.wall, [7, 700, 0, 0], { mark: 2 }));
  rig.due();
  t.is(packets(rig), 5n);
});

test('a reopened tuple is tested by itself', t => {
  const rig = ready(MARKED);
  rig.poll([udp(1, rig.wall, [5, 500, 0, 0], { mark: 1 })]);
  rig.after(5_000);
  rig.poll([udp(1, rig.wall, [2, 200, 0, 0], { mark: 2 })]);
  rig.due();
  t.deepEqual([packets(rig), rig.store.size, rig.store.counts.filtered], [5n, 0, 1]);
});

test('what an earlier run has exported is stored whatever its mark is now', t => {
  const rig = new StoreRig(MARKED);
  rig.store.expectExported({ isOpen: (row, from) => row[from] !== 0, exported: () => undefined });
  rig.poll([udp(1, rig.wall - 1000, [5, 500, 0, 0], { mark: 2 })]);
  t.is(rig.store.size, 1);
});

test('NEW events of connections that are left out do not wait', t => {
  const rig = ready({ ...MARKED, changes: true }, true);
  const out = udp(1, rig.wall, [1, 100, 0, 0], { mark: 2 });
  const ended = udp(2, rig.wall, [1, 100, 0, 0], { mark: 2 });
  rig.receive(changed(EVENT_NEW, out), changed(EVENT_NEW, ended));
  rig.destroy(ended);
  rig.poll([out]);
  t.like(rig.store.pendingEvents, { count: 0, expired: 0 });
});
