import { statSync, watch, type BigIntStats, type FSWatcher } from 'node:fs';
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

  #look(): string {
    return namespaceIdentity(this.#path);
  }
}

/**
 * Device and inode of the namespace that has this path; empty where there is none. `ip netns add` makes an empty file first, and mounts
 * the namespace on it.
 */
export function namespaceIdentity(path: string): string {
  const found = lookAt(path);
  const isNone = found === undefined || found.size > 0n || found.dev === lookAt(dirname(path))?.dev;
  return isNone ? '' : `${found.dev} ${found.ino}`;
}

function lookAt(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined; // a link that leads in a circle, or a folder that may not be read
  }
}
