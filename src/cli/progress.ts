import { isatty } from 'node:tty';
import { setProgress } from '../common/terminal/standard-streams.js';

const EVERY_MS = 2_000;

export interface ProgressOptions {
  /** By default where standard error is a terminal: somebody waits. */
  readonly isWatched?: boolean;
  /** Milliseconds. */
  readonly every?: number;
  /** @param line in place of the one before; empty for none */
  readonly write?: (line: string) => void;
}

/** Says every two seconds how far a command has come, in one line that is gone at its end. */
export class Progress {
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #write: (line: string) => void;

  constructor(
    say: () => string,
    { isWatched = isatty(2), every = EVERY_MS, write = setProgress }: ProgressOptions = {},
  ) {
    this.#write = write;
    if (isWatched) this.#timer = setInterval(() => write(say()), every).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    if (this.#timer) this.#write('');
  }
}
