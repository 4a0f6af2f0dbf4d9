import test from 'ava';
import * as fc from 'fast-check';
import { ESTABLISHED, TIME_WAIT } from '../../src/row/conntrack.js';
import type { ExportHistory, LastExport } from '../../src/schedule/export-state.js';
import type { FlowFilter } from '../../src/schedule/visibility.js';
import { tcp, udp } from '../helpers/builders/connections.js';
import type { Counters, Facts } from '../helpers/builders/rows.js';
import { StoreRig, type Report } from '../helpers/rigs/store-rig.js';
import { seeded } from '../helpers/seed.js';

const told = (reports: readonly Report[]): unknown[] =>
  reports.map(({ port, reason, deltas }) => [port, reason, ...deltas.map(Number)]);

/** When the connections of the tests began. */
const BEGAN = 1_700_000_000_000;

function rigOf(expression: string, more: ConstructorParameters<typeof StoreRig>[0] = {}): StoreRig {
  return new StoreRig({ ...more, firstSight: 'total', destinations: [{ expression, endedQueue: 8 }] });
}

test('a filter over facts that never change decides once: the others are never due, and are counted when they end', t => {
  const rig = rigOf('protocol == udp && dst.port == 53');
  const { schedule } = rig.destinations[0];
  rig.poll([tcp(1, BEGAN, [1, 60, 2, 90]), udp(2, BEGAN, [1, 60, 0, 0])]);
  t.deepEqual(told(rig.after(5_000)), [[2, 2, 1, 60, 0, 0]]);
  rig.poll([tcp(1, BEGAN, [5, 300, 2, 90]), udp(2, BEGAN, [1, 60, 0, 0])]);
  t.deepEqual(rig.after(15_000), []);
  t.deepEqual(schedule.filtered, { connections: 0, packets: 0, octets: 0 });
  rig.poll([]);
  t.deepEqual(rig.due(), []);
  t.deepEqual(schedule.filtered, { connections: 1, packets: 7, octets: 390 });
  t.is(rig.store.size, 0);
});

test('what a connection counted while it was hidden is in its first record', t => {
  const rig = rigOf('mark & 0xf == 1');
  rig.poll([udp(1, BEGAN, [1, 60, 0, 0])]);
  t.deepEqual(rig.after(5_000), []);
  rig.poll([udp(1, BEGAN, [3, 180, 0, 0])]);
  t.deepEqual(rig.after(5_000), []);
  rig.poll([udp(1, BEGAN, [4, 240, 1, 50], { mark: 0x11 })]);
  t.deepEqual(told(rig.after(5_000)), [[1, 2, 4, 240, 1, 50]]);
  t.deepEqual(rig.destinations[0].schedule.filtered, { connections: 0, packets: 0, octets: 0 });
});

test('once exported, a connection is exported to its end, whatever its mark becomes', t => {
  const rig = rigOf('mark == 1');
  rig.poll([udp(1, BEGAN, [1, 60, 0, 0], { mark: 1 })]);
  t.deepEqual(told(rig.after(5_000)), [[1, 2, 1, 60, 0, 0]]);
  rig.poll([udp(1, BEGAN, [2, 120, 0, 0], { mark: 2 })]);
  t.deepEqual(told(rig.after(5_000)), [[1, 2, 1, 60, 0, 0]]);
  rig.destroy(udp(1, BEGAN, [7, 420, 0, 0], { mark: 2 }));
  t.deepEqual(told(rig.due()), [[1, 4, 5, 300, 0, 0]]);
  t.deepEqual(rig.destinations[0].schedule.filtered, { connections: 0, packets: 0, octets: 0 });
});

test('a connection that matches at its end alone is exported with all that it has counted', t => {
  const rig = rigOf('bytes > 1kB');
  rig.poll([udp(1, BEGAN, [1, 60, 0, 0]), udp(2, BEGAN, [1, 60, 0, 0])]);
  t.deepEqual(rig.after(20_000), []);
  rig.destroy(udp(1, BEGAN, [20, 2000, 0, 0]));
  rig.destroy(udp(2, BEGAN, [2, 90, 0, 0]));
  t.deepEqual(told(rig.due()), [[1, 4, 20, 2000, 0, 0]]);
  t.deepEqual(rig.destinations[0].schedule.filtered, { connections: 1, packets: 2, octets: 90 });
});

