import { mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../eventually.js';
import type { Scope } from './scope.js';

/** The root of the tree of version 2, alone or beside that of version 1. */
export function cgroupRoot(): string | undefined {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find(one => / - cgroup2 /.test(one));
  return line?.split(' ')[4];
}

/** Cgroups of a test's own; they are gone when nobody is in them any more. */
export class Cgroups {
  readonly #root: string;
  readonly #path: string;

  private constructor(root: string, path: string) {
    this.#root = root;
    this.#path = path;
  }

  /** @param scope whose programs have ended when it removes the cgroups */
  static create(scope: Scope, name: string): Cgroups {
    const root = cgroupRoot();
    if (root === undefined) throw new Error('no cgroups of version 2 are mounted');
    const cgroups = new Cgroups(root, `/ctflow-${name}-${process.pid}`);
    mkdirSync(join(root, cgroups.#path));
    scope.teardown(async () => {
      await eventually('the cgroups are empty', () => cgroups.#remove());
    });
    return cgroups;
  }

  /** @returns the path of another one as the kernel has it, and its folder */
  make(name: string): { readonly path: string; readonly folder: string } {
    const path = `${this.#path}/${name}`;
    const folder = join(this.#root, path);
    mkdirSync(folder);
    return { path, folder };
  }

  /** @returns whether they were empty */
  #remove(): boolean {
    const folder = join(this.#root, this.#path);
    try {
      for (const entry of readdirSync(folder, { withFileTypes: true }))
        if (entry.isDirectory()) rmdirSync(join(folder, entry.name));
      rmdirSync(folder);
      return true;
    } catch {
      return false;
    }
  }
}
