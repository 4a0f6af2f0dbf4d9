/** No room is crowded: how many entries src/ has, files a folder, lines a file. */
import test from 'ava';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ENTRIES_OF_SRC = 24;
const FILES = 20;
const LINES = 450;
const CODE = /(?<!\.generated)\.(?:ts|mjs|js|rs|go|py|sh)$/;
const BUILT = new Set(['node_modules', 'target', 'build', 'dist']);

/** Each folder of code below one, with the names of its files. */
function foldersBelow(folder: string): [string, string[]][] {
  const entries = readdirSync(join(ROOT, folder), { withFileTypes: true });
  const files = entries.filter(entry => entry.isFile()).map(({ name }) => name);
  const inner = entries.filter(entry => entry.isDirectory() && !BUILT.has(entry.name));
  return [[folder, files], ...inner.flatMap(({ name }) => foldersBelow(join(folder, name)))];
}

const FOLDERS = ['bench', 'crates', 'examples', 'packaging', 'proof', 'scripts', 'site', 'src', 'test'].flatMap(
  foldersBelow,
);

test(`src/ has at most ${ENTRIES_OF_SRC} entries`, t => {
  t.true(readdirSync(join(ROOT, 'src')).length <= ENTRIES_OF_SRC);
});

test(`no folder has more than ${FILES} files`, t => {
  t.true(FOLDERS.length > 100);
  const crowded = FOLDERS.filter(([, files]) => files.length > FILES);
  t.deepEqual(
    crowded.map(([folder, files]) => `${folder}: ${files.length}`),
    [],
  );
});

test(`no file of code has more than ${LINES} lines`, t => {
  const files = FOLDERS.flatMap(([folder, names]) => names.map(name => join(folder, name))).filter(path =>
    CODE.test(path),
  );
  t.true(files.length > 800);
  const linesOf = (path: string): number => readFileSync(join(ROOT, path), 'utf8').trimEnd().split('\n').length;
  t.deepEqual(
    files.map(path => `${path}: ${linesOf(path)}`).filter(line => Number(line.split(': ')[1]) > LINES),
    [],
  );
});
