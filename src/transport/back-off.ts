/** The longest wait, as often the first one; where no other is given. */
const CEILING = 8;
/** Share by which a time is shorter or longer at most. */
const SPREAD = 0.25;
/** Doubled so often, any first wait is longer than the longest. */
const MOST_DOUBLINGS = 30;

/** Waits between attempts: each one that fails doubles the next. */
export class BackOff {
  readonly #first: number;
  readonly #longest: number;
  #failed = 0;

  /** Milliseconds. */
  constructor(first: number, longest = first * CEILING) {
    this.#first = first;
    this.#longest = longest;
  }

  /** An attempt has failed since the last one that succeeded. */
  get failing(): boolean {
    return this.#failed > 0;
  }

  /** Milliseconds until the next attempt, as another one has failed. */
  next(): number {
    return Math.min(this.#first * 2 ** Math.min(this.#failed++, MOST_DOUBLINGS), this.#longest);
  }

  /** Attempts succeed: the first wait comes next. */
  reset(): void {
    this.#failed = 0;
  }
}

/** So many milliseconds, more or less by chance: exporters that were started together do not connect together again and again. */
export function spread(milliseconds: number): number {
  return milliseconds * (1 + SPREAD * (2 * Math.random() - 1));
}
