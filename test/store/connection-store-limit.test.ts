import test from 'ava';
import { tcp, udp, withoutStart } from '../helpers/builders/connections.js';
import type { Facts } from '../helpers/builders/rows.js';
import { StoreRig } from '../helpers/rigs/store-rig.js';

// antrea-io/antrea#7198
test('at the hard limit the longest idle connection is exported with end reason 5 and its unexported counters, and counted', t => {
  const rig = new StoreRig({ maxConnections: 3 });
  const began = rig.wall;
  rig.poll([tcp(1, began, [1, 100, 0, 0]), tcp(2, began, [1, 100, 0, 0]), tcp(3, began, [1, 100, 0, 0])]);
  rig.after(5_000);
  rig.poll([tcp(1, began, [1, 100, 0, 0]), tcp(2, began, [1, 100, 0, 0]), tcp(3, began, [2, 150, 0, 0])]);
  rig.advance(1_000);
  rig.poll([tcp(1, began, [1, 100, 0, 0]), tcp(2, began, [4, 400, 0, 0]), tcp(3, began, [2, 150, 0, 0])]);
  rig.advance(2_000);
  rig.poll([tcp(1, began, [2, 200, 0, 0]), tcp(2, began, [4, 400, 0, 0]), tcp(3, began, [2, 150, 0, 0])]);
  rig.advance(1_000);
  const started = rig.wall - 500;
  // 3 is the oldest idle one, then 2
  rig.poll([
    tcp(1, began, [2, 200, 0, 0]),
    tcp(4, started, [1, 60, 0, 0]),
    tcp(5, started, [1, 60, 0, 0]),
    tcp(2, began, [4, 400, 0, 0]),
    tcp(3, began, [2, 150, 0, 0]),
  ]);
  const [third, second, ...none] = rig.destinations[0].evicted;
  t.like(third, { port: 3, reason: 5 });
  t.deepEqual(third.deltas, [1n, 50n, 0n, 0n]);
  t.like(second, { port: 2, reason: 5 });
  t.deepEqual(second.deltas, [3n, 300n, 0n, 0n]);
  t.deepEqual(none, []);
  t.like(rig.store.counts, { evicted: 2, refused: 2 });
  t.is(rig.store.size, 3);
});

test('at the limit connections do not take turns: an evicted one stays out while the others stay', t => {
  const rig = new StoreRig({ maxConnections: 2 });
  const began = rig.wall;
  const all = (): Facts[] => [1, 2, 3].map(port => tcp(port, began + port, [1, 60, 0, 0]));
  rig.poll(all().slice(0, 2));
  for (let i = 0; i < 5; i++) {
    rig.advance(5_000);
    rig.poll(all());
  }
  t.is(rig.store.counts.evicted, 1);
  t.is(rig.store.counts.refused, 1, 'once, however often it is seen');
});

test('at the limit a new connection is refused and counted when every stored one has new packets', t => {
  const rig = new StoreRig({ maxConnections: 2 });
  const began = rig.wall;
  rig.poll([1, 2, 3].map(port => tcp(port, began, [1, 60, 0, 0])));
  t.like(rig.store.counts, { added: 2, evicted: 0, refused: 1 });
});

