import { watch, type FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Milliseconds without another change before a file counts as written. */
const DEBOUNCE_MS = 200;
/** Milliseconds after which the file is checked though the folder still changes: it may be other files. */
const PATIENCE_MS = 1_000;
/** Milliseconds between two checks where changes are not notified, as on some network file systems. */
const POLL_MS = 10_000;

/** Changes with the content of a file; empty where there is no file. */
export async function stampOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return '';
  }
}

export interface FileWatchOptions {
  /** Called when the file may have changed, and has been quiet since. */
  changed: () => void;
  /** The folder cannot be watched: polling goes on alone. */
  failed: (error: unknown) => void;
  pollMs?: number;
}

/**
 * Watches a file by its folder, so that a file that is renamed over it, or a link that is turned round (a ConfigMap of
 * Kubernetes), is seen; and looks for itself now and then.
 */
export class FileWatch {
  readonly #options: FileWatchOptions;
  readonly #timer: NodeJS.Timeout;
  #watcher: FSWatcher | undefined;
  #debounce: NodeJS.Timeout | undefined;
  /** When the folder began to stir; undefined while it rests. */
  #stirredAt: number | undefined;

  constructor(file: string, options: FileWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(options.changed, options.pollMs ?? POLL_MS).unref();
    try {
      this.#watcher = watch(dirname(file), { persistent: false }, () => this.#stir());
      this.#watcher.on('error', error => this.#fail(error));
    } catch (error) {
      this.#fail(error);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#debounce);
    this.#watcher?.close();
  }

  #stir(): void {
    const now = performance.now();
    this.#stirredAt ??= now;
    if (now - this.#stirredAt > PATIENCE_MS) return;
    clearTimeout(this.#debounce);
    this.#debounce = setTimeout(() => this.#rest(), DEBOUNCE_MS).unref();
  }

  #rest(): void {
    this.#stirredAt = undefined;
    this.#options.changed();
  }

  #fail(error: unknown): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#options.failed(error);
  }
}
