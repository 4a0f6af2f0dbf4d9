import test from 'ava';
import { CLOSE, LAST_ACK, SYN_RECV, TIME_WAIT } from '../../src/row/conntrack.js';
import type { ExportHistory, LastExport } from '../../src/schedule/export-state.js';
import { tcp, udp, withoutStart } from '../helpers/builders/connections.js';
import type { Counters, Facts } from '../helpers/builders/rows.js';
import { exportDue } from '../helpers/rigs/export-due.js';
import { StoreRig, type Report } from '../helpers/rigs/store-rig.js';

const HOUR = 3_600_000;

const told = (reports: readonly Report[]): [number, number][] => reports.map(({ port, reason }) => [port, reason]);

// Ends

test('a connection in TIME_WAIT or CLOSE has ended: it is exported at once, one time, with end reason 3', t => {
  for (const state of [TIME_WAIT, CLOSE]) {
    const rig = new StoreRig();
    const start = rig.wall;
    rig.poll([tcp(1, start, [1, 60, 0, 0])]);
    rig.after(5_000);
    const facts = tcp(1, start, [6, 400, 5, 300], { state, timeout: 100 });
    rig.poll([facts]);
    const [report, ...none] = rig.due();
    t.like(report, { reason: 3, state });
    t.deepEqual(report.deltas, [5n, 340n, 5n, 300n]);
    t.deepEqual(none, []);
    for (let i = 0; i < 10; i++) {
      rig.advance(5_000);
      rig.poll([facts]);
      t.deepEqual(rig.due(), []);
    }
    rig.poll([]);
    t.deepEqual(rig.due(), []);
    t.is(rig.store.size, 0);
  }
});

test('SCTP in CLOSED and DCCP in TIMEWAIT have ended, with end reason 3; SCTP before its first answer has not', t => {
  const sctp = (counters: Counters, sctpState: number, status: number): Facts =>
    udp(1, 0, counters, { protocol: 132, sctpState, status });
  const dccp = (counters: Counters, dccpState: number): Facts => udp(1, 0, counters, { protocol: 33, dccpState });
  for (const [open, over] of [
    [sctp([1, 60, 0, 0], 1, 8), sctp([4, 240, 4, 240], 1, 0xa)],
    [sctp([1, 60, 0, 0], 1, 8), sctp([1, 60, 1, 40], 1, 0xa)],
    [sctp([4, 240, 4, 240], 4, 0xe), sctp([6, 360, 6, 360], 1, 0xe)],
    [dccp([4, 240, 4, 240], 4), dccp([6, 360, 6, 360], 7)],
  ]) {
    const rig = new StoreRig({ firstSight: 'total' });
    rig.poll([open]);
    t.deepEqual(told(rig.after(5_000)), [[1, 2]]);
    rig.poll([over]);
    t.deepEqual(told(rig.due()), [[1, 3]]);
  }
});

test('the event of an end brings the state and the answer that no poll has seen', t => {
  const rig = new StoreRig();
  const sctp = udp(1, rig.wall, [1, 60, 0, 0], { protocol: 132, sctpState: 1, status: 8 });
  rig.store.expectEvents(true);
  rig.poll([sctp]);
  rig.after(5_000);
  const { timeout: _, ...ended } = sctp;
  rig.destroy({ ...ended, status: 0xa, counters: [1, 60, 1, 40] });
  t.deepEqual(told(rig.due()), [[1, 3]]);
});

test('when counters change after TIME_WAIT, one more record with end reason 3 has the rest when the entry is gone', t => {
  const rig = new StoreRig();
  const start = rig.wall;
  rig.poll([tcp(1, start, [6, 600, 5, 500], { state: TIME_WAIT })]);
  t.deepEqual(told(rig.due()), [[1, 3]]);
  rig.poll([tcp(1, start, [8, 800, 5, 500], { state: TIME_WAIT })]);
  t.deepEqual(rig.after(5_000), []);
  rig.poll([tcp(1, start, [10, 1_000, 5, 500], { state: TIME_WAIT })]);
  t.deepEqual(rig.after(60_000), []);
  rig.poll([]);
  const [rest, ...none] = rig.due();
  t.like(rest, { reason: 3 });
  t.deepEqual(rest.deltas, [4n, 400n, 0n, 0n]);
  t.deepEqual(none, []);
});

