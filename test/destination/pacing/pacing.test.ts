import { OwnConnections } from '../../../src/row/own-connections.js';
import type { ExecutionContext } from 'ava';
import type { Backend } from '../../../src/backend/backend.js';
import { Destination } from '../../../src/destination/destination.js';
import { DESTINATION_DEFAULTS, type DestinationOptions } from '../../../src/destination/destination-options.js';
import { FlowBatcher } from '../../../src/destination/batchers/flow-batcher.js';
import { BURST } from '../../../src/destination/pacing/pacer.js';
import { Pacing } from '../../../src/destination/pacing/pacing.js';
import { NameTable } from '../../../src/record/name-table.js';
import { ConnectionStore } from '../../../src/store/connection-store.js';
import type { Moment } from '../../../src/store/poll-history.js';
import { newUnexported } from '../../../src/store/unexported.js';
import { perBackend } from '../../helpers/backends.js';
import { tcp, udp } from '../../helpers/builders/connections.js';
import { rows, type Facts } from '../../helpers/builders/rows.js';
import { eventually } from '../../helpers/eventually.js';
import { TcpCollector, udpCollector, type CollectorSocket } from '../../helpers/fakes/collector-socket.js';
import { listeningLogger } from '../../helpers/fakes/listening-logger.js';
import { SessionRig } from '../../helpers/rigs/session-rig.js';
import { kernelTimeouts } from '../../helpers/rigs/store-rig.js';

const BORN = Date.now();
const now = (): Moment => ({ wall: Date.now(), monotonic: performance.now() });
const many = (count: number): Facts[] =>
  Array.from({ length: count }, (_, i) => udp(i + 1, BORN - 10, [3, 300, 3, 150]));

const SCHEDULE = {
  activeFlowExportTimeout: 0,
  idleFlowExportTimeout: 3_600_000,
  staleConnectionTimeout: 300_000,
  endedQueue: 100,
  zeroDeltas: 'none',
} as const;

function emptyStore(): ConnectionStore {
  return new ConnectionStore({ maxConnections: 5_000, firstSight: 'total', born: now() });
}

function poll(store: ConnectionStore, connections: readonly Facts[]): void {
  store.beginPoll(now(), kernelTimeouts());
  store.merge(rows(...connections), now());
  for (let from = 0; from >= 0;) from = store.sweep(from, 1_000, now());
  store.endPoll(true);
}

/** A destination that is connected; all connections are due. */
async function open(
  t: ExecutionContext,
  backend: Backend,
  { endpoint }: CollectorSocket,
  connections: readonly Facts[],
  options: Partial<DestinationOptions>,
  flowPollInterval = 1_000,
): Promise<Destination> {
  const store = emptyStore();
  const destination = new Destination(
    {
      ...DESTINATION_DEFAULTS,
      activeFlowExportTimeout: 0,
      optionsInterval: 0,
      observationDomain: 7,
      ...options,
      endpoint,
    },
    {
      backend,
      flows: [{ store, extras: {} }],
      names: new NameTable(),
      staleConnectionTimeout: 300_000,
      pollInterval: () => flowPollInterval,
      polls: () => 1,
      own: new OwnConnections(),
      lost: newUnexported,
      log: listeningLogger().log,
      opened: () => {},
    },
  );
  t.teardown(() => destination.close());
  await destination.open();
  await eventually('a session', () => destination.stats().connected);
  poll(store, connections);
  return destination;
}

