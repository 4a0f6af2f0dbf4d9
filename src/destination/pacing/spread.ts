/** What is due, as {@link Spread} sees it. */
export interface Due {
  /** Records due now. */
  readonly due: number;
  /** Connections that ever ended. */
  readonly ended: number;
  /** Polls that are over. */
  readonly polls: number;
}

/** Milliseconds. */
const LONGEST_SPREAD = 60_000;
const SHORTEST_SPREAD = 50;

/**
 * The rate that spreads what one poll makes due over the time until the next one, as a burst is more than a collector's socket
 * takes. Connections whose end an event has shown come at a rate of their own, and leave at it.
 */
export class Spread {
  readonly #longest: number;
  /** Monotonic milliseconds by which all that is due has left. */
  #until = 0;
  #plannedAt = 0;
  #ended = 0;
  #polls = -1;

  /** @param staleTimeout milliseconds; what waits longer is dropped */
  constructor(staleTimeout: number) {
    this.#longest = Math.min(LONGEST_SPREAD, staleTimeout / 2);
  }

  /** Records a second from now on. @param pollInterval milliseconds from one poll to the next; @param now monotonic milliseconds */
  plan({ due, ended, polls }: Due, pollInterval: number, now: number): number {
    const polled = polls !== this.#polls;
    if (polled) this.#until = now + Math.max(Math.min(pollInterval, this.#longest), SHORTEST_SPREAD);
    const left = Math.max(this.#until - now, SHORTEST_SPREAD);
    const since = Math.max(now - this.#plannedAt, SHORTEST_SPREAD);
    const byEvents = polled ? 0 : Math.min(ended - this.#ended, due);
    this.#plannedAt = now;
    this.#ended = ended;
    this.#polls = polls;
    return Math.max(((due - byEvents) / left + byEvents / since) * 1000, 1);
  }
}
