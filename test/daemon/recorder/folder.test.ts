import test from 'ava';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../../src/daemon/recorder/folder.js';
import { needs } from '../../helpers/kernel/require.js';
import { temporaryPath } from '../../helpers/temporary.js';

test('a folder is made with those above it, for its owner alone; one that is there stays', async t => {
  const above = temporaryPath(t, 'a');
  const path = join(above, 'b', 'c');
  await makeFolder(path);
  for (const made of [above, path]) t.is(statSync(made).mode & 0o777, 0o700, made);
  await t.notThrowsAsync(makeFolder(path));
});

test('a file in its place, or above it, is an error', async t => {
  const file = temporaryPath(t, 'file');
  writeFileSync(file, '');
  await t.throwsAsync(makeFolder(file), { code: 'EEXIST' });
  await t.throwsAsync(makeFolder(join(file, 'a')), { code: 'ENOTDIR' });
});

needs(test, ['linux'])('where the kernel makes no folder it is an error, and no endless attempt', async t => {
  await t.throwsAsync(makeFolder('/proc/ctflow/a/b'), { code: 'ENOENT' });
});
