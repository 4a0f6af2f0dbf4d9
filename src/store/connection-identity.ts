import * as row from '../row/layout.generated.js';
import { isClosed } from '../row/conntrack.js';
import { nanosecondsToMilliseconds } from '../common/u64.js';

// V8 makes a module's own constants part of the code; imported and exported ones are read and checked at each use
const {
  HASH_WORD,
  HAS_ID,
  HAS_START,
  HAS_START_ESTIMATE,
  HAS_TCP_STATE,
  IDENTITY_FLAGS,
  ID_WORD,
  ORIG_OCTETS_WORD,
  ORIG_PACKETS_WORD,
  PRESENT_WORD,
  REPLY_OCTETS_WORD,
  REPLY_PACKETS_WORD,
  START_NS_WORD,
} = row;

/** The same entry, its counters at least what they were. */
export const SAME = 0;
/** The same entry, its counters set to zero. */
export const COUNTERS_RESET = 1;
/** Another connection with the tuple of the stored one. */
export const ANOTHER = 2;

/** procfs gives the age in whole seconds, so two estimates of one start lie up to a second apart, and the reading takes time. */
const ESTIMATE_TOLERANCE_MS = 2000;

/**
 * Tells a connection from a later one with the same tuple. The kernel's start timestamp decides where it is known; the id
 * alone does not, because the kernel gives a reopened tuple the same one again. Without it, counters that fall, or a
 * return from a closed state, mean another connection.
 *
 * @param stored words of the stored row from `to`; @param fresh words of the row just read from `from`
 * @param storedStart flow start of the stored one, milliseconds since 1970
 */
export function compareConnections(
  stored: Uint32Array,
  to: number,
  storedState: number,
  storedStart: number,
  fresh: Uint32Array,
  from: number,
  freshState: number,
): number {
  const was = stored[to + PRESENT_WORD];
  const is = fresh[from + PRESENT_WORD];
  if (was & is & HAS_ID && stored[to + ID_WORD] !== fresh[from + ID_WORD]) return ANOTHER;
  if ((was | is) & HAS_START) {
    const same =
      (was & is & HAS_START) !== 0 &&
      stored[to + START_NS_WORD] === fresh[from + START_NS_WORD] &&
      stored[to + START_NS_WORD + 1] === fresh[from + START_NS_WORD + 1];
    if (!same) return ANOTHER;
    return compareCounters(stored, to, fresh, from) === FELL ? COUNTERS_RESET : SAME;
  }
  // TCP leaves TIME_WAIT and CLOSE only for each other; the handshake of the new one may have passed between two polls
  if (was & is & HAS_TCP_STATE && isClosed(storedState) && !isClosed(freshState)) return ANOTHER;
  if (is & HAS_START_ESTIMATE) {
    const start = nanosecondsToMilliseconds(fresh[from + START_NS_WORD], fresh[from + START_NS_WORD + 1]);
    if (start > storedStart + ESTIMATE_TOLERANCE_MS) return ANOTHER;
  }
  return compareCounters(stored, to, fresh, from) === FELL ? ANOTHER : SAME;
}

/**
 * Whether both rows are surely of one kernel entry: tuple's hash, id and start to the nanosecond are the same. Cheaper than
 * comparing the tuples, and false where id or start is not known.
 */
export function isSameEntry(stored: Uint32Array, to: number, fresh: Uint32Array, from: number): boolean {
  return (
    stored[to + START_NS_WORD] === fresh[from + START_NS_WORD] &&
    stored[to + HASH_WORD] === fresh[from + HASH_WORD] &&
    stored[to + ID_WORD] === fresh[from + ID_WORD] &&
    stored[to + START_NS_WORD + 1] === fresh[from + START_NS_WORD + 1] &&
    (stored[to + PRESENT_WORD] & fresh[from + PRESENT_WORD] & IDENTITY_FLAGS) === IDENTITY_FLAGS
  );
}

const EQUAL = 0;
const MORE = 1;
const LESS = 2;
/** All four counters are what they were. */
export const STILL = EQUAL;
/** One has moved, and none fell. */
export const ROSE = MORE;
/** One is lower than it was. */
export const FELL = LESS;

/** What the four counters have done between the stored row and the fresh one. */
export function compareCounters(stored: Uint32Array, to: number, fresh: Uint32Array, from: number): number {
  const moves =
    compareCounter(stored, to + ORIG_PACKETS_WORD, fresh, from + ORIG_PACKETS_WORD) |
    compareCounter(stored, to + ORIG_OCTETS_WORD, fresh, from + ORIG_OCTETS_WORD) |
    compareCounter(stored, to + REPLY_PACKETS_WORD, fresh, from + REPLY_PACKETS_WORD) |
    compareCounter(stored, to + REPLY_OCTETS_WORD, fresh, from + REPLY_OCTETS_WORD);
  return moves & LESS ? LESS : moves;
}

function compareCounter(stored: Uint32Array, to: number, fresh: Uint32Array, from: number): number {
  const low = fresh[from];
  const high = fresh[from + 1];
  const wasLow = stored[to];
  const wasHigh = stored[to + 1];
  if (low === wasLow && high === wasHigh) return EQUAL;
  return high < wasHigh || (high === wasHigh && low < wasLow) ? LESS : MORE;
}
