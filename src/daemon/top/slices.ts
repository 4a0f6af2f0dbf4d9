import { processCpu } from '../../common/cpu.js';

/** Milliseconds after which the event loop has its turn, and slots from one look at the clock to the next. */
const SLICE_MS = 2;
const SLICE = 2_048;

/**
 * Walks over slots in slices, so that nothing waits for it.
 * @param top slots that have ever been used lie below; it may grow meanwhile
 * @returns milliseconds of CPU that the walk itself has taken, as far as other threads let it be known
 */
export async function inSlices(top: () => number, walk: (from: number, to: number) => void): Promise<number> {
  let spent = 0;
  let [began, cpu] = [performance.now(), processCpu()];
  // on a busy host the clock counts others, and a thread that reads a poll meanwhile counts in the process
  const cost = (): number => Math.min(performance.now() - began, processCpu() - cpu);
  for (let from = 0; from < top(); from += SLICE) {
    walk(from, Math.min(from + SLICE, top()));
    if (performance.now() - began < SLICE_MS) continue;
    spent += cost();
    await new Promise(resolve => setImmediate(resolve));
    [began, cpu] = [performance.now(), processCpu()];
  }
  return spent + cost();
}