test('at shutdown hidden connections are asked for the last time', t => {
  const rig = rigOf('bytes > 1kB || protocol == udp');
  rig.poll([tcp(1, BEGAN, [9, 999, 0, 0]), tcp(2, BEGAN, [9, 1001, 0, 0]), udp(3, BEGAN, [1, 60, 0, 0])]);
  t.deepEqual(told(rig.all()), [
    [2, 4, 9, 1001, 0, 0],
    [3, 4, 1, 60, 0, 0],
  ]);
  const { schedule } = rig.destinations[0];
  t.deepEqual(schedule.filtered, { connections: 1, packets: 9, octets: 999 });
  t.is(schedule.countLeft(), 0);
  t.is(schedule.countUnexported().connections, 0);
});

test('a hidden connection that is evicted is counted, and one that matches is exported', t => {
  const rig = rigOf('bytes > 1kB', { maxConnections: 1 });
  rig.poll([udp(1, BEGAN, [1, 60, 0, 0])]);
  rig.advance(1);
  rig.poll([udp(1, BEGAN, [1, 60, 0, 0]), udp(2, BEGAN, [1, 5000, 0, 0])]);
  const [destination] = rig.destinations;
  t.deepEqual(destination.schedule.filtered, { connections: 1, packets: 1, octets: 60 });
  t.is(destination.schedule.evictedUnreported.connections, 0);
  rig.advance(1);
  rig.poll([udp(3, BEGAN, [1, 60, 0, 0]), udp(2, BEGAN, [1, 5000, 0, 0])]);
  t.deepEqual(told(destination.evicted), [[2, 5, 1, 5000, 0, 0]]);
});

test('a closed connection that is hidden waits for its end without being due', t => {
  const rig = rigOf('tcp.state == ESTABLISHED && bytes > 1kB');
  rig.poll([tcp(1, BEGAN, [1, 60, 0, 0], { state: TIME_WAIT })]);
  t.deepEqual(rig.due(), []);
  t.is(rig.destinations[0].schedule.nextDeadline(), Infinity);
  rig.poll([]);
  t.deepEqual(rig.destinations[0].schedule.filtered, { connections: 1, packets: 1, octets: 60 });
});

test('another destination gets what one leaves out', t => {
  const rig = new StoreRig({ firstSight: 'total', destinations: [{ expression: 'protocol == udp' }, {}] });
  rig.poll([tcp(1, BEGAN, [1, 60, 0, 0]), udp(2, BEGAN, [1, 70, 0, 0])]);
  rig.advance(5_000);
  t.deepEqual(told(rig.due(0)), [[2, 2, 1, 70, 0, 0]]);
  t.is(rig.due(1).length, 2);
});

test('facts that never change are asked about once a connection, and others only when a record is due', t => {
  const asked = { lasting: 0, changing: 0 };
  let shows = false;
  const filter: FlowFilter = {
    lasting: () => ++asked.lasting > 0,
    changing: () => {
      asked.changing++;
      return shows;
    },
  };
  const rig = new StoreRig({ firstSight: 'total', destinations: [{ filter }] });
  for (let packets = 1; packets < 10; packets++) {
    rig.poll([udp(1, BEGAN, [packets, 60, 0, 0])]);
    rig.advance(10);
  }
  t.deepEqual(asked, { lasting: 1, changing: 0 });
  t.deepEqual(rig.after(5_000), []);
  t.deepEqual(asked, { lasting: 1, changing: 1 });
  shows = true;
  rig.poll([udp(1, BEGAN, [99, 60, 0, 0])]);
  t.is(rig.after(5_000).length, 1);
  t.is(asked.changing, 2);
  rig.poll([]);
  t.deepEqual(asked, { lasting: 1, changing: 2 });
});

