import { isatty } from 'node:tty';
import { note } from '../common/terminal/standard-streams.js';

const EVERY_MS = 2_000;

export interface ProgressOptions {
  /** By default where standard error is a terminal: somebody waits. */
  readonly isWatched?: boolean;
  /** Milliseconds. */
  readonly every?: number;
  readonly write?: (line: string) => void;
}

/** Says every two seconds how far a command has come. */
export class Progress {
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(say: () => string, { isWatched = isatty(2), every = EVERY_MS, write = note }: ProgressOptions = {}) {
    if (isWatched) this.#timer = setInterval(() => write(say()), every).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
