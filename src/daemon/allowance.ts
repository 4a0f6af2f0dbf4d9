/** What may be spent: so much a second, and what is saved up to a bound. */
export class Allowance {
  readonly #perSecond: number;
  readonly #most: number;
  readonly #clock: () => number;
  #balance: number;
  #at: number;

  /** @param seconds so many of them are saved at most; @param clock monotonic milliseconds */
  constructor(perSecond: number, seconds: number, clock: () => number = () => performance.now()) {
    this.#perSecond = perSecond;
    this.#most = perSecond * seconds;
    this.#clock = clock;
    this.#balance = this.#most;
    this.#at = clock();
  }

  /** Something may be spent: what was spent before is paid for. */
  get isOpen(): boolean {
    this.#earn();
    return this.#balance > 0;
  }

  /** Milliseconds until something may be spent. */
  get wait(): number {
    this.#earn();
    return Math.max((-this.#balance / this.#perSecond) * 1000, 0);
  }

  spend(amount: number): void {
    this.#earn();
    this.#balance -= amount;
  }

  #earn(): void {
    const now = this.#clock();
    this.#balance = Math.min(this.#most, this.#balance + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
  }
}
