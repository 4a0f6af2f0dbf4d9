import { same } from '../same.js';
import type { Case, Scene, Subject } from '../subject.js';
import { ChangingTable } from '../workload/changing-table.js';
import { PolledStore } from '../workload/polled-store.js';

/** The first dump: every connection is new, and every page of memory is touched for the first time. */
export const store: Subject = {
  name: 'store',
  summary: 'merge a dump into an empty store',
  connections: 10_000,
  cases({ family, sizes }: Scene): Case[] {
    const { connections, destinations } = sizes;
    const { batches } = new ChangingTable(family, connections, { fresh: 0, gone: 0, idle: 0, dying: false });
    let polled: PolledStore;
    return [
      {
        name: 'from empty',
        backend: 'both', // there is one store
        parameters: { connections, destinations },
        items: connections,
        prepare() {
          globalThis.gc?.(); // the store before
          polled = new PolledStore(connections, destinations);
        },
        operation: () => polled.poll(batches),
        check() {
          same('connections in the store', polled.store.size, connections);
          same('records that are due', polled.report(), connections * destinations);
          return undefined;
        },
      },
    ];
  },
};
