import type { ConnectionTable } from './connection-table.js';

/** Bits of {@link StoreListener.changed}. */
export const MOVED = 1;
export const STATE_CHANGED = 2;

/** Told what becomes of the flows of a store. */
export interface StoreListener {
  /** @param before what it has counted so far is not to be reported as a delta: it was, or it is from before the exporter */
  added(slot: number, before: boolean): void;
  changed(slot: number, what: number): void;
  /** The kernel no longer has it. */
  gone(slot: number, reason: number): void;
  /** The slot is taken away at once. */
  evicted(slot: number, reason: number): void;
  /** No slot holds a flow any more. */
  cleared(): void;
}

/**
 * One export schedule for each destination. After {@link StoreListener.gone} it holds the slot and calls
 * {@link FlowStore.release} when it has made its last report; of one that is evicted it reports at once, or counts it.
 */
export interface SlotHolder extends StoreListener {
  /** Somebody zeroed the counters; the row still holds the old ones. */
  countersReset(slot: number): void;
  /** It was added as one from before, and is not: all that it has counted is to be reported. */
  foundNew(slot: number): void;
}

/** Flows by slot, whatever they come from: all that a schedule and a destination know of a store. */
export interface FlowStore {
  readonly table: ConnectionTable;
  /** All observers must be there before the first flow. @throws CtflowError CTFLOW_USAGE beyond 255 */
  hold(holder: SlotHolder): void;
  /** Who keeps facts of its own by slot: told before the observers, and holds no slot. */
  subscribe(listener: StoreListener): void;
  /** An observer has made its last report of a flow that is gone. */
  release(slot: number): void;
}
