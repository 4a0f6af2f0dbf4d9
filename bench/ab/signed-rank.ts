/**
 * Wilcoxon's signed-rank test, one-sided and exact, with the bounds and the estimate (Hodges-Lehmann) that belong to it: all
 * three come from the means of two values (each with itself too), of which those above θ are the test's sum of ranks.
 */

const known = new Map<number, Float64Array>();

/** [w]: how probable it is that of so many values, as often above θ as below, the ranks of those above sum to w or more. */
function tails(count: number): Float64Array {
  let tail = known.get(count);
  if (tail) return tail;
  const most = (count * (count + 1)) / 2;
  tail = new Float64Array(most + 2);
  tail[0] = 1;
  for (let rank = 1, reach = 0; rank <= count; rank++) {
    reach += rank;
    for (let sum = reach; sum >= 0; sum--) tail[sum] = (tail[sum] + (sum >= rank ? tail[sum - rank] : 0)) / 2;
  }
  for (let sum = most; sum >= 0; sum--) tail[sum] += tail[sum + 1];
  known.set(count, tail);
  return tail;
}

/** How probable values as far above θ are if they lie about it as often on either side. 1 of none. */
export function pAbove(values: readonly number[], theta: number): number {
  return tails(values.length)[meansAbove(values, theta)];
}

/** The same of values below θ. */
export function pBelow(values: readonly number[], theta: number): number {
  return pAbove(values.map(negated), -theta);
}

/** The largest θ that lies too low at this level; undefined where so few values cannot reach it. */
export function lowerBound(values: readonly number[], level: number): number | undefined {
  const tail = tails(values.length);
  const needed = tail.findIndex(p => p <= level);
  const means = meansOfTwo(values);
  return needed > means.length ? undefined : means[means.length - needed];
}

/** The smallest θ that lies too high at this level. */
export function upperBound(values: readonly number[], level: number): number | undefined {
  const bound = lowerBound(values.map(negated), level);
  return bound === undefined ? undefined : -bound;
}

/** Half of the means of two lie above it, half below. NaN of none. */
export function hodgesLehmann(values: readonly number[]): number {
  const means = meansOfTwo(values);
  const middle = means.length >> 1;
  return means.length % 2 === 1 ? means[middle] : (means[middle - 1] + means[middle]) / 2;
}

/** How many means of two are above θ. */
function meansAbove(values: readonly number[], theta: number): number {
  const sorted = Float64Array.from(values).sort();
  let above = 0;
  for (let low = 0, high = sorted.length - 1; high >= 0; high--) {
    while (low < sorted.length && sorted[low] + sorted[high] <= 2 * theta) low++;
    // with each from `low` to itself
    above += Math.max(0, high - low + 1);
  }
  return above;
}

/** Sorted. */
function meansOfTwo(values: readonly number[]): Float64Array {
  const means = new Float64Array((values.length * (values.length + 1)) / 2);
  let at = 0;
  for (let i = 0; i < values.length; i++)
    for (let j = i; j < values.length; j++) means[at++] = (values[i] + values[j]) / 2;
  return means.sort();
}

function negated(value: number): number {
  return -value;
}
