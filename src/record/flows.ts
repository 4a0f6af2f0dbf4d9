import type { FlowStore } from '../store/flow-store.js';
import type { RecordAugmenter } from './record-augmenter.js';

/** Flows of one kind to export. */
export interface Flows {
  readonly store: FlowStore;
  /** Facts about them that the store's rows do not hold. */
  readonly augmenters: readonly RecordAugmenter[];
}
