/** Milliseconds between the beginnings of two polls out of turn at least. */
export const RESYNC_GAP_MS = 1_000;

/**
 * Polls out of turn where events were lost: at once, and under lasting loss once in a while. However often it is asked before a
 * poll has begun, one poll answers all.
 */
export class Resync {
  /** Polls out of turn. */
  count = 0;
  readonly #poll: () => Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #last = Number.NEGATIVE_INFINITY;
  #stopped = false;

  /** @param poll begins after the poll that is under way; never rejects */
  constructor(poll: () => Promise<void>) {
    this.#poll = poll;
  }

  ask(): void {
    if (this.#timer || this.#stopped) return;
    const wait = Math.max(0, this.#last + RESYNC_GAP_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#last = performance.now();
      this.count++;
      void this.#poll();
    }, wait);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
