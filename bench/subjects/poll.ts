import { same } from '../same.js';
import type { Case, Scene, Subject } from '../subject.js';
import { ChangingTable } from '../workload/changing-table.js';
import { lookUp } from '../workload/look-ups.js';
import { PolledStore } from '../workload/polled-store.js';

/** Polls before the first that counts: by then the slots are used in the order of a store that has run for long. */
const POLLS_BEFORE = 20;
/** Share of the connections without traffic between two polls. */
const IDLE = 0.2;

/** Merging a dump into a store that holds the connections of the dump before, alone and with the look-ups of a cluster. */
export const poll: Subject = {
  name: 'poll',
  summary: 'merge a dump into the store, connections coming and going; and the same with pods and services looked up',
  connections: 10_000,
  cases(scene: Scene): Case[] {
    return [mergeCase('merge', scene, false), mergeCase('merge and look up', scene, true)];
  },
};

function mergeCase(name: string, { family, sizes }: Scene, lookUps: boolean): Case {
  const { connections, fresh, gone, destinations } = sizes;
  const table = new ChangingTable(family, connections, { fresh, gone, idle: IDLE, dying: true });
  const polled = new PolledStore(connections + fresh + gone, destinations);
  const looked = lookUps ? lookUp(polled.store, family) : undefined;
  polled.poll(table.batches);
  // every connection is of a service, but pings
  if (looked) same('services', looked.shapeOf(0) | looked.shapeOf(1) ? 1 : 0, 1);
  const prepare = (): void => {
    polled.report();
    same('connections in the store', polled.store.size, table.size);
    table.advance();
  };
  for (let i = 0; i < POLLS_BEFORE; i++) {
    prepare();
    polled.poll(table.batches);
  }
  return {
    name,
    backend: 'both', // there is one store
    parameters: { connections, fresh, gone, destinations },
    items: connections,
    prepare,
    operation: () => polled.poll(table.batches),
    check() {
      same('connections ever stored', polled.store.counts.added, table.known);
      return undefined;
    },
  };
}
