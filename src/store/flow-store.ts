import type { ConnectionTable } from './connection-table.js';
import type { Unexported } from './unexported.js';

/** Bits of {@link StoreListener.changed}. */
export const MOVED = 1;
export const STATE_CHANGED = 2;
/** What an augmenter knows of it is another than its last record said. */
export const ANNOTATED = 4;

/** Called on changes of the flows of a store. */
export interface StoreListener {
  /**
   * @param before what it has counted so far is not to be reported as a delta: it was, or it is from before the
   * exporter
   */
  added(slot: number, before: boolean): void;
  /** @param what bits above */
  changed?(slot: number, what: number): void;
  /** The kernel no longer has it. */
  gone?(slot: number, reason: number): void;
  /** The slot is taken away at once. */
  evicted?(slot: number, reason: number): void;
  /** No slot holds a flow any more. */
  cleared?(): void;
}

/**
 * One export schedule for each destination. After {@link StoreListener.gone} it holds the slot and calls
 * {@link FlowStore.release} when it has made its last report; of one that is evicted it reports at once, or counts it.
 */
export interface SlotHolder extends Required<StoreListener> {
  /** A flow that is over as it comes: {@link StoreListener.added} and {@link StoreListener.gone} in one. */
  over(slot: number, reason: number): void;
  /** The counters were set to zero in the kernel; the row still holds the old ones. */
  countersReset(slot: number): void;
  /** What is never exported of a connection that the store had no room for. @param loss valid until this returns */
  lost(loss: Unexported): void;
  /** It was added as one from before, and is not: all that it has counted is to be reported. */
  foundNew(slot: number): void;
}

/** A store whose flows may be found to have more to tell than their rows. */
export interface AnnotatedStore extends FlowStore {
  /** The next record of the flow is due though its row is what it was. */
  annotated(slot: number): void;
}

/** Flows by slot, as schedules and destinations see a store. */
export interface FlowStore {
  readonly table: ConnectionTable;
  /** It holds every open flow from now on. @throws CtflowError CTFLOW_USAGE beyond 255 */
  hold(holder: SlotHolder): void;
  /** It holds no open flow any more, and has released all that are gone. */
  leave(holder: SlotHolder): void;
  /** The listener is called before the holders, and holds no slot. */
  subscribe(listener: StoreListener): void;
  /** Its counters may stand still while packets pass; absent where none do. */
  isSuspect?(slot: number): boolean;
  /** A holder has made its last report of a flow that is gone. */
  release(slot: number): void;
}
