/**
 * How long ago the last packet passed, as well as a poll can tell: the timer was set to T by that packet and has R left, so it
 * passed T - R ago. R is in whole seconds, rounded down, hence the second of tolerance at the older end.
 *
 * All whole numbers: a number with a fraction, or beyond 31 bits, would be allocated for each connection.
 *
 * @param candidates seconds, what T may be, the likeliest first
 * @param remaining R in seconds, -1 where it is not known
 * @param window milliseconds: the packet cannot have passed longer ago, which was the previous poll, or the start
 * @returns milliseconds, at most `window`; 0 where no candidate fits
 */
export function lastPacketAgo(candidates: readonly number[], remaining: number, window: number): number {
  if (remaining < 0) return 0;
  for (let i = 0; i < candidates.length; i++) {
    const ago = (candidates[i] - remaining) * 1000;
    if (ago >= 0 && ago - window < 1000) return ago < window ? ago : window;
  }
  return 0;
}
