import test from 'ava';
import { CtflowError } from '../../src/common/errors.js';
import { udp } from '../helpers/builders/connections.js';
import { DeniedRig, packetRows, type Packet } from '../helpers/builders/denied.js';
import { DenyStore } from '../../src/denied/deny-store.js';
import { ExportSchedule } from '../../src/schedule/export-schedule.js';

const packet = (port: number, more: Packet = {}): Packet => ({
  protocol: 17,
  sourcePort: port,
  destinationPort: 53,
  ...more,
});

const packets = (list: readonly { port: number; deltas: readonly bigint[]; reason: number }[]) =>
  list.map(({ port, deltas, reason }) => [port, Number(deltas[0]), Number(deltas[1]), reason]);

test('packets of one tuple and rule add up; another rule is another flow', async t => {
  const rig = new DeniedRig();
  rig.logged(packet(1, { octets: 40 }), packet(1, { octets: 60 }), packet(2), packet(1, { rule: 2, octets: 5 }));
  await rig.matched([]);
  rig.advance(5_000);
  rig.deniedDue();
  const flows = new Map(rig.exported.map(({ flowId, deltas }) => [flowId, Number(deltas[1])]));
  t.deepEqual(
    [...flows.values()].sort((a, b) => a - b),
    [5, 40, 100],
  );
});

test('new packets are exported at the active timeout, and the deltas add up to the total', async t => {
  const rig = new DeniedRig();
  for (let round = 0; round < 3; round++) {
    rig.logged(packet(1, { octets: 10 }), packet(1, { octets: 20 }));
    await rig.matched([]);
    rig.advance(5_000);
    rig.deniedDue();
  }
  t.deepEqual(packets(rig.exported), [
    [1, 2, 30, 2],
    [1, 2, 30, 2],
    [1, 2, 30, 2],
  ]);
  t.deepEqual(rig.exported.at(-1)!.totals, [6n, 90n, 0n, 0n]);
});

test('a flow begins with its SYN, whichever packet of it came first', async t => {
  const begins = async (...flags: number[]): Promise<number> => {
    const rig = new DeniedRig();
    for (const tcpHeader of flags) rig.logged(packet(1, { protocol: 6, tcpHeader }));
    await rig.matched([]);
    return rig.deniedAtEnd()[0].direction;
  };
  t.is(await begins(0x02, 0x10), 1);
  t.is(await begins(0x11, 0x02), 1);
  t.is(await begins(0x11, 0x12), 2);
  t.is(await begins(0x11, 0x10), 0);
});

test('the times are those of the first and the last packet', async t => {
  const rig = new DeniedRig();
  const at = rig.wall;
  rig.logged(packet(1, { time: at - 300 }), packet(1, { time: at - 900 }), packet(1, { time: at - 100 }));
  await rig.matched([]);
  t.like(rig.deniedAtEnd()[0], { start: at - 900, end: at - 100 });
});

test('an idle flow is exported once, and removed', async t => {
  const rig = new DeniedRig();
  rig.logged(packet(1));
  await rig.matched([]);
  rig.advance(5_000);
  t.deepEqual(packets(rig.deniedDue()), [[1, 1, 40, 2]]);
  rig.advance(10_000);
  t.deepEqual(rig.deniedDue(), [], 'nothing new');
  rig.endIdle();
  t.deepEqual(rig.deniedDue(), []);
  t.is(rig.denied.size, 0);
  rig.logged(packet(1));
  await rig.matched([]);
  t.deepEqual(packets(rig.deniedAtEnd()), [[1, 1, 40, 4]], 'another flow');
  t.is(new Set(rig.exported.map(({ flowId }) => flowId)).size, 2);
});

test('a flow with a new or a pending packet stays', async t => {
  const rig = new DeniedRig();
  rig.logged(packet(1), packet(2), packet(3));
  await rig.matched([]);
  rig.advance(10_000);
  rig.logged(packet(1));
  await rig.matched([]);
  rig.advance(6_000);
  rig.logged(packet(2));
  rig.endIdle();
  rig.deniedDue();
  t.is(rig.denied.size, 2);
  await rig.matched([]);
  rig.deniedAtEnd();
  t.deepEqual(rig.sums(), [5n, 200n]);
});

