import type { EventPressure } from '../../native/binding.js';

/** Of the table's size, where no limit is set. */
const SHARE = 1 / 8;

/**
 * Ended connections that the kernel may hold in all: as many as the limit says, and never more than half of the room that the
 * table would have without them. 0 where that room is not known.
 * @param held that it holds now
 * @param limit absent for an eighth of the table
 */
export function mostHeld({ tableMax, tableCount }: EventPressure, held: number, limit?: number): number {
  if (tableMax === undefined || tableCount === undefined) return 0;
  const size = tableMax === 0 ? 2 ** 32 : tableMax; // 0 is no limit
  const room = Math.max(0, size - tableCount + held);
  return Math.floor(Math.min(limit ?? size * SHARE, room / 2));
}
