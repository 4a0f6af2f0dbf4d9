import type { Writable } from 'node:stream';
import { errnoOf } from '../errors.js';

/**
 * Prints lines to a pipe or a terminal, those of one turn of the event loop at once. Node waits on a slow reader, so
 * that nothing piles up here.
 */
export class LineOutput {
  /** Resolves when nobody reads any more (`| head`), rejects when writing fails otherwise. */
  readonly closed: Promise<void>;
  readonly #stream: Writable;
  #pending = '';
  #broken = false;

  constructor(stream: Writable) {
    this.#stream = stream;
    this.closed = new Promise((resolve, reject) => {
      stream.on('error', error => {
        this.#broken = true;
        if (errnoOf(error) === 'EPIPE') resolve();
        else reject(error);
      });
    });
    this.closed.catch(() => {}); // whoever waits for it hears of it
  }

  /** Nothing can be written any more. */
  get broken(): boolean {
    return this.#broken;
  }

  /** @param lines with their line breaks */
  write(lines: string): void {
    if (this.#pending === '') setImmediate(() => this.flush());
    this.#pending += lines;
  }

  flush(): void {
    const text = this.#pending;
    this.#pending = '';
    if (text !== '' && !this.#broken) this.#stream.write(text);
  }
}
