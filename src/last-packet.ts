/**
 * When the last packet passed, as well as a poll can tell: the timer was set to T by that packet and has R left, so it
 * passed T - R ago. R is in whole seconds, rounded down, hence the second of tolerance at the older end.
 *
 * @param candidates seconds, what T may be, the likeliest first
 * @param remaining R in seconds, undefined where it is not known
 * @param from the packet cannot have passed before: the previous poll, or the start; milliseconds since 1970
 * @param at the moment of the poll, milliseconds since 1970
 * @returns milliseconds since 1970 between `from` and `at`; `at` where no candidate fits
 */
export function lastPacketTime(
  candidates: readonly number[],
  remaining: number | undefined,
  from: number,
  at: number,
): number {
  if (remaining !== undefined) {
    for (let i = 0; i < candidates.length; i++) {
      const ago = (candidates[i] - remaining) * 1000;
      if (ago >= 0 && at - ago > from - 1000) return Math.max(from, at - ago);
    }
  }
  return at;
}
