import { setTimeout as sleep } from 'node:timers/promises';
import type { OnRows } from '../sources/source.js';
import type { ConnectionStore } from '../store/connection-store.js';

/** Milliseconds until it is asked again whether there is room. */
const HELD_MS = 5;

/** Where the ended connections of a recording go. */
export interface EndedRoom {
  readonly endedRoom: number;
  exportSoon(): void;
}

/** Applies recorded DESTROY events to the store, as fast as the ended connections can be exported. */
export function recordedDestroys(store: Pick<ConnectionStore, 'applyDestroys'>, ended: () => EndedRoom): OnRows {
  return async (batch, at) => {
    while (ended().endedRoom < batch.count) await sleep(HELD_MS);
    store.applyDestroys(batch, { wall: at, monotonic: performance.now() });
    ended().exportSoon();
  };
}
