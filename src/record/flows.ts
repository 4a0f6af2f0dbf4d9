import type { FlowExtras } from '../encoder/columns.js';
import type { FlowStore } from '../store/flow-store.js';
import type { Moment } from '../store/poll-history.js';
import type { NameTable } from './name-table.js';

/** Flows of one kind to export. */
export interface Flows {
  readonly store: FlowStore;
  /** Facts about them that the store's rows do not hold. */
  readonly extras: FlowExtras;
}

/** All that an exporter has stored. */
export interface StoredFlows {
  /** Connections, then denied packets where they are received. */
  readonly flows: readonly Flows[];
  readonly names: NameTable;
  /** When the last poll began. */
  polledAt(): Moment;
}
