import test from 'ava';
import { NatEvents } from '../../src/record/nat-events.js';
import { EVENT, ROW_SIZE } from '../../src/row/layout.generated.js';
import { ExportSchedule } from '../../src/schedule/export-schedule.js';
import type { ScheduleOptions } from '../../src/schedule/schedule-options.js';
import { ConnectionTable } from '../../src/store/connection-table.js';
import { FORCED_END } from '../../src/store/end-reason.js';
import { rows } from '../helpers/builders/rows.js';
import { CREATE, DELETE, masqueraded } from '../helpers/builders/translated.js';
import { exportDue } from '../helpers/rigs/export-due.js';

const NOW = 5_000;
const TIME = { milliseconds: 1_700_000_000_000, nanoseconds: 0, readAt: NOW };
const CONNECTION = rows(masqueraded(1, TIME.milliseconds - 10, [7, 700, 5, 500]));

/** Events with one queue for each destination. */
function rig(...destinations: Partial<ScheduleOptions>[]) {
  const events = new NatEvents(16, new Uint32Array(8));
  const schedules = destinations.map(changed => {
    const options: ScheduleOptions = {
      activeFlowExportTimeout: 60_000,
      idleFlowExportTimeout: 15_000,
      staleConnectionTimeout: 300_000,
      endedQueue: 16,
      zeroDeltas: 'none',
      ...changed,
    };
    const schedule = new ExportSchedule(
      events,
      options,
      () => NOW,
      () => false,
    );
    return schedule;
  });
  const add = (kind: number): void => events.add(CONNECTION.u32, 0, kind, TIME);
  const addEnd = (): void => {
    const connections = new ConnectionTable(1);
    events.addEnd(connections, connections.allocate(CONNECTION.u32, 0), FORCED_END, TIME);
  };
  const told = (which: number): [kind: number, reason: number][] => {
    const all: [number, number][] = [];
    const { table } = events;
    exportDue(schedules[which], table, NOW, 100, (slot, reason) => {
      all.push([table.bytes[slot * ROW_SIZE + EVENT], reason]);
      return true;
    });
    return all;
  };
  return { events, schedules, add, addEnd, told };
}

test('events and ends are due at once, in the order in which they came, and their slots are free when all have them', t => {
  const { events, add, addEnd, told } = rig({}, {});
  add(CREATE);
  add(DELETE);
  addEnd();
  const all = [
    [CREATE, 3],
    [DELETE, 3],
    [0, FORCED_END],
  ];
  t.deepEqual(told(0), all);
  t.is(events.table.count, 3);
  t.deepEqual(told(1), all);
  t.is(events.table.count, 0);
});

test('beyond the limit of a queue the oldest is dropped, and counted with what it has counted', t => {
  const { schedules, add, addEnd, told } = rig({ endedQueue: 2 });
  addEnd();
  add(CREATE);
  add(DELETE);
  t.deepEqual(schedules[0].endedOverflow, { connections: 1, packets: 12, octets: 1_200 });
  t.is(schedules[0].ended, 2);
  t.is(told(0).length, 2);
});

test('what a filter leaves out waits at the other destinations alone', t => {
  const { events, schedules, addEnd, told } = rig({ filter: { lasting: () => false, changing: undefined } }, {});
  addEnd();
  t.deepEqual(schedules[0].filtered, { connections: 1, packets: 12, octets: 1_200 });
  t.deepEqual(told(0), []);
  t.is(events.table.count, 1);
  t.is(told(1).length, 1);
  t.is(events.table.count, 0);
});

test('a destination that leaves gets what waits, and nothing that comes later', t => {
  const { events, schedules, add, told } = rig({}, {});
  add(CREATE);
  schedules[0].takeNoMore();
  schedules[0].endAll();
  add(DELETE);
  t.deepEqual(told(0), [[CREATE, 3]]);
  schedules[0].leave();
  t.is(told(1).length, 2);
  t.is(events.table.count, 0);
});
