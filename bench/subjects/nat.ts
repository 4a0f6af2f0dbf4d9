import { same } from '../same.js';
import type { Case, Scene, Subject } from '../subject.js';
import { exportCase, readCase, type Exporting } from '../workload/event-cases.js';
import { KernelTable } from '../workload/kernel-table.js';

const NAT: Exporting = {
  name: 'events to records',
  profile: 'nat',
  events: 'new,destroy',
  // create, delete and end
  records: 3,
  check({ nat }, connections) {
    const { created, deleted, lateFromPoll, lateFromDestroy } = nat!;
    same('create events', created, connections);
    same('delete events', deleted, connections);
    const late = lateFromPoll + lateFromDestroy;
    return late > 0 ? `${late} create events were late` : undefined;
  },
};

/**
 * Profile nat, from the NEW and DESTROY events of translated connections to the records on the wire, against reading the datagrams
 * of the same events. Both are at work while connections begin and end; the CPU is the cost.
 */
export const nat: Subject = {
  name: 'nat',
  summary: 'NEW and DESTROY events of translated connections to the records of profile nat: native',
  connections: 20_000,
  kernel: true,
  companion: true,
  packets: true,
  async cases(scene: Scene): Promise<Case[]> {
    const native = scene.backends.find(({ name }) => name === 'native');
    if (!native) return [];
    const table = await KernelTable.openTranslated(scene.family);
    return [await readCase(scene, table, NAT.events), exportCase(scene, native, table, NAT)];
  },
};
