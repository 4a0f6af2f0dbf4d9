import type { PollInterval } from './poll-interval.js';

/** Node's timers leave out the fractions of a millisecond. */
const TIMER_EARLY_MS = 2;

/** Lets polls begin in turn, at the interval in force. */
export class PollTurns {
  readonly #interval: Pick<PollInterval, 'next'>;
  readonly #turn: () => Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  /** When the last one began, monotonic milliseconds. */
  #began = 0;
  /** When the oldest turn that is not over began. */
  #running: number | undefined;
  #started = false;
  #closed = false;

  /** @param turn never rejects */
  constructor(interval: Pick<PollInterval, 'next'>, turn: () => Promise<void>) {
    this.#interval = interval;
    this.#turn = turn;
  }

  /** Milliseconds since a turn began that is not over, or since the next one was due; 0 before the first and after the last. */
  get behind(): number {
    if (!this.#started || this.#closed) return 0;
    return Math.max(performance.now() - (this.#running ?? this.#interval.next(this.#began)), 0);
  }

  /** A poll has just been made; the next one follows in its turn. */
  start(): void {
    this.#started = true;
    this.#began = performance.now();
    this.#wait();
  }

  /** The interval is another one. */
  again(): void {
    if (this.#started) this.#wait();
  }

  /** No turn begins any more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const wait = this.#interval.next(this.#began) - performance.now();
    this.#timer = setTimeout(() => this.#tick(), Math.max(wait, 0));
  }

  #tick(): void {
    const now = performance.now();
    // a poll out of turn has used up what the budget allows
    if (this.#interval.next(this.#began) > now + TIMER_EARLY_MS) return this.#wait();
    this.#began = now;
    // in case that it takes longer than the interval
    this.#wait();
    const alone = this.#running === undefined;
    this.#running ??= now;
    void this.#turn().then(() => {
      if (alone) this.#running = undefined;
      this.#wait();
    });
  }
}
