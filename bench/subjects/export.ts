import type { Backend } from '../../src/backend/backend.js';
import { ConnectionStore } from '../../src/store/connection-store.js';
import { DESTINATION_DEFAULTS } from '../../src/destination/destination.js';
import type { Moment } from '../../src/store/poll-history.js';
import { kernelTimeouts } from '../../test/helpers/rigs/store-rig.js';
import { CountingSink } from '../counting-sink.js';
import { same } from '../same.js';
import type { Case, Scene, Subject } from '../subject.js';
import { Arrivals } from '../workload/arrivals.js';
import { ChangingTable } from '../workload/changing-table.js';
import { CaseClock } from '../workload/clock.js';
import { MeasuredDestination } from '../workload/destination.js';

/** Share of the connections that are idle: their last packet was longer ago than the idle timeout. */
const IDLE = 0.1;

/**
 * From the store to the socket: every operation exports every record. Before each of them, outside the timing, a dump lets
 * most connections count on, some of them long ago, some begin and some be gone; then the active timeout passes.
 */
export const exportConntrack: Subject = {
  name: 'export-conntrack',
  summary: 'every connection from the store to a collector over UDP: updated, new, dying and idle ones',
  connections: 20_000,
  packets: true,
  companion: true,
  async cases(scene: Scene): Promise<Case[]> {
    const cases: Case[] = [];
    for (const backend of scene.backends) {
      cases.push(await exportCase(scene, backend, false));
      if (backend.name === 'native') cases.push(await exportCase(scene, backend, true));
    }
    return cases;
  },
};

async function exportCase({ family, sizes }: Scene, backend: Backend, segment: boolean): Promise<Case> {
  const { connections: records, gone, mtu } = sizes;
  const clock = new CaseClock();
  clock.take();
  // each of those that are gone is replaced, and both are told: the dump shows so many fewer
  const table = new ChangingTable(family, records - gone, { fresh: gone, gone, idle: 0, dying: false });
  const store = new ConnectionStore({ maxConnections: records, firstSight: 'total', born: now() });
  const sink = await CountingSink.open(family);
  const destination = await MeasuredDestination.open(
    backend,
    store,
    { host: sink.host, port: sink.port, segment },
    mtu,
  );
  const arrivals = await Arrivals.at(sink);
  let before = 0;
  mergeDump(store, table);
  clock.forward(DESTINATION_DEFAULTS.activeFlowExportTimeout);
  await destination.export();
  await arrivals.check(table.size);
  return {
    name: segment ? 'export, --udp-segmentation' : 'export',
    backend: backend.name,
    parameters: { connections: records, gone, mtu },
    items: records,
    prepare() {
      clock.take();
      table.advance();
      mergeDump(store, table);
      clock.forward(DESTINATION_DEFAULTS.activeFlowExportTimeout);
      before = destination.records;
    },
    operation: () => destination.export(),
    check() {
      const sent = destination.records - before;
      same(`records that ${backend.name} has exported`, sent, records);
      return arrivals.check(sent);
    },
    extra: () => arrivals.extra(),
    async close() {
      await destination.close();
      await sink.close();
    },
  };
}

/** A whole dump, in which the first batches have moved only longer ago than the idle timeout. */
export function mergeDump(store: ConnectionStore, { batches }: ChangingTable): void {
  const at = now();
  const idleSince = { ...at, monotonic: at.monotonic - DESTINATION_DEFAULTS.idleFlowExportTimeout };
  const idle = Math.floor(batches.length * IDLE);
  store.beginDump();
  store.beginPoll(at, kernelTimeouts());
  batches.forEach((batch, i) => store.merge(batch, i < idle ? idleSince : at));
  for (let from = 0; from >= 0;) from = store.sweep(from, Number.MAX_SAFE_INTEGER, at);
  store.endPoll(true);
}

export function now(): Moment {
  return { wall: Date.now(), monotonic: performance.now() };
}