test('a closed connection that reopens before its end was exported is not exported as ended', t => {
  const rig = new StoreRig();
  const [destination] = rig.destinations;
  const start = rig.wall;
  destination.takes = false;
  rig.poll([tcp(1, start, [6, 600, 5, 500], { state: CLOSE })]);
  rig.due();
  rig.advance(1_000);
  rig.poll([tcp(1, start, [7, 700, 6, 600], { state: SYN_RECV })]);
  destination.takes = true;
  t.deepEqual(rig.due(), []);
  t.deepEqual(told(rig.after(5_000)), [[1, 2]]);
});

test('a connection that disappears between two exports is exported at once, with all its counters', t => {
  const rig = new StoreRig();
  const start = rig.wall;
  rig.poll([tcp(1, start, [6, 600, 5, 500], { state: LAST_ACK })]);
  rig.advance(1_000);
  rig.poll([]);
  t.is(rig.destinations[0].schedule.nextDeadline(), 0);
  const [report] = rig.due();
  t.like(report, { reason: 3 });
  t.deepEqual(report.deltas, [6n, 600n, 5n, 500n]);
});

// Shutdown

// antrea-io/antrea at its head
test('a shutdown exports every open connection with end reason 4 and all unexported counters', t => {
  const rig = new StoreRig();
  const began = rig.wall;
  const open = [1, 2, 3, 4, 5, 6, 7].map(port => tcp(port, began, [port, port * 100, 0, 0]));
  rig.poll(open);
  rig.after(5_000);
  rig.poll(open.map((facts, i) => ({ ...facts, counters: [10 + i, 900, 0, 0] })));
  const last = rig.all();
  t.deepEqual(
    last.map(({ port, reason, deltas }) => [port, reason, deltas[0]]),
    [1, 2, 3, 4, 5, 6, 7].map(port => [port, 4, 9n]),
  );
});

test('a shutdown exports closed connections with end reason 3, once', t => {
  const rig = new StoreRig();
  const began = rig.wall;
  const closed = (port: number, packets: number): Facts => tcp(port, began, [packets, 60, 0, 0], { state: TIME_WAIT });
  rig.poll([closed(1, 5), closed(2, 5)]);
  rig.due();
  rig.poll([closed(1, 5), closed(2, 7), closed(3, 5)]);
  t.deepEqual(told(rig.all()), [
    [2, 3],
    [3, 3],
  ]);
});

test('a shutdown exports ended connections that were still due, with their own reasons', t => {
  const rig = new StoreRig();
  rig.poll([udp(1, rig.wall, [5, 500, 0, 0], { timeout: 2 }), tcp(2, rig.wall, [5, 500, 0, 0])]);
  rig.advance(5_000);
  rig.poll([tcp(2, rig.wall - 5_000, [5, 500, 0, 0])]);
  t.deepEqual(told(rig.all()), [
    [1, 1],
    [2, 4],
  ]);
  t.is(rig.store.size, 1);
});

