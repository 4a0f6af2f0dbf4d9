import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CtflowError } from '../../src/common/errors.js';
import type { Checkout } from './result.js';

/** Of so many the ones used last are kept: each has its own packages and what cargo built. */
const MOST_KEPT = 6;
/** Is there once all is built. */
const BUILT = 'build/complete';
/** Standard output is for the result. */
const SHOWN = ['ignore', process.stderr, process.stderr] as const;

/** A commit with everything built that its benchmarks need. */
export interface Worktree extends Checkout {
  readonly root: string;
}

/** Worktrees of a repository, kept under the names of their commits, so that each commit is built once. */
export class Worktrees {
  readonly #repository: string;
  readonly #folder: string;
  readonly #build: (root: string) => void;

  /** @param build builds what is checked out there; @throws where it cannot */
  constructor(repository: string, build: (root: string) => void = buildAll) {
    this.#repository = repository;
    this.#folder = join(repository, 'build/worktrees');
    this.#build = build;
  }

  /** @throws CtflowError CTFLOW_USAGE where git knows no such commit */
  checkout(name: string): Checkout {
    const { status, stdout } = this.#git('rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`);
    if (status === 0) return { name, commit: stdout.trim() };
    throw new CtflowError(
      'CTFLOW_USAGE',
      `'${name}' is not a commit`,
      'Write a commit, a branch or a tag that `git rev-parse` knows here; fetch it before',
    );
  }

  /** Makes a worktree of a commit and builds it, where that is not there from an earlier time. */
  open(checkout: Checkout): Worktree {
    const root = join(this.#folder, checkout.commit);
    if (!existsSync(join(root, BUILT))) {
      if (existsSync(root)) this.#remove(root);
      mkdirSync(this.#folder, { recursive: true });
      succeed('git worktree', this.#git('worktree', 'add', '--detach', '--force', root, checkout.commit));
      process.stderr.write(`building ${checkout.name} in ${root}\n`);
      this.#build(root);
      mkdirSync(join(root, 'build'), { recursive: true });
      writeFileSync(join(root, BUILT), '');
    }
    const now = new Date();
    utimesSync(join(root, BUILT), now, now);
    return { ...checkout, root };
  }

  /** Removes those that were not used for longest, but these. */
  tidy(used: readonly Worktree[]): void {
    const others = readdirSync(this.#folder)
      .map(name => join(this.#folder, name))
      .filter(root => !used.some(worktree => worktree.root === root))
      .sort((a, b) => lastUsed(b) - lastUsed(a));
    for (const root of others.slice(MOST_KEPT - used.length)) this.#remove(root);
  }

  #remove(root: string): void {
    rmSync(root, { recursive: true, force: true });
    this.#git('worktree', 'prune');
  }

  #git(...args: string[]): SpawnSyncReturns<string> {
    return spawnSync('git', args, { cwd: this.#repository, encoding: 'utf8' });
  }
}

function buildAll(root: string): void {
  const cargo = ['build', '--quiet', '--release', '-p', 'ctflow-bench'];
  const options = { cwd: root, stdio: [...SHOWN] };
  succeed('its setup', spawnSync(process.execPath, ['scripts/setup.mjs', 'all'], options));
  succeed('its build of ctflow-bench', spawnSync('cargo', cargo, options));
}

function lastUsed(root: string): number {
  return statSync(join(root, BUILT), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function succeed(what: string, { status, error, stderr }: SpawnSyncReturns<string | Buffer>): void {
  if (status === 0) return;
  throw new Error(`${what} has failed: ${error?.message ?? stderr?.toString().trim() ?? 'see above'}`);
}
