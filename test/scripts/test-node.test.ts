/** scripts/test-node.mjs with an npm that brings a Node of the test's own. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { needs } from '../helpers/kernel/require.js';
import { temporaryFolder } from '../helpers/temporary.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

function program(path: string, ...lines: readonly string[]): void {
  writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'));
  chmodSync(path, 0o755);
}

/** Tests on a Node that does this. @returns exit code and standard error */
function testOn(t: ExecutionContext, ...node: readonly string[]): { status: number | null; stderr: string } {
  const folder = temporaryFolder(t);
  cpSync(join(ROOT, 'scripts'), join(folder, 'scripts'), { recursive: true });
  mkdirSync(join(folder, 'bin'));
  program(join(folder, 'node'), ...node);
  const installed = `build/node/26/node_modules/node-${process.platform}-${process.arch}/bin`;
  program(join(folder, 'bin/npm'), `mkdir -p ${installed} && cp -p node ${installed}`);
  return spawnSync(process.execPath, ['scripts/test-node.mjs', '26'], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, PATH: [join(folder, 'bin'), process.env['PATH']].join(delimiter) },
  });
}

const onUnix = needs(test, ['linux']);

onUnix('a Node that lacks libatomic says which package brings it', t => {
  const why = 'error while loading shared libraries: libatomic.so.1: cannot open shared object file';
  const { status, stderr } = testOn(t, `echo 'node: ${why}' >&2`, 'exit 127');
  t.is(status, 1);
  t.regex(
    stderr,
    /^ctflow: Node 26 does not start: it wants libatomic\.so\.1, which is not installed: apt-get install libatomic1$/m,
  );
});

onUnix('a Node that does not start otherwise says why', t => {
  const { status, stderr } = testOn(t, 'echo "GLIBC_9.9 not found" >&2', 'exit 1');
  t.is(status, 1);
  t.regex(stderr, /^ctflow: Node 26 does not start: GLIBC_9\.9 not found$/m);
});

onUnix('the tests run on a Node that starts, and its exit code counts', t => {
  const { status, stderr } = testOn(t, '[ "$1" = --version ] || { echo "asked for $1" >&2; exit 3; }');
  t.is(status, 1);
  t.regex(stderr, /^ctflow: the tests on Node 26\nasked for scripts\/test\.mjs$/m);
});