test('a shutdown of several destinations at once exports everything to each', t => {
  const rig = new StoreRig({ destinations: [{}, {}, {}].map(() => ({ zeroDeltas: 'all' as const })) });
  rig.poll([1, 2, 3, 4, 5].map(port => udp(port, rig.wall, [port, 100, 0, 0], { timeout: 2 })));
  rig.after(5_000, 1);
  rig.poll([3, 4, 5].map(port => udp(port, rig.wall - 5_000, [port + 1, 100, 0, 0])));
  for (const { schedule } of rig.destinations) schedule.endAll();
  const left = [true, true, true];
  for (let turn = 0; left.includes(true); turn++) {
    const which = turn % 3;
    const { schedule, reports } = rig.destinations[which];
    left[which] = exportDue(schedule, rig.store.table, rig.monotonic, which + 1, (slot, reason) => {
      const at = slot * 48;
      reports.push({ port: rig.store.table.rows[at + 16] & 0xffff, reason } as Report);
      return true;
    });
  }
  for (const { reports } of rig.destinations) {
    t.deepEqual(
      told(reports.slice(-5)).toSorted(([a], [b]) => a - b),
      [
        [1, 1],
        [2, 1],
        [3, 4],
        [4, 4],
        [5, 4],
      ],
    );
  }
  t.is(rig.store.size, 3);
});

test('connections that a shutdown could not export are counted, each once', t => {
  const rig = new StoreRig({ destinations: [{ staleConnectionTimeout: 10_000 }, { staleConnectionTimeout: HOUR }] });
  for (const destination of rig.destinations) destination.takes = false;
  rig.poll([udp(1, rig.wall, [5, 500, 1, 100]), udp(2, rig.wall, [3, 300, 0, 0])]);
  rig.advance(5_000);
  rig.poll([udp(2, rig.wall - 5_000, [3, 300, 0, 0])]);
  rig.advance(10_000);
  rig.poll([udp(2, rig.wall - 15_000, [4, 400, 0, 0]), withoutStart(udp(3, 0, [0, 0, 0, 0]))]);
  const [first, second] = rig.destinations;
  t.deepEqual(first.schedule.stale, { connections: 1, packets: 6, octets: 600 });
  // of the one that has counted nothing there is nothing to export
  t.deepEqual(first.schedule.countUnexported(), { connections: 1, packets: 4, octets: 400 });
  t.deepEqual(second.schedule.countUnexported(), { connections: 2, packets: 10, octets: 1_000 });
  second.takes = true;
  rig.all(1);
  t.deepEqual(second.schedule.countUnexported(), { connections: 0, packets: 0, octets: 0 });
});

// The queue of ended connections

test('beyond the limit of the ended queue the oldest connection is dropped and counted, and its slot is free', t => {
  const rig = new StoreRig({ destinations: [{ endedQueue: 3 }, { endedQueue: 100 }] });
  const [away] = rig.destinations;
  away.takes = false;
  const start = rig.wall;
  for (let port = 1; port <= 5; port++) {
    rig.advance(1_000);
    rig.poll([udp(port, start, [port, port * 100, 1, 50])]);
  }
  rig.poll([]);
  t.is(away.schedule.ended, 3);
  t.deepEqual(away.schedule.endedOverflow, { connections: 2, packets: 1 + 2 + 2, octets: 100 + 200 + 100 });
  t.is(rig.due(1).length, 5, 'another destination is told of all');
  t.is(rig.store.size, 3, 'what no destination waits for holds no slot');
  away.takes = true;
  t.deepEqual(
    rig.due(0).map(({ port }) => port),
    [3, 4, 5],
  );
  t.is(rig.store.size, 0);
  t.is(away.schedule.ended, 0);
});

test('ended connections that wait never take more than half of the store', t => {
  const rig = new StoreRig({ maxConnections: 8, destinations: [{ endedQueue: 100 }] });
  rig.destinations[0].takes = false;
  const start = rig.wall;
  for (let port = 1; port <= 20; port++) {
    rig.advance(1_000);
    rig.poll([udp(port, start, [1, 100, 0, 0])]);
  }
  t.is(rig.destinations[0].schedule.ended, 4);
  t.is(rig.destinations[0].schedule.endedOverflow.connections, 15);
  t.is(rig.store.counts.evicted + rig.store.counts.refused, 0, 'the living keep their place');
});