for (const firstSight of ['baseline', 'total'] as const) {
  for (const known of [true, false]) {
    const title = `${firstSight}, ${known ? 'with' : 'without'} timestamps`;
    const facts = (port: number, started: number, packets: number): Facts => {
      const whole = udp(port, started, [packets, packets * 100, 0, 0]);
      return known ? whole : withoutStart(whole);
    };

    test(`a connection evicted and stored again is not doubled (${title})`, t => {
      const rig = new StoreRig({ maxConnections: 2, firstSight });
      rig.poll([]);
      rig.advance(5_000);
      const began = rig.wall;
      rig.poll([facts(1, began, 10), facts(2, began, 10)]);
      rig.after(5_000);
      rig.poll([facts(1, began, 10), facts(2, began, 11), facts(3, rig.wall, 1)], false);
      t.is(rig.store.counts.evicted, 1);
      t.is(rig.destinations[0].evicted.length, 0, 'it had nothing new');
      rig.advance(5_000);
      const third = rig.wall - 5_000;
      rig.poll([facts(1, began, 11), facts(2, began, 11), facts(3, third, 2)]);
      rig.due();
      rig.advance(5_000);
      // 3 has gone; the place that it leaves is free for 1
      rig.poll([facts(1, began, 11), facts(2, began, 11)]);
      rig.due();
      rig.advance(5_000);
      rig.poll([facts(1, began, 12), facts(2, began, 11)]);
      rig.advance(5_000);
      rig.poll([facts(1, began, 15), facts(2, began, 11)]);
      rig.after(5_000);
      const told = [...rig.destinations[0].reports, ...rig.destinations[0].evicted]
        .filter(({ port }) => port === 1)
        .reduce((sum, { deltas }) => sum + deltas[0], 0n);
      t.true(told <= 15n, `told ${told} of 15 packets`);
      t.true(told >= 10n, `told ${told} of 15 packets`);
    });

    test(`at the limit no connection returns as new within the poll that evicted it (${title})`, t => {
      const rig = new StoreRig({ maxConnections: 2, firstSight });
      rig.poll([]);
      rig.advance(5_000);
      const began = rig.wall; // while the dump was under way
      rig.poll([facts(1, began, 10), facts(2, began, 10)]);
      rig.advance(5_000);
      rig.poll([facts(3, rig.wall - 10, 1), facts(1, began, 10), facts(2, began, 11)], false);
      rig.advance(5_000);
      rig.poll([facts(3, rig.wall - 5_010, 1), facts(1, began, 10), facts(2, began, 11)], false);
      t.is(rig.store.counts.evicted, 1);
      t.is(rig.store.counts.added, 3);
    });
  }
}

test('a connection refused at the limit is exported whole when there is room', t => {
  const rig = new StoreRig({ maxConnections: 1 });
  rig.poll([]);
  const began = rig.wall;
  rig.advance(5_000);
  rig.poll([udp(1, began, [1, 100, 0, 0]), udp(2, began, [5, 500, 0, 0])]);
  rig.advance(5_000);
  rig.poll([udp(2, began, [6, 600, 0, 0])]);
  rig.due();
  rig.advance(5_000);
  rig.poll([udp(2, began, [7, 700, 0, 0])]);
  t.deepEqual(
    rig.after(5_000).map(({ port, deltas }) => [port, deltas[0]]),
    [[2, 7n]],
  );
});

test('below the limit again, a new connection without timestamps is exported whole', t => {
  const rig = new StoreRig({ maxConnections: 1 });
  const facts = (port: number): Facts => withoutStart(udp(port, 0, [5, 500, 0, 0]));
  rig.poll([]);
  rig.poll([facts(1)]);
  rig.advance(5_000);
  rig.poll([facts(1), facts(2)]);
  t.is(rig.store.counts.evicted, 1);
  for (const _ of [1, 2, 3]) {
    rig.advance(5_000);
    rig.poll([]);
    rig.due();
  }
  rig.poll([facts(3)]);
  t.deepEqual(rig.after(5_000)[0].deltas, [5n, 500n, 0n, 0n]);
});

test('at the limit a reopened tuple is a new connection, too', t => {
  const rig = new StoreRig({ maxConnections: 3 });
  const facts = (port: number, packets: number): Facts => withoutStart(udp(port, 0, [packets, packets * 100, 0, 0]));
  rig.poll([]);
  rig.poll([facts(1, 9), facts(2, 9), facts(4, 1)]);
  rig.advance(5_000);
  rig.poll([facts(1, 9), facts(2, 10), facts(3, 5), facts(4, 1)]);
  t.is(rig.store.counts.evicted, 1);
  rig.due();
  rig.advance(5_000);
  rig.poll([facts(2, 10), facts(3, 2)]);
  t.is(rig.store.counts.reopened, 1);
  t.deepEqual(
    rig.all().map(({ port, deltas }) => [port, deltas[0]]),
    [
      [3, 5n],
      [3, 2n],
    ],
  );
});

