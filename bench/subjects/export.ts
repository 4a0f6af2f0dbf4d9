import { ConnectionStore } from '../../src/store/connection-store.js';
import { DESTINATION_DEFAULTS } from '../../src/destination/destination-options.js';
import { NameTable } from '../../src/record/name-table.js';
import { kernelTimeouts } from '../../test/helpers/rigs/store-rig.js';
import type { Case, Scene, Subject } from '../subject.js';
import { ChangingTable } from '../workload/changing-table.js';
import { CaseClock } from '../workload/clock.js';
import { exportCase, sendCase, type Exported } from '../workload/export-case.js';
import { now } from '../workload/now.js';

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
    const native = scene.backends.find(({ name }) => name === 'native');
    // the system calls are the native backend's
    if (native)
      for (const segment of [false, true]) cases.push(await sendCase(scene, native, exported(scene, segment)));
    for (const backend of scene.backends) {
      cases.push(await exportCase(scene, backend, exported(scene, false)));
      if (backend.name === 'native') cases.push(await exportCase(scene, backend, exported(scene, true)));
    }
    return cases;
  },
};

function exported({ family, sizes }: Scene, segment: boolean): Exported {
  const { connections: records, gone } = sizes;
  const clock = new CaseClock();
  clock.take();
  // each of those that are gone is replaced, and both are exported: the dump shows so many fewer
  const table = new ChangingTable(family, records - gone, { fresh: gone, gone, idle: 0, dying: false });
  const store = new ConnectionStore({ maxConnections: records, firstSight: 'total', born: now() });
  return {
    name: segment ? 'export, --udp-segmentation' : 'export',
    parameters: { connections: records, gone },
    flows: [{ store, extras: {} }],
    names: new NameTable(),
    segment,
    clock,
    change() {
      const first = store.size === 0;
      if (!first) table.advance();
      mergeDump(store, table);
      return first ? table.size : records;
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
