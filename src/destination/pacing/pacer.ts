/** Datagrams of a burst at most. */
export const BURST = 64;
/** Milliseconds between two bursts at least. */
const GAP_MS = 1;
/** Milliseconds until the next look at most. */
const LONGEST_WAIT_MS = 50;
/** A sleep that took too long is made up for, up to so many milliseconds of the rate. */
const CREDIT_MS = 20;
/** Records a second that bursts with gaps between them cannot reach. */
const FAST = 100_000;

/** A token bucket: how many records may leave now. */
export class Pacer {
  /** Records a second. */
  #rate: number;
  #tokens = BURST;
  /** Monotonic milliseconds of the last look. */
  #at = 0;
  /** A burst has used up what there was. */
  #busy = false;

  constructor(rate: number) {
    this.#rate = rate;
  }

  set rate(rate: number) {
    this.#rate = rate;
  }

  /** Records that may leave now, 0 for none. @param now monotonic milliseconds */
  allowance(now: number): number {
    const earned = ((now - this.#at) * this.#rate) / 1000;
    const most = this.#busy ? Math.max(BURST, (this.#rate * CREDIT_MS) / 1000) : BURST;
    this.#tokens = Math.min(this.#tokens + earned, most);
    this.#at = now;
    return Math.max(Math.floor(this.#tokens), 0);
  }

  /** @param records that have left, also without asking; @param more others are due */
  spend(records: number, more: boolean): void {
    this.#tokens -= records;
    this.#busy = more;
  }

  /** Milliseconds until the next burst; 0 for the next turn of the event loop. */
  get wait(): number {
    if (this.#rate > FAST && this.#tokens >= BURST) return 0;
    const missing = ((BURST - this.#tokens) * 1000) / this.#rate;
    return Math.min(Math.max(missing, GAP_MS), LONGEST_WAIT_MS);
  }
}
