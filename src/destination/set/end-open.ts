import { setTimeout as pause } from 'node:timers/promises';
import type { EndedProgress } from '../../schedule/ended-queue.js';

/** Connections ended before destinations get their turn: fewer than a queue of ended ones holds. */
const SLICE = 16_384;
/** Milliseconds without progress after which no destination is waited for. */
const STANDSTILL = 1_000;
const LOOK_INTERVAL = 10;

/**
 * Ends connections slice by slice, as fast as the fastest destination exports them: ended all at once they would not fit into the
 * queues.
 * @param endSlice ends some from a slot on, and returns where to go on, -1 at the end
 */
export async function endOpen(
  endSlice: (from: number, slots: number) => number,
  destinations: readonly { readonly endedProgress: EndedProgress }[],
  exportNow: () => void,
): Promise<void> {
  for (let from = 0; from >= 0;) {
    from = endSlice(from, SLICE);
    exportNow();
    let least = Infinity;
    for (let since = performance.now(); destinations.length > 0 && performance.now() - since < STANDSTILL;) {
      const waiting = Math.min(...destinations.map(({ endedProgress: { pushed, settled } }) => pushed - settled));
      if (waiting === 0) break;
      if (waiting < least) [least, since] = [waiting, performance.now()];
      await pause(LOOK_INTERVAL);
    }
  }
}
