import { lstat, readdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { errnoOf } from '../common/errors.js';

/** How many closed files are kept; the oldest go first. */
export interface KeptFiles {
  /** Infinity for all. */
  readonly files: number;
  /** Octets of them together; Infinity for no limit. */
  readonly octets: number;
}

/** `flows-20261127T085911.123Z.ipfix`: files beside `flows.ipfix` that are complete, named after the time when they began, in UTC. */
export class ClosedFiles {
  readonly #path: string;
  readonly #kept: KeptFiles;
  readonly #stem: string;
  readonly #extension: string;

  /** @param path of the file that is being written */
  constructor(path: string, kept: KeptFiles) {
    this.#path = path;
    this.#kept = kept;
    this.#extension = extname(path);
    this.#stem = basename(path, this.#extension);
  }

  /**
   * Gives the file that was being written its name.
   * @param begun milliseconds since 1970
   */
  async add(begun: number): Promise<void> {
    for (let time = begun; ; time++) {
      const name = join(dirname(this.#path), `${this.#stem}-${timeOf(time)}${this.#extension}`);
      if (await exists(name)) continue;
      await rename(this.#path, name);
      return;
    }
  }

  /**
   * Removes those beyond the limits. One that cannot be removed is no reason to keep the others.
   * @returns how many were removed, and why one was not
   */
  async prune(): Promise<{ removed: number; error?: unknown }> {
    const { files, octets } = this.#kept;
    if (files === Infinity && octets === Infinity) return { removed: 0 };
    const folder = dirname(this.#path);
    const names = (await readdir(folder)).filter(name => this.#isOne(name)).sort();
    const sizes = await Promise.all(names.map(name => sizeOf(join(folder, name))));
    let total = sizes.reduce((sum, size) => sum + size, 0);
    let removed = 0;
    let failure: unknown;
    for (const [i, name] of names.entries()) {
      if (names.length - i <= files && total <= octets) break;
      total -= sizes[i];
      try {
        await unlink(join(folder, name));
        removed++;
      } catch (error) {
        // somebody else may have removed it
        if (errnoOf(error) !== 'ENOENT') failure ??= error;
      }
    }
    return { removed, ...(failure !== undefined && { error: failure }) };
  }

  #isOne(name: string): boolean {
    const { length } = this.#stem;
    return (
      name.startsWith(`${this.#stem}-`) &&
      name.endsWith(this.#extension) &&
      /^\d{8}T\d{6}\.\d{3}Z$/.test(name.slice(length + 1, name.length - this.#extension.length))
    );
  }
}

/** `20261127T085911.123Z`. */
function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replaceAll(/[-:]/g, '');
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    },
  );
}

/** 0 where somebody else removed it. */
async function sizeOf(path: string): Promise<number> {
  return lstat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
