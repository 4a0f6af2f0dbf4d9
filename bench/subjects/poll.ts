import { same } from '../same.js';
import type { Case, Scene, Subject } from '../subject.js';
import { ChangingTable } from '../workload/changing-table.js';
import { PolledStore } from '../workload/polled-store.js';

/** Polls before the first that counts: by then the slots are used in the order of a store that has run for long. */
const POLLS_BEFORE = 20;
/** Share of the connections without traffic between two polls. */
const IDLE = 0.2;

/** Merging a dump into a store that holds the connections of the dump before. */
export const poll: Subject = {
  name: 'poll',
  summary: 'merge a dump into the store, connections coming and going',
  connections: 10_000,
  cases({ family, sizes }: Scene): Case[] {
    const { connections, fresh, gone, destinations } = sizes;
    const table = new ChangingTable(family, connections, { fresh, gone, idle: IDLE, dying: true });
    const polled = new PolledStore(connections + fresh + gone, destinations);
    polled.poll(table.batches);
    const prepare = (): void => {
      polled.report();
      same('connections in the store', polled.store.size, table.size);
      table.advance();
    };
    for (let i = 0; i < POLLS_BEFORE; i++) {
      prepare();
      polled.poll(table.batches);
    }
    return [
      {
        name: 'merge',
        backend: 'both', // there is one store
        parameters: { connections, fresh, gone, destinations },
        items: connections,
        prepare,
        operation: () => polled.poll(table.batches),
        check() {
          same('connections ever stored', polled.store.counts.added, table.known);
          return undefined;
        },
      },
    ];
  },
};
