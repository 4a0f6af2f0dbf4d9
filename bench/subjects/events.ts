import type { Case, Scene, Subject } from '../subject.js';
import { same } from '../same.js';
import { exportCase, readCase, type Exporting } from '../workload/event-cases.js';
import { KernelTable } from '../workload/kernel-table.js';

const DESTROY: Exporting = {
  name: 'event to record',
  profile: 'standard',
  events: 'destroy',
  records: 1,
  check({ store }, connections) {
    same('connections known from events', store.unseen % connections, 0);
    return undefined;
  },
};

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
    return [await readCase(scene, table, DESTROY.events), exportCase(scene, native, table, DESTROY)];
  },
};
