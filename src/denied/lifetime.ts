import { type ConnectionTable } from '../store/connection-table.js';
import { HAS_START, HAS_STOP, PRESENT_WORD, ROW_WORDS, STOP_NS_WORD } from '../row/layout.generated.js';
import { nanosecondsToMilliseconds } from '../common/u64.js';

/** The kernel stamps a packet before it confirms the connection, and both are cut to milliseconds. */
const TOLERANCE_MS = 10;
/** A packet without a time of the kernel was read at most this long after it: gathering, waking, a queue. */
const READING_MS = 250;

/** From when to when a connection was in the kernel, milliseconds since 1970; infinite where not known. */
export interface Lifetime {
  readonly start: number;
  readonly stop: number;
}

/** @param goneAt the moment at which it was found to be gone; undefined while the kernel has it */
export function lifetimeOf(table: ConnectionTable, slot: number, goneAt: number | undefined): Lifetime {
  const { rows } = table;
  const at = slot * ROW_WORDS;
  const present = rows[at + PRESENT_WORD];
  const start = present & HAS_START ? table.startMs(slot) : Number.NEGATIVE_INFINITY;
  if (goneAt === undefined) return { start, stop: Number.POSITIVE_INFINITY };
  const stop = nanosecondsToMilliseconds(rows[at + STOP_NS_WORD], rows[at + STOP_NS_WORD + 1]);
  return { start, stop: present & HAS_STOP ? stop : goneAt };
}

/**
 * Whether a packet can be one of the connection: not earlier than its start, and not later than its end.
 * @param time milliseconds since 1970; @param timed by the kernel, not by the reader
 */
export function isWithin({ start, stop }: Lifetime, time: number, timed: boolean): boolean {
  const earliest = timed ? time : time - READING_MS;
  return time + TOLERANCE_MS >= start && earliest - TOLERANCE_MS <= stop;
}
