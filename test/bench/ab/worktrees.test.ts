import test, { type ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worktrees } from '../../../bench/ab/worktrees.js';
import { temporaryPath } from '../../helpers/temporary.js';

/** A repository with so many commits, of which each has its number in a file. */
function repository(t: ExecutionContext, commits: number): string {
  const root = temporaryPath(t, '');
  const git = (...args: string[]): unknown =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'init.defaultBranch=main', ...args], {
      cwd: root,
      stdio: 'ignore',
    });
  git('init');
  writeFileSync(join(root, '.gitignore'), 'build/\n');
  for (let i = 0; i < commits; i++) {
    writeFileSync(join(root, 'number'), String(i));
    git('add', '--all');
    git('commit', '--message', String(i));
  }
  return root;
}

test('each commit is built once, in a worktree of its own that is kept', t => {
  const root = repository(t, 2);
  const built: string[] = [];
  const worktrees = new Worktrees(root, at => void built.push(readFileSync(join(at, 'number'), 'utf8')));
  for (let i = 0; i < 2; i++) {
    for (const name of ['HEAD', 'main~1']) worktrees.open(worktrees.checkout(name));
  }
  t.deepEqual(built, ['1', '0']);
  t.is(readFileSync(join(root, 'number'), 'utf8'), '1');
});

test('one whose build failed is made anew', t => {
  const root = repository(t, 1);
  let builds = 0;
  const worktrees = new Worktrees(root, () => {
    if (++builds === 1) throw new Error('no compiler');
  });
  const checkout = worktrees.checkout('HEAD');
  t.throws(() => worktrees.open(checkout), { message: 'no compiler' });
  t.true(existsSync(worktrees.open(checkout).root));
  t.is(builds, 2);
});

test('of many the ones that were used last are kept', t => {
  const worktrees = new Worktrees(repository(t, 8), () => {});
  const opened = Array.from({ length: 8 }, (_, i) => worktrees.open(worktrees.checkout(`HEAD~${i}`)));
  worktrees.tidy(opened.slice(0, 2));
  const kept = opened.map(({ root }) => existsSync(root));
  t.deepEqual(kept.slice(0, 2), [true, true]);
  t.is(kept.filter(Boolean).length, 6);
});

test('what is no commit is a usage error', t => {
  const worktrees = new Worktrees(repository(t, 1), () => {});
  for (const name of ['nosuch', '--all', '']) t.throws(() => worktrees.checkout(name), { code: 'CTFLOW_USAGE' });
});
