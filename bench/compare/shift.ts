/**
 * How much one set of values lies above another: the Mann-Whitney test of a shift, one-sided and exact, with the bounds and the
 * estimate (Hodges-Lehmann) that belong to it. All three come from the differences of each value of one set and each of the
 * other, of which those above θ are the test's U.
 */

const known = new Map<string, Float64Array>();

/** [u]: how probable it is that of two sets of one distribution u or more of all differences lie above 0. */
function tails(a: number, b: number): Float64Array {
  const key = `${a} ${b}`;
  let tail = known.get(key);
  if (tail) return tail;
  // [k][u]: choices of k of the places, which go to HEAD, with u pairs of one of them and a place of BASE before it
  const ways = Array.from({ length: b + 1 }, () => new Float64Array(a * b + 2));
  ways[0][0] = 1;
  for (let place = 0; place < a + b; place++) {
    for (let k = Math.min(b, place + 1); k > 0; k--) {
      const before = place - (k - 1);
      for (let u = a * b - before; before <= a && u >= 0; u--) ways[k][u + before] += ways[k - 1][u];
    }
  }
  const all = ways[b].reduce((sum, way) => sum + way, 0);
  tail = ways[b].map(way => way / all);
  for (let u = a * b - 1; u >= 0; u--) tail[u] += tail[u + 1];
  tail[0] = 1; // whatever was rounded
  known.set(key, tail);
  return tail;
}

/** The least p that so many values can have: each of one set above all of the other. */
export function leastP(a: number, b: number): number {
  return a === 0 || b === 0 ? 1 : tails(a, b)[a * b];
}

/** The differences of each value of `head` and each of `base`, sorted. */
export class Shift {
  readonly #differences: Float64Array;
  readonly #tail: Float64Array;

  constructor(base: readonly number[], head: readonly number[]) {
    this.#differences = Float64Array.from(head.flatMap(after => base.map(before => after - before))).sort();
    this.#tail = tails(base.length, head.length);
  }

  /** How probable values as far apart are where HEAD lies above BASE by θ and no more. 1 where a set is empty. */
  pAbove(theta: number): number {
    return this.#tail[this.#differences.filter(difference => difference > theta).length];
  }

  /** How probable values as far apart are where HEAD lies above BASE by θ at least. */
  pBelow(theta: number): number {
    return this.#tail[this.#differences.filter(difference => difference < theta).length];
  }

  /** The largest shift that lies too low at this level; undefined where so few values cannot reach it. */
  lower(level: number): number | undefined {
    const needed = this.#tail.findIndex(p => p <= level);
    return this.#differences[this.#differences.length - needed];
  }

  /** The smallest shift that lies too high at this level. */
  upper(level: number): number | undefined {
    const needed = this.#tail.findIndex(p => p <= level);
    return this.#differences[needed - 1];
  }

  /** Half of the differences lie above it, half below. NaN of none. */
  get estimate(): number {
    const { length } = this.#differences;
    return (this.#differences[(length - 1) >> 1] + this.#differences[length >> 1]) / 2;
  }
}
