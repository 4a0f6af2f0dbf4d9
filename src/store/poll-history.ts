import type { KernelTimeouts } from './kernel-timeouts.js';

/** A moment on both clocks: wall milliseconds since 1970 for what is reported, monotonic milliseconds for deadlines. */
export interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

export function now(): Moment {
  return { wall: Date.now(), monotonic: performance.now() };
}

/** The polls that were made: their numbers, when they began, and what the kernel's timeouts were at the last one. */
export class PollHistory {
  /** When the exporter began. */
  readonly born: Moment;
  /** The number of this poll, 0 before the first. */
  current = 0;
  /** When this poll began. */
  at: Moment;
  /** The number of the latest poll that has seen the whole table, 0 where none has. */
  complete = 0;
  timeouts: KernelTimeouts | undefined;
  #previousAt: Moment;
  #completeAt: Moment;

  constructor(born: Moment) {
    this.born = born;
    this.at = born;
    this.#previousAt = born;
    this.#completeAt = born;
  }

  begin(at: Moment, timeouts: KernelTimeouts): void {
    this.current++;
    this.#previousAt = this.at;
    this.at = at;
    this.timeouts = timeouts;
  }

  end(complete: boolean): void {
    if (!complete) return;
    this.complete = this.current;
    this.#completeAt = this.at;
  }

  /** When a poll began that saw a connection, or one before it: every whole poll has seen all that are stored. */
  when(seenIn: number): Moment {
    if (seenIn === this.current) return this.at;
    return seenIn === this.current - 1 ? this.#previousAt : this.#completeAt;
  }

  /** Whether a connection of this start is older than the exporter; without a start, whether no whole poll has been made. */
  fromBefore(start: number | undefined): boolean {
    if (start === undefined) return this.complete === 0;
    // after a backward step of the wall clock, younger connections have earlier starts
    const elapsed = this.at.monotonic - this.born.monotonic;
    return start < Math.min(this.born.wall, this.at.wall - elapsed);
  }

  clear(): void {
    this.complete = 0;
    this.#completeAt = this.born;
  }
}
