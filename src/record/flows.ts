import type { FlowExtras } from '../encoder/columns.js';
import type { FlowStore } from '../store/flow-store.js';

/** Flows of one kind to export. */
export interface Flows {
  readonly store: FlowStore;
  /** Facts about them that the store's rows do not hold. */
  readonly extras: FlowExtras;
}
