import type { Logger } from '../../common/logger.js';
import type { Destination } from '../destination.js';

/** Milliseconds between two lines about what is left. */
const PROGRESS_MS = 5_000;

/**
 * Exports everything that is open to all destinations at once, each for itself, and closes them.
 * @param graceMs for all of it
 * @returns records that were left: at least one for each connection that was not exported to its end
 * @throws what one of them threw; all have ended then
 */
export async function drainAll(
  destinations: readonly Pick<Destination, 'name' | 'drain' | 'countLeft'>[],
  graceMs: number,
  log: Logger,
  progressMs: number = PROGRESS_MS,
): Promise<number> {
  const draining = new Set(destinations);
  const progress = setInterval(() => {
    const left = Object.fromEntries([...draining].map(destination => [destination.name, destination.countLeft()]));
    log.info({ left }, 'shutting down: records left to export');
  }, progressMs);
  const drained = await Promise.allSettled(
    destinations.map(async destination => {
      const { records, ...left } = await destination.drain(graceMs);
      draining.delete(destination);
      const all = left.connections + records;
      if (all > 0) log.warn({ collector: destination.name, ...left, records }, 'connections not exported at shutdown');
      return all;
    }),
  );
  clearInterval(progress);
  let sum = 0;
  for (const result of drained) {
    if (result.status === 'rejected') throw result.reason;
    sum += result.value;
  }
  return sum;
}