test('ended connections of a destination that takes none have room of their own: neither the living nor another lose any', t => {
  const [ended, open] = [4, 8];
  const rig = new StoreRig({
    maxConnections: open,
    endedRoom: 2 * ended + 1,
    destinations: [{ endedQueue: ended }, { endedQueue: ended }],
  });
  const [dead, healthy] = rig.destinations;
  dead.takes = false;
  const start = rig.wall;
  const living = Array.from({ length: open }, (_, i) => udp(1_000 + i, start, [1, 100, 0, 0]));
  for (let port = 1; port <= 30; port++) {
    rig.advance(10);
    // one that a poll has seen, and one that only its event shows
    rig.poll([...living.slice(1), udp(port, start, [1, 100, 0, 0])]);
    rig.destroy(udp(port, start, [2, 200, 0, 0]), udp(100 + port, start, [3, 300, 0, 0]));
    rig.due(1);
  }
  rig.advance(10);
  rig.poll(living);
  t.is(rig.store.counts.evicted + rig.store.counts.refused, 0);
  t.is(dead.schedule.ended, ended);
  t.deepEqual(dead.schedule.endedOverflow, { connections: 60 - ended, packets: 150 - 10, octets: 15_000 - 1_000 });
  t.is(healthy.schedule.endedOverflow.connections, 0);
  const told = healthy.reports.filter(({ port }) => port < 1_000).map(({ port, deltas }) => [port, deltas[0]]);
  t.deepEqual(
    told.toSorted(([a], [b]) => Number(a) - Number(b)),
    [...Array.from({ length: 30 }, (_, i) => [i + 1, 2n]), ...Array.from({ length: 30 }, (_, i) => [101 + i, 3n])],
  );
  t.is(rig.store.size, open + ended);
  dead.takes = true;
  rig.due(0);
  t.is(rig.store.size, open);
});

test('a store at its limit of open connections evicts one for another, however much room the ended ones have', t => {
  const rig = new StoreRig({ maxConnections: 2, endedRoom: 9, destinations: [{ endedQueue: 8 }] });
  const start = rig.wall;
  rig.poll([udp(1, start, [1, 100, 0, 0]), udp(2, start, [1, 100, 0, 0])]);
  rig.advance(1_000);
  rig.poll([udp(2, start, [2, 200, 0, 0]), udp(3, start + 1_000, [1, 100, 0, 0])]);
  t.is(rig.store.counts.evicted, 1);
  t.is(rig.store.size, 2);
});

test('a closed connection that the kernel still has does not count in the ended queue, and is not dropped', t => {
  const rig = new StoreRig({ destinations: [{ endedQueue: 1 }] });
  const [destination] = rig.destinations;
  destination.takes = false;
  const start = rig.wall;
  const closed = tcp(1, start, [1, 60, 1, 60], { state: TIME_WAIT });
  rig.poll([closed, udp(2, start, [1, 100, 0, 0]), udp(3, start, [2, 200, 0, 0])]);
  rig.advance(1_000);
  rig.poll([closed]);
  t.deepEqual(destination.schedule.endedOverflow, { connections: 1, packets: 1, octets: 100 });
  destination.takes = true;
  t.deepEqual(told(rig.due()).toSorted(), [
    [1, 3],
    [3, 4],
  ]);
});

// The limit

test('connections evicted without an export are counted', t => {
  const rig = new StoreRig({ maxConnections: 1 });
  const [destination] = rig.destinations;
  destination.takes = false;
  rig.poll([udp(1, rig.wall, [5, 500, 1, 100])]);
  rig.advance(5_000);
  rig.poll([udp(1, rig.wall - 5_000, [5, 500, 1, 100]), udp(2, rig.wall, [1, 100, 0, 0])]);
  t.deepEqual(destination.schedule.evictedUnreported, { connections: 1, packets: 6, octets: 600 });
});

