/**
 * Why events are not recorded: the limits of rate and CPU, too much that waited (for this thread or for the disk), an error of the
 * disk.
 */
export type DropReason = 'rate' | 'cpu' | 'disk';
/** Why a dump is not recorded: it has no room in the ring, or as events. */
export type SkipReason = 'size' | DropReason;

export interface RecorderCounts {
  /** Recorded. */
  events: number;
  dumps: number;
  /** Dumps that were recorded in part: they failed, or too much waited for the disk. */
  partDumps: number;
  octetsWritten: number;
  /** Errors of the disk. */
  errors: number;
  readonly droppedEvents: Record<DropReason | 'busy', number>;
  /** Beside those that are left out as the size allows no more. */
  readonly skippedDumps: Record<SkipReason, number>;
  /** Files written out, and attempts that failed. */
  recordings: number;
  failedRecordings: number;
}

export interface RecorderStats extends Readonly<RecorderCounts> {
  /** Files of the ring, and their octets. */
  readonly segments: number;
  readonly octets: number;
  /** Milliseconds that it holds, from the oldest to the newest. */
  readonly span: number;
  /** Octets that wait for the disk. */
  readonly waiting: number;
  /** Milliseconds of CPU of the main thread. */
  readonly cpu: number;
  /** The errno of the last error. */
  readonly lastError?: string;
}

export function newRecorderCounts(): RecorderCounts {
  return {
    events: 0,
    dumps: 0,
    partDumps: 0,
    octetsWritten: 0,
    errors: 0,
    droppedEvents: { rate: 0, cpu: 0, busy: 0, disk: 0 },
    skippedDumps: { size: 0, rate: 0, cpu: 0, disk: 0 },
    recordings: 0,
    failedRecordings: 0,
  };
}
