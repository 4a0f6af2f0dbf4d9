import type { Writable } from 'node:stream';

/** Octets that wait for a reader: some thousand lines. */
const LIMIT = 1 << 20;
/** Milliseconds after which a descriptor that failed is tried again: a disk may have room again, a FIFO a reader. */
const REOPEN_MS = 1000;

/** Lines for a reader that may be slow, or gone. They wait within a limit; those beyond it are dropped and counted. */
export class LineSink {
  readonly #open: () => Writable;
  readonly #limit: number;
  #stream: Writable | undefined;
  #retryAt = 0;
  #unsaid = 0;
  /** Lines that had no room, or that could not be written, ever. */
  dropped = 0;
  /** Called when there is room again, with the number of lines dropped since it was last called. */
  onRoom: (dropped: number) => void = () => {};
  readonly #written = (error?: Error | null): void => {
    if (error) this.#drop();
  };

  constructor(open: () => Writable, limit = LIMIT) {
    this.#open = open;
    this.#limit = limit;
  }

  /** @param line with its line break */
  write(line: string): void {
    const stream = this.#stream ?? this.#reopen();
    if (!stream || stream.writableLength + line.length > this.#limit) return this.#drop();
    if (this.#unsaid > 0 && stream.writableLength < this.#limit / 2) this.#sayDropped();
    stream.write(line, this.#written);
  }

  /** Waits until everything is written, at most `limit` milliseconds. Nothing can be written afterwards. */
  async close(limit: number): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#retryAt = Infinity;
    if (!stream || stream.destroyed) return;
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, limit);
      stream.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      stream.end();
    });
    stream.destroy();
  }

  #reopen(): Writable | undefined {
    if (performance.now() < this.#retryAt) return undefined;
    try {
      const stream = this.#open();
      stream.on('error', () => this.#failed());
      stream.on('drain', () => this.#sayDropped());
      return (this.#stream = stream);
    } catch {
      this.#failed();
      return undefined;
    }
  }

  #failed(): void {
    this.#stream = undefined;
    this.#retryAt = performance.now() + REOPEN_MS;
  }

  #drop(): void {
    this.dropped++;
    this.#unsaid++;
  }

  #sayDropped(): void {
    const dropped = this.#unsaid;
    if (dropped === 0) return;
    this.#unsaid = 0;
    this.onRoom(dropped);
  }
}