/** What a run exported, or noted, of one connection. */
class History implements ExportHistory {
  last: LastExport | undefined;
  lastExport(): LastExport | undefined {
    return this.last;
  }
  neverExported(): boolean {
    return this.last === undefined;
  }
  assumed(): void {}
  evicted(): void {}
  note(...[, , counters, at, reason, state, ended]: Parameters<ExportHistory['note']>): void {
    this.last = { counters: counters.slice(at, at + 8), reason, state, ended };
  }
}

test('a connection that was hidden in one run is exported whole by the next', t => {
  const history = new History();
  const run = (): StoreRig => new StoreRig({ destinations: [{ expression: 'mark == 1', history }] });
  const first = run();
  first.poll([udp(1, BEGAN - 9, [3, 180, 0, 0])]);
  t.deepEqual([...first.after(20_000), ...first.all()], []);
  t.is(history.last, undefined);
  const second = run();
  second.poll([udp(1, BEGAN - 9, [5, 300, 0, 0], { mark: 1 })]);
  t.deepEqual(told(second.after(5_000)), [[1, 2, 5, 300, 0, 0]]);
});

test('a connection that an earlier run has exported is exported to its end', t => {
  const history = new History();
  history.last = { counters: Uint32Array.of(3, 0, 180, 0, 0, 0, 0, 0), reason: 2, state: 0, ended: false };
  const rig = new StoreRig({ destinations: [{ expression: 'protocol == tcp && mark == 1', history }] });
  rig.poll([udp(1, BEGAN - 9, [5, 300, 0, 0])]);
  t.deepEqual(told(rig.after(5_000)), [[1, 2, 2, 120, 0, 0]]);
});

const CONNECTIONS = 8;

interface Life {
  mark: number;
  counters: [number, number, number, number];
  live: boolean;
}

test('property: each connection is whole in its records, or whole in what is counted as filtered', t => {
  const step = fc.record({
    wait: fc.constantFrom(1, 900, 6_000, 20_000),
    moves: fc.array(fc.record({ packets: fc.nat(3), mark: fc.nat(2), ends: fc.nat(9) }), {
      minLength: CONNECTIONS,
      maxLength: CONNECTIONS,
    }),
    exports: fc.boolean(),
  });
  const property = fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), steps => {
    const rig = rigOf('mark == 1 && family == ipv4');
    const lives: Life[] = Array.from({ length: CONNECTIONS }, () => ({ mark: 0, counters: [0, 0, 0, 0], live: true }));
    const facts = ({ mark, counters }: Life, i: number): Facts =>
      udp(i + 1, BEGAN, [...counters] as unknown as Counters, { mark, state: ESTABLISHED });
    for (const { wait, moves, exports } of steps) {
      lives.forEach((life, i) => {
        if (!life.live) return;
        const { packets, mark, ends } = moves[i];
        life.counters[0] += packets;
        life.counters[1] += packets * 60;
        life.mark = mark;
        if (ends === 0) {
          life.live = false;
          rig.destroy(facts(life, i));
        }
      });
      rig.poll(lives.flatMap((life, i) => (life.live ? [facts(life, i)] : [])));
      rig.advance(wait);
      if (exports) rig.due();
    }
    rig.all();
    const [{ reports, schedule }] = rig.destinations;
    let hidden = 0;
    lives.forEach(({ counters }, i) => {
      const ours = reports.filter(({ port }) => port === i + 1);
      const sum = ours.reduce((all, { deltas }) => all + Number(deltas[1]), 0);
      if (ours.length === 0) hidden += counters[1];
      else if (sum !== counters[1]) throw new Error(`${sum} exported of ${counters[1]}`);
    });
    if (schedule.filtered.octets !== hidden) throw new Error(`${schedule.filtered.octets} filtered of ${hidden}`);
  });
  t.notThrows(() => fc.assert(property, { ...seeded(t), numRuns: 60 }));
});
