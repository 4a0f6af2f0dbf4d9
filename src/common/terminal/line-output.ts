import type { Writable } from 'node:stream';
import { CtflowError, errnoOf } from '../errors.js';

/** Prints lines, those of one turn of the event loop at once; or octets. */
export class LineOutput {
  /** Resolves when nobody reads any more (`| head`). @throws CtflowError CTFLOW_OUTPUT when writing fails otherwise */
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
        else reject(outputError(error));
      });
    });
    this.closed.catch(() => {}); // whoever waits for it hears of it
  }

  /** Nothing can be written any more. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Characters that wait for the reader. */
  get waiting(): number {
    return this.#pending.length + this.#stream.writableLength;
  }

  /** @param lines with their line breaks, or octets that are written as they are */
  write(lines: string | Uint8Array): void {
    if (typeof lines !== 'string') {
      this.flush();
      if (!this.#broken) this.#stream.write(lines);
      return;
    }
    if (this.#pending === '') setImmediate(() => this.flush());
    this.#pending += lines;
  }

  flush(): void {
    const text = this.#pending;
    this.#pending = '';
    if (text !== '' && !this.#broken) this.#stream.write(text);
  }

  /** Flushes, and resolves when the reader has taken all but a little, or nothing can be written any more. */
  async room(): Promise<void> {
    this.flush();
    if (this.#broken || !this.#stream.writableNeedDrain) return;
    await new Promise<void>(resolve => {
      const done = (): void => {
        this.#stream.off('drain', done).off('close', done);
        resolve();
      };
      this.#stream.on('drain', done).on('close', done);
    });
  }

  /**
   * Waits for the reader to take the rest, at most `limit` milliseconds. Nothing can be written afterwards.
   * @returns whether all of it was written; {@link LineOutput.closed} says why not
   */
  async end(limit = Infinity): Promise<boolean> {
    this.flush();
    const stream = this.#stream;
    if (!stream.closed) {
      await new Promise<void>(resolve => {
        const timer = limit < Infinity ? setTimeout(resolve, limit) : undefined;
        stream.once('close', () => {
          clearTimeout(timer);
          resolve();
        });
        stream.end();
      });
    }
    const written = stream.writableFinished;
    stream.destroy();
    return written;
  }
}

function outputError(error: Error): CtflowError {
  const errno = errnoOf(error);
  const hint = errno === 'ENOSPC' ? 'Free space, or write elsewhere' : 'Write elsewhere';
  return new CtflowError('CTFLOW_OUTPUT', `Standard output cannot be written (${errno || error.message})`, hint, error);
}
