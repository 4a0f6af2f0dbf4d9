import test from 'ava';
import * as fc from 'fast-check';
import { udp } from '../helpers/builders/connections.js';
import { nanoseconds, rows, type Facts } from '../helpers/builders/rows.js';
import { StoreRig } from '../helpers/rigs/store-rig.js';
import { seeded } from '../helpers/seed.js';

/** As without nf_conntrack_timestamp. */
function exchange(packets: number, port = 1): Facts {
  const { start: _, timeout: __, ...rest } = udp(port, 0, [packets, packets * 100, 0, 0]);
  return rest;
}

/** A store that hears of ends, and has been polled once. */
function listening(): StoreRig {
  const rig = new StoreRig();
  rig.store.expectEvents(true);
  rig.poll([]);
  rig.advance(100);
  return rig;
}

const packets = (rig: StoreRig): bigint[] => rig.destinations[0].reports.map(({ deltas }) => deltas[0]);

test('without timestamps the event of a later connection is not the end of one that waits for its own', t => {
  const rig = listening();
  rig.poll([exchange(9)]);
  rig.after(5_000);
  rig.store.beginDump();
  rig.store.beginPoll(rig.now(), rig.timeouts);
  rig.store.merge(rows(exchange(2)), rig.now());
  // the event of the first was lost
  rig.destroy(exchange(3));
  rig.store.endPoll(true);
  rig.due();
  t.deepEqual(packets(rig), [9n, 3n]);
  t.like(rig.store.counts, { destroyed: 1, eventless: 1 });
  t.is(rig.store.size, 0);
});

test('without timestamps another tuple with the id of one that waits, or has ended without its event, is not it', t => {
  const rig = listening();
  const other = { ...exchange(9, 2), id: exchange(9).id! };
  rig.poll([exchange(4)]);
  rig.store.beginDump();
  rig.store.beginPoll(rig.now(), rig.timeouts);
  rig.store.merge(rows(exchange(1)), rig.now());
  rig.destroy(other, exchange(5));
  rig.store.endPoll(true);
  rig.due();
  rig.poll([]);
  rig.poll([]);
  rig.destroy({ ...other, counters: [11, 1100, 0, 0] });
  rig.due();
  t.deepEqual(packets(rig).toSorted(), [1n, 11n, 5n, 9n]);
  t.is(rig.store.counts.late.connections, 0);
});

test('without timestamps an event that has counted less than a connection that ended without its own is of a later one', t => {
  const rig = listening();
  rig.poll([exchange(9)]);
  rig.after(5_000);
  rig.poll([]);
  rig.poll([]);
  rig.destroy(exchange(3));
  rig.due();
  t.deepEqual(packets(rig), [9n, 3n]);
  t.is(rig.store.counts.late.connections, 0);
  rig.destroy(exchange(11));
  t.like(rig.store.counts.late, { connections: 1, packets: 2 }, 'its own');
});

test('a dump that was asked for before the kernel took a destroyed connection from its table does not restore it', t => {
  const rig = listening();
  const facts = udp(1, rig.wall, [2, 120, 0, 0], { stop: nanoseconds(rig.wall) });
  rig.destroy(facts);
  rig.pollAfter(() => {}, [facts]);
  rig.due();
  t.deepEqual(packets(rig), [2n]);
  t.is(rig.store.size, 0);
});

test('the counters of a connection that waits for its event were set to zero meanwhile: the event brings those since', t => {
  const rig = listening();
  const start = rig.wall;
  rig.poll([udp(1, start, [9, 900, 0, 0])]);
  rig.after(5_000);
  rig.store.beginDump();
  rig.store.beginPoll(rig.now(), rig.timeouts);
  rig.merge([udp(1, rig.wall, [1, 100, 0, 0])]);
  rig.destroy(udp(1, start, [2, 200, 0, 0], { stop: nanoseconds(rig.wall) }));
  rig.store.endPoll(true);
  rig.due();
  t.deepEqual(packets(rig), [9n, 2n]);
  t.is(rig.store.counts.counterResets, 1);
  t.is(rig.store.takeZeroed()!.is.original.packets, 2n);
});

test('the counters of a connection that was taken for ended were set to zero before it returned', t => {
  const rig = new StoreRig();
  rig.poll([]);
  rig.advance(100);
  const start = rig.wall;
  rig.poll([udp(1, start, [9, 900, 0, 0])]);
  rig.advance(5_000);
  rig.poll([]);
  rig.poll([udp(1, start, [2, 200, 0, 0])]);
  rig.due();
  t.deepEqual([...packets(rig), ...rig.after(5_000).map(({ deltas }) => deltas[0])], [9n, 2n]);
  t.is(rig.store.counts.counterResets, 1);
  const { was, is } = rig.store.takeZeroed()!;
  t.deepEqual([was.original.packets, is.original.packets], [9n, 2n]);
});

const PORTS = 3;
type Step =
  | { readonly do: 'traffic'; readonly port: number; readonly packets: number }
  | { readonly do: 'end'; readonly port: number; readonly lost: number }
  | { readonly do: 'deliver' | 'export' }
  | { readonly do: 'poll'; readonly whole: boolean; readonly early: number };
const port = fc.integer({ min: 1, max: PORTS });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('traffic' as const), port, packets: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('end' as const), port, lost: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('deliver' as const, 'export' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('poll' as const), whole: fc.boolean(), early: fc.nat(3) }) },
);

test('property: without timestamps nothing is exported twice where events are lost, and nothing is missing where none is', t => {
  const property = fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), fc.boolean(), (steps, lossy) => {
    const rig = listening();
    const open = new Map<number, number>();
    /** Events on their way. */
    let sent: Facts[] = [];
    let counted = 0n;
    const deliver = (most = Infinity): void => {
      rig.destroy(...sent.slice(0, most));
      sent = sent.slice(most);
    };
    const poll = (whole: boolean, early: number): void => {
      rig.advance(1_000);
      rig.store.beginDump();
      const shown = [...open].map(([port, packets]) => exchange(packets, port));
      deliver(early);
      rig.store.beginPoll(rig.now(), rig.timeouts);
      rig.merge(shown);
      deliver();
      if (whole) for (let from = 0; from >= 0;) from = rig.store.sweep(from, 7, rig.now());
      rig.store.endPoll(whole);
    };
    for (const one of steps) {
      rig.advance(50);
      if (one.do === 'traffic') {
        counted += BigInt(one.packets);
        open.set(one.port, (open.get(one.port) ?? 0) + one.packets);
      } else if (one.do === 'end') {
        const packets = open.get(one.port);
        open.delete(one.port);
        if (packets !== undefined && (!lossy || one.lost > 0)) sent.push(exchange(packets, one.port));
      } else if (one.do === 'poll') poll(one.whole, one.early);
      else if (one.do === 'deliver') deliver();
      else rig.due();
    }
    for (const [port, packets] of open) sent.push(exchange(packets, port));
    open.clear();
    for (let polls = 0; polls < 3; polls++) poll(true, 0);
    rig.due();
    const exported = packets(rig).reduce((sum, one) => sum + one, 0n);
    const { ambiguous, late } = rig.store.counts;
    if (exported > counted) throw new Error(`${exported} exported of ${counted}`);
    if (!lossy && exported + BigInt(ambiguous.packets + late.packets) < counted)
      throw new Error(`${exported} exported, ${ambiguous.packets} ambiguous, of ${counted}`);
    if (rig.store.size > 0) throw new Error(`${rig.store.size} are left`);
  });
  fc.assert(property, { ...seeded(t), numRuns: 60 });
  t.pass();
});
