import { ORIG_PACKETS_WORD, ROW_WORDS } from '../../src/row/layout.generated.js';
import { type Floors, loadFloors } from '../host/floors.js';
import { same } from '../same.js';
import type { Case, Scene, Subject } from '../subject.js';
import { ChangingTable } from '../workload/changing-table.js';
import { lookUp } from '../workload/look-ups.js';
import { PolledStore } from '../workload/polled-store.js';

/** Polls before the first that counts: by then the slots are used in the order of a store that has run for long. */
const POLLS_BEFORE = 20;
/** Four counters. */
const COUNTER_WORDS = 8;
/** Share of the connections without traffic between two polls. */
const IDLE = 0.2;

/** Merging a dump into a store that holds the connections of the dump before, alone and with the look-ups of a cluster. */
export const poll: Subject = {
  name: 'poll',
  summary: 'merge a dump into the store, connections coming and going; and the same with pods and services looked up',
  connections: 10_000,
  floor: true,
  cases(scene: Scene): Case[] {
    const floors = loadFloors();
    const floor = floors ? [floorCase(floors, scene)] : [];
    return [...floor, mergeCase('merge', scene, false), mergeCase('merge and look up', scene, true)];
  },
};

/** The floor: the same rows, found in the same order, compared, their counters taken over and their slots stamped. */
function floorCase(floors: Floors, { family, sizes }: Scene): Case {
  const { connections, fresh, gone, destinations } = sizes;
  const table = changingTable(family, sizes);
  const merging = new floors.MergeFloor(connections + fresh + gone);
  const operation = (): void => {
    merging.begin();
    for (const { bytes, count } of table.batches) merging.merge(bytes, count);
    merging.end();
  };
  const check = (): undefined => {
    same('rows held', merging.size, table.size);
    same('rows that were new', merging.added, table.known);
  };
  operation();
  for (let i = 0; i < POLLS_BEFORE; i++) {
    table.advance();
    operation();
    check();
    same('what they counted', merging.counted(), countedIn(table));
  }
  return {
    name: 'find and stamp',
    backend: 'floor',
    parameters: { connections, fresh, gone, destinations },
    items: connections,
    prepare: () => table.advance(),
    operation,
    check,
  };
}

/** The sum of all words of counters, modulo 2^32. */
function countedIn({ batches }: ChangingTable): number {
  let sum = 0;
  for (const { u32, count } of batches) {
    for (let row = 0; row < count; row++) {
      const from = row * ROW_WORDS + ORIG_PACKETS_WORD;
      for (let word = from; word < from + COUNTER_WORDS; word++) sum = (sum + u32[word]) >>> 0;
    }
  }
  return sum;
}

function changingTable(family: Scene['family'], { connections, fresh, gone }: Scene['sizes']): ChangingTable {
  return new ChangingTable(family, connections, { fresh, gone, idle: IDLE, dying: true });
}

function mergeCase(name: string, { family, sizes }: Scene, lookUps: boolean): Case {
  const { connections, fresh, gone, destinations } = sizes;
  const table = changingTable(family, sizes);
  const polled = new PolledStore(connections + fresh + gone, destinations);
  const looked = lookUps ? lookUp(polled.store, family) : undefined;
  polled.poll(table.batches);
  // every connection is of a service, but pings
  if (looked) same('services', looked.extras.names![6] | looked.extras.names![13] ? 1 : 0, 1);
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
