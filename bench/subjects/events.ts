import type { Backend } from '../../src/backend/backend.js';
import { Exporter, EXPORTER_DEFAULTS } from '../../src/exporter.js';
import { createLogger } from '../../src/common/logger.js';
import { CountingSink } from '../host/counting-sink.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { COLLECTOR_PORT } from '../host/kernel-namespace.js';
import { same } from '../same.js';
import type { Case, Scene, Subject } from '../subject.js';
import { Arrivals } from '../workload/arrivals.js';
import { destinationOptions } from '../workload/destination.js';
import { KernelTable } from '../workload/kernel-table.js';

/** No second poll while it is measured. */
const NO_POLL_MS = 2 ** 31 - 1;
const LOOK_MS = 10;
/** Milliseconds after which an event is taken for lost. */
const PATIENCE_MS = 30_000;

/**
 * From the DESTROY event to the record on the wire. Connections begin and end between two polls, so that all that is known of
 * them comes from their events. The clock tells how fast they end; the CPU is the cost.
 */
export const events: Subject = {
  name: 'events',
  summary: 'DESTROY events to records on the wire, no polls: native',
  connections: 20_000,
  kernel: true,
  companion: true,
  packets: true,
  async cases(scene: Scene): Promise<Case[]> {
    const native = scene.backends.find(({ name }) => name === 'native');
    if (!native) return [];
    const table = await KernelTable.open(scene.family);
    const one = await eventCase(scene, native, table);
    return [{ ...one, close: () => Promise.all([one.close!(), table.close()]).then(() => {}) }];
  },
};

/** @param table whose connections begin and end; closing the case leaves it open */
export async function eventCase({ family, sizes }: Scene, backend: Backend, table: KernelTable): Promise<Case> {
  const { connections, mtu } = sizes;
  const sink = await CountingSink.open(family, COLLECTOR_PORT);
  const { eventBuffer: receiveBuffer, holdEnded } = EXPORTER_DEFAULTS;
  const exporter = new Exporter({
    ...EXPORTER_DEFAULTS,
    flowPollInterval: NO_POLL_MS,
    backend,
    source: backend.openKernel({ filter: {} }),
    events: { kind: 'destroy', filter: {}, receiveBuffer, holdEnded, earlierHaveNone: false },
    destinations: [destinationOptions(sink, mtu)],
    log: createLogger('error'),
  });
  await exporter.open();
  const arrivals = await Arrivals.at(sink);
  let before = 0;
  return {
    name: 'event to record',
    backend: backend.name,
    parameters: { connections, mtu },
    items: connections,
    async prepare() {
      await table.begin(connections);
      before = exporter.stats().recordsExported;
    },
    async operation() {
      await table.end(connections);
      for (let waited = 0; exporter.stats().recordsExported < before + connections; waited += LOOK_MS) {
        if (waited > PATIENCE_MS) throw new Error('events are missing');
        await sleep(LOOK_MS);
      }
    },
    check() {
      same('connections known from events', exporter.stats().store.unseen % connections, 0);
      same('records exported', exporter.stats().recordsExported - before, connections);
      return arrivals.check(connections);
    },
    extra: () => ({ ...arrivals.extra(), overrun: exporter.stats().events!.overrun }),
    async close() {
      await exporter.close();
      await sink.close();
    },
  };
}
