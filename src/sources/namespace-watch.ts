import { statSync, watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';
import { namespacePath } from '../common/host.js';

/** Milliseconds from the first sign of a change to the look: a name is mounted in several steps. */
const SETTLE_MS = 50;

/** Namespaces that are recognised when they come back. */
const MOST_LEFT = 64;

/** Which network namespace has a name now. */
export class NamespaceWatch {
  /** A name under /run/netns or a path. */
  readonly name: string;
  readonly #path: string;
  #identity: string;
  /** When namespaces were left. */
  readonly #left = new Map<string, number>();
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(name: string) {
    this.name = name;
    this.#path = namespacePath(name);
    this.#identity = this.#look();
  }

  /** Whether the name still stands for the namespace that it stood for at the beginning, or at the last {@link accept}. */
  get isSame(): boolean {
    return this.#look() === this.#identity && this.#identity !== '';
  }

  /** Whether it stands for one at all. */
  get isThere(): boolean {
    return this.#look() !== '';
  }

  /** What it stood for is no longer read. */
  leave(): void {
    this.#left.delete(this.#identity);
    this.#left.set(this.#identity, Date.now());
    if (this.#left.size > MOST_LEFT) this.#left.delete(this.#left.keys().next().value!);
  }

  /** @returns when the namespace that the name stands for now was left, milliseconds since 1970; undefined where it was not */
  accept(): number | undefined {
    this.#identity = this.#look();
    return this.#left.get(this.#identity);
  }

  /** Calls back soon after names have come or gone in the folder. Where it cannot be watched, looking has to do. */
  watch(changed: () => void): void {
    try {
      this.#watcher = watch(dirname(this.#path), { persistent: false }, () => {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined;
          changed();
        }, SETTLE_MS).unref();
      });
      this.#watcher.on('error', () => this.close());
    } catch {
      // polls look too
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** Device and inode; empty where there is none. `ip netns add` makes an empty file first, and mounts the namespace on it. */
  #look(): string {
    const found = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    return found === undefined || found.size > 0n || found.dev === this.#folderDevice()
      ? ''
      : `${found.dev} ${found.ino}`;
  }

  #folderDevice(): bigint | undefined {
    return statSync(dirname(this.#path), { bigint: true, throwIfNoEntry: false })?.dev;
  }
}
