const now = performance.now.bind(performance);
/** Milliseconds that the clock of the process is ahead. */
let ahead = 0;

Object.defineProperty(performance, 'now', { value: () => now() + ahead });

/**
 * The monotonic clock of one case, which can be put forward, so that what is due in seconds is due now. All code that asks
 * performance.now() sees the clock that was taken last; timers see none.
 */
export class CaseClock {
  #ahead = 0;
  #restsAt: number | undefined;

  /** From now on this is the clock of the process. */
  take(): void {
    if (this.#restsAt !== undefined) this.#ahead = this.#restsAt - now();
    this.#restsAt = undefined;
    ahead = this.#ahead;
  }

  /** It stands still until it is taken again: while others are measured, nothing times out here. */
  rest(): void {
    this.#restsAt ??= now() + this.#ahead;
  }

  /** @param milliseconds by which it is put forward; it must have been taken last */
  forward(milliseconds: number): void {
    this.#ahead += milliseconds;
    ahead = this.#ahead;
  }
}