test('at the limit the longest idle flow is exported with end reason 5, and evicted', async t => {
  const rig = new DeniedRig({ maxDenied: 2 });
  rig.logged(packet(1), packet(2));
  await rig.matched([]);
  rig.logged(packet(1));
  rig.logged(packet(3), packet(4));
  t.deepEqual(packets(rig.evicted), [
    [2, 1, 40, 5],
    [1, 2, 80, 5],
  ]);
  t.is(rig.denied.counts.evicted, 2);
  await rig.matched([]);
  rig.deniedAtEnd();
  t.deepEqual(rig.sums(), [5n, 200n]);
});

test('while every slot waits for a collector, packets are refused and counted', async t => {
  const rig = new DeniedRig({ maxDenied: 1 });
  rig.logged(packet(1));
  await rig.matched([]);
  rig.advance(20_000);
  rig.endIdle();
  rig.logged(packet(2, { octets: 70 }), packet(2, { octets: 30 }));
  t.like(rig.correlator.counts, { refusedPackets: 2, refusedOctets: 100 });
  rig.deniedDue();
  rig.logged(packet(2));
  await rig.matched([]);
  t.deepEqual(packets(rig.deniedAtEnd()), [[2, 1, 40, 4]]);
});

test('ended flows that no collector takes become stale', async t => {
  const rig = new DeniedRig();
  rig.logged(packet(1));
  await rig.matched([]);
  rig.advance(20_000);
  rig.endIdle();
  rig.advance(300_000);
  rig.schedule.dropStale();
  t.deepEqual(rig.schedule.stale, { connections: 1, packets: 1, octets: 40 });
  t.is(rig.denied.size, 0);
});

test('counters are exact beyond 32 bits', t => {
  const store = new DenyStore(1);
  const slot = store.slotOf(packetRows(0, packet(1)).u32, 0, 0);
  for (let n = 0; n < 3; n++) store.count(slot, 1, 0xffff_ffff, 1, 1, 0);
  t.is(store.table.rows[28] + store.table.rows[29] * 2 ** 32, 3 * 0xffff_ffff);
});

test('more collectors than can be counted are refused', t => {
  const store = new DenyStore(1);
  const nobody = {
    added() {},
    changed() {},
    gone() {},
    over() {},
    evicted() {},
    cleared() {},
    countersReset() {},
    foundNew() {},
    lost() {},
  };
  for (let n = 0; n < 255; n++) store.hold(nobody);
  t.throws(() => store.hold(nobody), { instanceOf: CtflowError, code: 'CTFLOW_USAGE' });
});

test('a connection and a denied flow of one tuple have different ids', async t => {
  const rig = new DeniedRig();
  const at = rig.wall;
  rig.logged(packet(9, { time: at - 5_000 }));
  await rig.matched([udp(9, at, [1, 40, 0, 0])]);
  rig.advance(5_000);
  const [connection] = rig.due();
  const [denied] = rig.deniedDue();
  t.not(connection.flowId, denied.flowId);
});

test('a destination that is added has nothing of a flow whose packets are all pending, until they are counted', async t => {
  const rig = new DeniedRig();
  rig.logged(packet(1));
  t.is(rig.denied.size, 1);
  const options = {
    activeFlowExportTimeout: 5_000,
    idleFlowExportTimeout: 15_000,
    staleConnectionTimeout: 300_000,
    endedQueue: 1_000,
    zeroDeltas: 'all',
  } as const;
  const added = new ExportSchedule(
    rig.denied,
    options,
    () => rig.monotonic,
    () => false,
  );
  added.join(false);
  added.change({ ...options, filter: { lasting: () => true, changing: undefined } });
  t.is(added.nextDeadline(), Number.POSITIVE_INFINITY);
  await rig.matched([]);
  t.is(added.nextDeadline(), rig.monotonic + 5_000);
});
