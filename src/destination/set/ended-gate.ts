import type { Destination } from '../destination.js';

/**
 * How many more ended connections can be taken: as many as the fastest destination has room for, of those that take anything.
 * The others drop their oldest ones, counted. Any number where no destination takes anything.
 */
export function roomForEnded(destinations: readonly Pick<Destination, 'takesEnded' | 'endedRoom'>[]): number {
  let most = -1;
  for (const destination of destinations) {
    if (destination.takesEnded()) most = Math.max(most, destination.endedRoom);
  }
  return most < 0 ? Number.POSITIVE_INFINITY : most;
}
