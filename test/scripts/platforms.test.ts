/** The packages with the native module: their names stand in several places. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const NAMES = ['linux-x64-gnu', 'linux-arm64-gnu', 'linux-x64-musl', 'linux-arm64-musl'];
const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

test('package:npm makes a package for each platform, which the manual names', t => {
  const options = { cwd: ROOT, encoding: 'utf8' } as const;
  const { status, stderr } = spawnSync(process.execPath, ['scripts/platforms.mjs', 'linux-riscv64-gnu'], options);
  t.is(status, 1);
  t.is(stderr, `ctflow: linux-riscv64-gnu: known are ${NAMES.join(', ')}\n`);
  const named = [...read('docs/install.md').matchAll(/^\| `ctflow-([\w-]+)` \|/gm)].map(([, name]) => name);
  t.deepEqual(named, NAMES);
});

test("a release has Rust's library for each", t => {
  const added = /rustup target add ((?:\S+ ?)+)$/m.exec(read('.github/workflows/release.yml'))?.[1].split(' ');
  const built = [...read('scripts/platforms.mjs').matchAll(/target: '([\w-]+)'/g)].map(([, target]) => target);
  t.is(built.length, NAMES.length);
  t.deepEqual(added, built);
});
