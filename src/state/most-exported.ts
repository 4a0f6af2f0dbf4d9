import { COUNTER_WORDS, COUNTERS_WORD } from '../schedule/export-state.js';
import { lessThan, subtract } from '../common/u64.js';

/**
 * Of counters that several destinations have exported of the connection whose row begins at word `from`, those that leave least.
 * @param all eight words each; undefined where it is not known
 * @returns undefined where one is not known
 */
export function mostExported(
  all: readonly (Uint32Array | undefined)[],
  row: Uint32Array,
  from: number,
): Uint32Array | undefined {
  const most = all[0]?.slice();
  const left = new Uint32Array(4);
  for (const counters of all) {
    if (!most || !counters) return undefined;
    for (let word = 0; word < COUNTER_WORDS; word += 2) {
      subtract(row, from + COUNTERS_WORD + word, counters, word, left, 0);
      subtract(row, from + COUNTERS_WORD + word, most, word, left, 2);
      if (lessThan(left, 0, left, 2)) most.set(counters.subarray(word, word + 2), word);
    }
  }
  return most;
}
