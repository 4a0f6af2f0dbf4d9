import { describeError } from '../common/errors.js';
import type { Logger } from '../common/logger.js';
import { FileWatch, stampOf } from './file-watch.js';

export interface FileCounts {
  /** When what is in force was read, milliseconds since 1970. */
  readonly loadedAt: number;
  /** Times that another content came into force. */
  readonly reloads: number;
  /** Contents that could not be read or were wrong, and stayed out of force. */
  readonly errors: number;
}

export interface WatchedFileOptions<Content> {
  readonly file: string;
  /** What it is, in log lines. */
  readonly what: string;
  /** @throws CtflowError where it cannot be used */
  readonly read: (file: string, signal?: AbortSignal) => Promise<Content>;
  /** Of a content, for the log. */
  readonly facts: (content: Content) => object;
  readonly log: Logger;
  /** How often to check the file without a notification. */
  readonly pollMs?: number | undefined;
}

/** A file that is read again when it changes. In force is its last valid content. */
export class WatchedFile<Content> {
  readonly #options: WatchedFileOptions<Content>;
  readonly #counts: { -readonly [K in keyof FileCounts]: FileCounts[K] } = { loadedAt: 0, reloads: 0, errors: 0 };
  readonly #watch: FileWatch;
  readonly #listeners = new Set<(content: Content) => unknown>();
  readonly #end = new AbortController();
  #content: Content;
  /** Of the content that was read last, good or not. */
  #stamp: string;
  #loading: Promise<void> | undefined;
  #again = false;

  private constructor(options: WatchedFileOptions<Content>, content: Content, stamp: string) {
    const { file, what, log, pollMs } = options;
    this.#options = options;
    this.#content = content;
    this.#stamp = stamp;
    this.#counts.loadedAt = Date.now();
    this.#watch = new FileWatch(file, {
      changed: () => void this.#look(),
      failed: error =>
        log.warn({ error: describeError(error) }, `the ${what} file cannot be watched; changes are found by polling`),
      ...(pollMs !== undefined && { pollMs }),
    });
  }

  /**
   * Reads the file for the first time, and watches it until {@link close}.
   * @param signal gives up
   * @throws as `read`
   */
  static async open<Content>(
    options: WatchedFileOptions<Content>,
    signal?: AbortSignal,
  ): Promise<WatchedFile<Content>> {
    const { file, what, read, facts, log } = options;
    const stamp = await stampOf(file);
    const content = await read(file, signal);
    log.info({ file, ...facts(content) }, `${what} loaded`);
    return new WatchedFile(options, content, stamp);
  }

  get content(): Content {
    return this.#content;
  }

  counts(): FileCounts {
    return { ...this.#counts };
  }

  /** @param listener called when another content comes into force; @returns ends that */
  subscribe(listener: (content: Content) => unknown): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Reads the file now, changed or not; a wrong one is logged and counted, and what was in force stays so. */
  async reload(): Promise<void> {
    if (this.#end.signal.aborted) return;
    // one reader at a time; what changes meanwhile is read again
    this.#again = true;
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    await this.#loading;
  }

  close(): void {
    this.#end.abort();
    this.#watch.close();
  }

  async #look(): Promise<void> {
    if ((await stampOf(this.#options.file)) !== this.#stamp) await this.reload();
  }

  async #load(): Promise<void> {
    const { file, what, read, facts, log } = this.#options;
    const { signal } = this.#end;
    while (this.#again && !signal.aborted) {
      this.#again = false;
      // taken before the reading, so that a later change shows
      this.#stamp = await stampOf(file);
      if (signal.aborted) return;
      try {
        const content = await read(file, signal);
        if (signal.aborted) return;
        this.#content = content;
        this.#counts.reloads++;
        this.#counts.loadedAt = Date.now();
        log.info({ file, ...facts(content) }, `${what} reloaded`);
        for (const listener of this.#listeners) listener(content);
      } catch (error) {
        if (signal.aborted) return;
        this.#counts.errors++;
        log.error(`${describeError(error)}; the previous ${what} stays in use`);
      }
    }
  }
}