test('a connection exported as ended is evicted without another record', t => {
  const rig = new StoreRig({ maxConnections: 1 });
  const [destination] = rig.destinations;
  const closed = tcp(1, rig.wall, [5, 500, 1, 100], { state: TIME_WAIT });
  rig.poll([closed]);
  t.deepEqual(told(rig.due()), [[1, 3]]);
  rig.advance(5_000);
  rig.poll([closed, udp(2, rig.wall, [1, 100, 0, 0])]);
  t.is(rig.store.counts.evicted, 1);
  t.deepEqual(told(destination.evicted), []);
  t.is(destination.schedule.evictedUnreported.connections, 0);
});

test('a closed connection evicted before its end was exported has end reason 3', t => {
  const rig = new StoreRig({ maxConnections: 1 });
  const closed = tcp(1, rig.wall, [5, 500, 1, 100], { state: TIME_WAIT });
  rig.poll([closed]);
  rig.advance(5_000);
  rig.poll([closed, udp(2, rig.wall, [1, 100, 0, 0])]);
  t.deepEqual(told(rig.destinations[0].evicted), [[1, 3]]);
});

/** What an earlier run exported of every connection, and what this one notes. */
class EarlierRun implements ExportHistory {
  readonly noted: LastExport[] = [];
  readonly #last: LastExport;
  constructor(packets: number, reason: number) {
    const counters = Uint32Array.of(packets, 0, packets * 100, 0, 0, 0, 0, 0);
    this.#last = { counters, reason, state: 0, ended: true };
  }
  lastExport(): LastExport {
    return { ...this.#last, counters: this.#last.counters.slice() };
  }
  neverExported(): boolean {
    return false;
  }
  assumed(): void {}
  evicted(): void {}
  note(...[, , counters, at, reason, state, ended]: Parameters<ExportHistory['note']>): void {
    this.noted.push({ counters: counters.slice(at, at + 8), reason, state, ended });
  }
}

test('a connection that the run before evicted at its limit: its event brings what it counted since, once', t => {
  const rig = new StoreRig({ destinations: [{ history: new EarlierRun(4, 5) }] });
  rig.store.expectEvents(true);
  rig.destroy(udp(1, rig.wall - 60_000, [9, 900, 0, 0]), udp(2, rig.wall - 60_000, [4, 400, 0, 0]));
  t.deepEqual(
    rig.due().map(({ port, deltas }) => [port, deltas[0]]),
    [[1, 5n]],
  );
  t.is(rig.store.size, 0);
});

test('a connection refused at the limit, whose end an earlier run has exported, leaves nothing behind in the lists of what is due', t => {
  const history = new EarlierRun(4, 1);
  const rig = new StoreRig({ maxConnections: 1, endedRoom: 8, destinations: [{ history }] });
  rig.store.expectEvents(true);
  const began = rig.wall - 60_000;
  rig.store.beginPoll(rig.now(), rig.timeouts);
  rig.merge([udp(1, began, [4, 400, 0, 0]), udp(2, began, [4, 400, 0, 0])]);
  t.is(rig.store.counts.refused, 1);
  rig.destroy(udp(2, began, [4, 400, 0, 0]));
  rig.store.endPoll(true);
  t.deepEqual([rig.store.size, rig.destinations[0].schedule.nextDeadline()], [1, Infinity]);
  t.deepEqual(rig.after(20_000), []);
});

test('what is dropped from the queue of ended ones, and counted, is not exported by the next run', t => {
  const history = new EarlierRun(4, 2);
  const rig = new StoreRig({ destinations: [{ history, endedQueue: 1 }] });
  rig.store.expectEvents(true);
  rig.destroy(udp(1, rig.wall - 60_000, [9, 900, 0, 0]), udp(2, rig.wall - 60_000, [9, 900, 0, 0]));
  t.like(rig.destinations[0].schedule.endedOverflow, { connections: 1, packets: 5 });
  t.like(history.noted.at(-1), { ended: true, counters: Uint32Array.of(9, 0, 900, 0, 0, 0, 0, 0) });
});