/** As the exporter's loop does. */
async function exportAll(destination: Destination): Promise<void> {
  while (await destination.export());
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

perBackend('a burst has 64 datagrams at most, whatever kinds of records it has', (t, backend) => {
  const shapes: Partial<Facts>[] = [{}, { zone: 1 }, { replySource: '10.0.0.1' }, { helper: 'ftp' }, { replyZone: 2 }];
  const connections = Array.from({ length: 3_000 }, (_, i) =>
    tcp(i + 1, BORN - 10, [3, 300, 3, 150], shapes[i % shapes.length]),
  );
  const times = { pollInterval: () => 10, staleConnectionTimeout: 300_000, polls: () => 1 };
  for (const maxRate of ['auto', 1_000_000] as const) {
    const rig = new SessionRig(backend);
    const store = emptyStore();
    const batcher = new FlowBatcher({ store, extras: {} }, SCHEDULE, rig.session);
    poll(store, connections);
    const pacing = new Pacing(maxRate, times, [batcher], rig.session);
    let most = 0;
    let more = true;
    for (const begun = performance.now(); more && performance.now() < begun + 60_000;) {
      more = pacing.burst();
      const sent = rig.transport.take();
      most = Math.max(most, sent.filter(({ records }) => records > 0).length);
    }
    t.false(more);
    t.true(most <= BURST, `${most} datagrams`);
    t.is(rig.session.counts.records, 3_000);
  }
});

perBackend('many that are due are counted slice by slice, with turns for all else, and then planned', (t, backend) => {
  const DUE = 40_000;
  const rig = new SessionRig(backend);
  const store = new ConnectionStore({ maxConnections: DUE, firstSight: 'total', born: now() });
  const schedule = { ...SCHEDULE, endedQueue: DUE };
  const batcher = new FlowBatcher({ store, extras: {} }, schedule, rig.session);
  poll(store, many(DUE));
  const pacing = new Pacing(
    'auto',
    { pollInterval: () => 3_600_000, staleConnectionTimeout: 300_000, polls: () => 1 },
    [batcher],
    rig.session,
  );
  let bursts = 0;
  do {
    t.true(pacing.burst());
    bursts++;
  } while (pacing.wait === 0);
  t.is(bursts, Math.ceil(DUE / 16_384));
  // 667 records a second: a burst is collected for some time
  t.true(pacing.wait > 10, `${pacing.wait} ms`);
});

perBackend('a rate holds, over TCP too and where the kernel segments, and nothing is lost', async (t, backend) => {
  for (const collector of [await udpCollector(t), await TcpCollector.listen(t)]) {
    const destination = await open(t, backend, collector, many(1_200), { maxRate: 2_000 });
    const took = await seconds(() => exportAll(destination));
    t.true(took >= (1_200 - 64 - 40 - 2 * BURST) / 2_000, `${took} s`);
    await eventually('1,200 records', () => collector.records.length === 1_200);
    const { udpSegmentation } = destination.stats();
    t.is(udpSegmentation, collector.endpoint.protocol === 'udp' ? backend.name === 'native' : undefined);
  }
});

perBackend('by default what one poll makes due is spread over UDP, and not over TCP', async (t, backend) => {
  const collector = await udpCollector(t);
  const spread = await open(t, backend, collector, many(2_000), {});
  const took = await seconds(() => exportAll(spread));
  t.true(took >= 0.7, `${took} s of 1 s`);
  await eventually('2,000 records', () => collector.records.length === 2_000);

  const tcpCollector = await TcpCollector.listen(t);
  const stream = await open(t, backend, tcpCollector, many(2_000), {}, 3_600_000);
  await stream.export();
  await eventually('2,000 records over TCP', () => tcpCollector.records.length === 2_000);

  const unlimited = await udpCollector(t);
  const fast = await open(t, backend, unlimited, many(2_000), { maxRate: 'off' }, 3_600_000);
  await fast.export();
  await eventually('2,000 records at once', () => unlimited.records.length === 2_000);
});

perBackend('at shutdown a rate holds, within the time limit, and what is left is returned', async (t, backend) => {
  const collector = await udpCollector(t);
  const destination = await open(t, backend, collector, many(3_000), { maxRate: 500 });
  const begun = performance.now();
  const left = await destination.drain(1_000);
  const most = ((performance.now() - begun) * 500) / 1_000 + 2 * BURST;
  const { records } = destination.stats().session;
  t.true(records > 0 && records <= most, `${records} records`);
  const rest = 3_000 - records;
  t.deepEqual(left, { connections: rest, packets: rest * 6, octets: rest * 450, records: 0 });
});

perBackend('by default a shutdown does not take the poll interval', async (t, backend) => {
  const collector = await udpCollector(t);
  const destination = await open(t, backend, collector, many(3_000), {}, 3_600_000);
  t.is((await destination.drain(60_000)).connections, 0);
  await eventually('3,000 records', () => collector.records.length === 3_000);
});
