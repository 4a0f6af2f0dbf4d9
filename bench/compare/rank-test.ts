import { errorFunction } from 'simple-statistics';

/** As many samples together are still counted out; beyond them the normal distribution is close enough. */
const EXACT_UP_TO = 60;

/**
 * The Mann-Whitney U test, two-sided: how probable it is that two sets of samples of one distribution lie as far apart as
 * these. Exact for up to 60 samples together, ties included; else the normal approximation, corrected for ties and continuity.
 */
export function rankTest(a: readonly number[], b: readonly number[]): { u: number; p: number } {
  if (a.length === 0 || b.length === 0) return { u: 0, p: 1 };
  const ranks = doubledRanks([...a, ...b]);
  const sum = ranks.slice(0, a.length).reduce((total, rank) => total + rank, 0);
  const u = (sum - a.length * (a.length + 1)) / 2;
  const p = ranks.length <= EXACT_UP_TO ? exact(ranks, a.length, sum) : approximate(ranks, u, a.length, b.length);
  return { u, p: Math.min(1, p) };
}

/** The least p that so many samples can have: all of one side above all of the other. */
export function leastP(a: number, b: number): number {
  let p = 2;
  for (let i = 1; i <= a; i++) p *= i / (b + i); // 2 / (a + b choose a)
  return Math.min(1, p);
}

/** Twice the rank of each value; equal values share the mean of their ranks, which doubled is whole. */
function doubledRanks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => values[i] - values[j]);
  const ranks = new Float64Array(values.length);
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && values[order[to]] === values[order[from]]) to++;
    for (let i = from; i < to; i++) ranks[order[i]] = from + to + 1;
    from = to;
  }
  return [...ranks];
}

/** The share of all ways to choose `size` of the ranks whose sum is as far from the middle as `sum`. */
function exact(ranks: readonly number[], size: number, sum: number): number {
  const most = ranks.reduce((total, rank) => total + rank, 0);
  // ways[k][s]: how many choices of k ranks have the sum s
  const ways = Array.from({ length: size + 1 }, () => new Float64Array(most + 1));
  ways[0][0] = 1;
  for (const [i, rank] of ranks.entries()) {
    for (let k = Math.min(size, i + 1); k > 0; k--) {
      for (let s = most; s >= rank; s--) ways[k][s] += ways[k - 1][s - rank];
    }
  }
  const middle = size * (ranks.length + 1);
  let all = 0;
  let asFar = 0;
  for (const [s, count] of ways[size].entries()) {
    all += count;
    if (Math.abs(s - middle) >= Math.abs(sum - middle)) asFar += count;
  }
  return asFar / all;
}

function approximate(ranks: readonly number[], u: number, sizeA: number, sizeB: number): number {
  const n = ranks.length;
  const ties = new Map<number, number>();
  for (const rank of ranks) ties.set(rank, (ties.get(rank) ?? 0) + 1);
  let tied = 0;
  for (const count of ties.values()) tied += count ** 3 - count;
  const variance = ((sizeA * sizeB) / 12) * (n + 1 - tied / (n * (n - 1)));
  if (variance === 0) return 1;
  const distance = Math.max(0, Math.abs(u - (sizeA * sizeB) / 2) - 0.5);
  return 1 - errorFunction(distance / Math.sqrt(2 * variance));
}