for (const events of [true, false]) {
  for (const seed of [1, 2, 3, 4]) {
    test(`at the limit, what is exported and what is counted as lost add up to what the kernel counted (seed ${seed}, ${events ? 'with' : 'without'} events)`, t => {
      let state = seed;
      const random = (below: number): number => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
      };
      const rig = new StoreRig({ maxConnections: 5, destinations: [{}, { activeFlowExportTimeout: 60_000 }] });
      rig.store.expectEvents(events);
      rig.poll([]);
      let kernel = 0n;
      let ports = 0;
      let open: { facts: Facts; packets: number }[] = [];
      const shown = (): Facts[] =>
        open.map(({ facts, packets }) => ({ ...facts, counters: [packets, packets * 100, 0, 0] }));
      for (let round = 0; round < 60; round++) {
        rig.advance(1_000);
        for (let i = random(5); i > 0; i--) open.push({ facts: udp(++ports, rig.wall - 1, [0, 0, 0, 0]), packets: 0 });
        for (const one of open) {
          if (random(3) > 0 && one.packets > 0) continue;
          const more = 1 + random(4);
          one.packets += more;
          kernel += BigInt(more);
        }
        if (events) {
          const ended = open.filter(() => random(6) === 0);
          open = open.filter(one => !ended.includes(one));
          rig.destroy(
            ...ended.map(({ facts, packets }): Facts => ({ ...facts, counters: [packets, packets * 100, 0, 0] })),
          );
        }
        rig.poll(shown());
        // polls alone see no packet after the last one
        if (!events) open = open.filter(() => random(6) > 0);
        rig.destinations[1].takes = random(4) > 0;
        for (const which of [0, 1]) if (rig.destinations[which].takes) rig.due(which);
      }
      rig.store.endKeptOut();
      t.true(rig.store.counts.evicted > 0 && rig.store.counts.refused > 0);
      for (const [which, { schedule, reports, evicted }] of rig.destinations.entries()) {
        rig.destinations[which].takes = true;
        rig.all(which);
        const exported = [...reports, ...evicted].reduce((sum, { deltas }) => sum + deltas[0], 0n);
        const { packets, octets } = schedule.evictedUnreported;
        t.is(exported + BigInt(packets + schedule.endedOverflow.packets), kernel);
        t.is(octets, packets * 100);
        t.true(packets > 0);
      }
    });
  }
}

test('a connection kept out whose counters somebody sets to zero loses none of its packets uncounted', t => {
  const rig = new StoreRig({ maxConnections: 1 });
  rig.poll([]);
  const began = rig.wall;
  rig.advance(1_000);
  rig.poll([udp(1, began, [1, 100, 0, 0]), udp(2, began, [8, 800, 0, 0])]);
  rig.advance(1_000);
  rig.poll([udp(1, began, [2, 200, 0, 0]), udp(2, began, [3, 300, 0, 0])]);
  rig.store.endKeptOut();
  t.like(rig.destinations[0].schedule.evictedUnreported, { connections: 2, packets: 11, octets: 1100 });
  t.is(rig.store.counts.refused, 1);
});

test('a connection kept out whose mark leaves the filter is exported to its end all the same, or counted', t => {
  const rig = new StoreRig({
    maxConnections: 1,
    endedRoom: 8,
    filter: { mark: { value: 1, mask: 0xff } },
  });
  rig.store.expectEvents(true);
  rig.poll([]);
  const began = rig.wall;
  rig.advance(1_000);
  rig.poll([udp(1, began, [4, 400, 0, 0], { mark: 1 })]);
  rig.after(5_000);
  const second = udp(2, rig.wall - 10, [1, 100, 0, 0], { mark: 1 });
  rig.poll([second]);
  t.is(rig.store.counts.evicted, 1);
  rig.advance(1_000);
  rig.poll([second, udp(1, began, [7, 700, 0, 0], { mark: 2 })]);
  rig.destroy(udp(1, began, [9, 900, 0, 0], { mark: 2 }));
  rig.due();
  const { reports, schedule } = rig.destinations[0];
  const told = reports.filter(({ port }) => port === 1).reduce((sum, { deltas }) => sum + deltas[0], 0n);
  t.is(told + BigInt(schedule.evictedUnreported.packets), 9n);
  t.is(rig.store.counts.filtered, 0);
});

test('of a connection from before that finds no room, what no earlier run has exported is counted as lost', t => {
  const rig = new StoreRig({ maxConnections: 1 });
  rig.store.expectExported({ isOpen: () => true, exported: () => Uint32Array.of(4, 0, 400, 0, 0, 0, 0, 0) });
  const began = rig.wall - 60_000;
  rig.poll([udp(1, began, [9, 900, 0, 0]), udp(2, began, [10, 1000, 0, 0])]);
  rig.store.endKeptOut();
  t.like(rig.destinations[0].schedule.evictedUnreported, { connections: 1, packets: 6, octets: 600 });
});
