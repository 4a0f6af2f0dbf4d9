import type { ZeroDeltas } from './export-state.js';
import type { FlowFilter } from './visibility.js';

export interface ScheduleOptions {
  /** A connection with news is exported this long after the first of them, or after its last record; milliseconds. */
  activeFlowExportTimeout: number;
  /** A connection without news this long is exported as idle; milliseconds. */
  idleFlowExportTimeout: number;
  /** An ended connection that could not be exported for so long is dropped; milliseconds. */
  staleConnectionTimeout: number;
  /** Ended connections that wait for their last record, at most; half the store where it has no room apart for them. */
  endedQueue: number;
  zeroDeltas: ZeroDeltas;
  /** Which connections the destination gets; all where it is undefined. */
  filter?: FlowFilter | undefined;
}

/** Takes the last record of a connection that must go at once, and updates its export state; returns false when it takes none now. */
export type Evict = (slot: number, reason: number) => boolean;
