/** Settles after so many milliseconds, and keeps no process alive for it. */
export const after = (milliseconds: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, milliseconds).unref());

/** The time that something may take in all, and shares of it. */
export class TimeLimit {
  /** For all of it. */
  milliseconds: number;
  #began = 0;

  constructor(milliseconds: number) {
    this.milliseconds = milliseconds;
  }

  begin(): void {
    this.#began = performance.now();
  }

  /** Milliseconds until so much of it is over. */
  left(share = 1): number {
    return Math.max(this.#began + this.milliseconds * share - performance.now(), 0);
  }

  /** Settles when so much of it is over. */
  up(share: number): Promise<void> {
    return after(this.left(share));
  }
}
