import type { DestroyLogStats } from './destroy-log.js';
import type { Uncertain } from './journal-contents.js';

export interface JournalStats {
  readonly path: string;
  /** Connections of the previous run that were found again. */
  readonly restored: number;
  /** Connections of the previous run that ended while no exporter ran: their last counters are not known. */
  readonly endedWhileDown: number;
  /** What was being sent when the previous run was killed: it is not sent again, and may be missing. */
  readonly restartUncertain: Uncertain;
  /** Bytes of the file. */
  readonly size: number;
  readonly compactions: number;
  /** Disk errors; after one the run goes on without a journal until the disk takes one again. */
  readonly errors: number;
  /** Times that the file was begun anew while it was in use: after an error, or as it was deleted, truncated or replaced. */
  readonly begunAnew: number;
  readonly ends: DestroyLogStats;
}
