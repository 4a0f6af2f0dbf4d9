import type { EventLease, EventPressure } from '../../native/binding.js';

/** Of the table's free room, in a burst. */
const BURST_SHARE = 3 / 4;
/** Milliseconds: what runs takes events far more often. */
const BURST_TIME = 2_000;
/** Of the table's free room, and of its size where no limit is set. */
const SHARE = 1 / 2;
const SIZE_SHARE = 1 / 8;
/** Milliseconds: a stop of a minute is ended by the number of events, not by the time. */
const TIME = 90_000;

/**
 * Ended connections that the kernel may hold in all, for a short while and for long: as many as the limit says, and no more than
 * a share of the room that the table would have without them. None where that room is not known.
 * @param held that it holds now
 * @param limit absent for three quarters of the room, and an eighth of the table
 */
export function holdBudget(
  { tableMax, tableCount }: EventPressure,
  held: number,
  limit?: number,
): [EventLease, EventLease] {
  const known = tableMax !== undefined && tableCount !== undefined;
  const size = tableMax === 0 ? 2 ** 32 - 1 : (tableMax ?? 0); // 0 is no limit
  const room = known ? Math.max(0, size - tableCount + held) : 0;
  const least = (most: number, share: number): number => Math.floor(Math.min(most, room * share));
  return [
    { events: least(limit ?? room, BURST_SHARE), milliseconds: BURST_TIME },
    { events: least(limit ?? size * SIZE_SHARE, SHARE), milliseconds: TIME },
  ];
}
