/** Milliseconds after which the event loop has its turn, and slots from one look at the clock to the next. */
const SLICE_MS = 2;
const SLICE = 2_048;

/**
 * Walks over slots in slices, so that nothing waits for it.
 * @param top slots that have ever been used lie below; it may grow meanwhile
 * @returns milliseconds that the walk itself has taken
 */
export async function inSlices(top: () => number, walk: (from: number, to: number) => void): Promise<number> {
  let spent = 0;
  let began = performance.now();
  for (let from = 0; from < top(); from += SLICE) {
    walk(from, Math.min(from + SLICE, top()));
    const took = performance.now() - began;
    if (took < SLICE_MS) continue;
    spent += took;
    await new Promise(resolve => setImmediate(resolve));
    began = performance.now();
  }
  return spent + performance.now() - began;
}
