import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { describeError } from '../../src/common/errors.js';
import { loadBackend } from '../../src/backend/load.js';
import { needs } from '../helpers/kernel/require.js';

const MODULE = new URL('../../src/backend/load.js', import.meta.url).href;

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'ctflow-load-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

/** Loads in a process of its own, with another file as the native module; says what came of it. */
function loadWith(library: string, choice: string): string {
  const program = `
    const { loadBackend } = await import(${JSON.stringify(MODULE)});
    await loadBackend(${JSON.stringify(choice)}, line => console.log('log', line)).then(
      backend => console.log('loaded', backend.name),
      error => console.log(error.code, '-', error.message, '-', error.hint),
    );`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: library },
    encoding: 'utf8',
  });
  return stdout + stderr;
}

test('fallback is the fallback', async t => {
  t.is((await loadBackend('fallback')).name, 'fallback');
});

needs(test, ['native'])('auto and native load the native backend where it exists', async t => {
  const lines: string[] = [];
  t.is((await loadBackend('native')).name, 'native');
  t.is((await loadBackend('auto', line => lines.push(line))).name, 'native');
  t.deepEqual(lines, []);
});

test('auto uses the fallback where the native module is absent, and logs it', async t => {
  const lines: string[] = [];
  const backend = await loadBackend('auto', line => lines.push(line), join(folder(t), 'absent.node'));
  t.is(backend.name, 'fallback');
  t.deepEqual(lines, ['There is no native module absent.node: using the fallback in TypeScript']);
});

test('native fails where the module is absent', async t => {
  const error = await t.throwsAsync(loadBackend('native', undefined, join(folder(t), 'absent.node')));
  t.regex(describeError(error), /^CTFLOW_BACKEND_ABSENT: There is no native module absent\.node\. .*npm run build/);
});

for (const choice of ['auto', 'native']) {
  test(`${choice}: a module that does not load is an error, never a silent fallback`, t => {
    const library = join(folder(t), 'ctflow.node');
    writeFileSync(library, 'this is text');
    const said = loadWith(library, choice);
    t.regex(said, /^CTFLOW_BACKEND_BROKEN - The native module \S+ctflow\.node does not load: \S/);
    t.regex(said, /- Unset NAPI_RS_NATIVE_LIBRARY_PATH/);
    t.notRegex(said, /loaded|^log/m);
  });

  test(`${choice}: a module of another layout is an error`, t => {
    const library = join(folder(t), 'other.cjs');
    writeFileSync(library, 'exports.layoutVersion = () => 999;');
    const said = loadWith(library, choice);
    t.regex(said, /^CTFLOW_BACKEND_BROKEN - The native module has row layout 999, .*npm run build/);
  });
}

test('a chosen library that does not exist is an error', t => {
  t.regex(
    loadWith('/nowhere/ctflow.node', 'auto'),
    /^CTFLOW_BACKEND_BROKEN - The native module \/nowhere\/ctflow\.node/,
  );
  t.regex(loadWith('./ctflow.node', 'auto'), /^CTFLOW_BACKEND_BROKEN/);
});

test('a library that is not the native module is an error', t => {
  const library = join(folder(t), 'other.cjs');
  writeFileSync(library, 'exports.hello = 1;');
  t.regex(loadWith(library, 'auto'), /^CTFLOW_BACKEND_BROKEN - .* it is not the native module of ctflow/);
});

test('a damaged module of this platform is an error', async t => {
  const file = join(folder(t), 'ctflow.node');
  writeFileSync(file, 'this is text');
  const error = await t.throwsAsync(loadBackend('auto', undefined, file));
  t.regex(
    describeError(error),
    /^CTFLOW_BACKEND_BROKEN: The native module \S+ctflow\.node does not load: .*npm run build/,
  );
});

test('a module of another platform is named where this one has none', async t => {
  const path = folder(t);
  writeFileSync(join(path, 'ctflow.linux-x64-gnu.node'), '');
  const error = await t.throwsAsync(loadBackend('native', undefined, join(path, 'ctflow.linux-x64-musl.node')));
  t.regex(
    describeError(error),
    /^CTFLOW_BACKEND_ABSENT: There is no native module ctflow\.linux-x64-musl\.node, only ctflow\.linux-x64-gnu\.node\./,
  );
});

test('a link that leads nowhere, or to itself, is an error', async t => {
  for (const target of ['nowhere.node', 'ctflow.node']) {
    const file = join(folder(t), 'ctflow.node');
    symlinkSync(target, file);
    const error = await t.throwsAsync(loadBackend('auto', undefined, file));
    t.regex(describeError(error), /^CTFLOW_BACKEND_BROKEN: The native module \S+ctflow\.node does not load: /);
  }
});

test('where the folder of the native module is missing, or ctflow was bundled, that is an error', async t => {
  const path = folder(t);
  cpSync(new URL('../../../dist', import.meta.url), join(path, 'dist'), { recursive: true });
  const { loadBackend: load } = (await import(join(path, 'dist/backend/load.js'))) as {
    loadBackend: typeof loadBackend;
  };
  for (const choice of ['auto', 'native'] as const) {
    const missing = (await t.throwsAsync(load(choice))) as Error & { code: string };
    t.is(missing.code, 'CTFLOW_BACKEND_BROKEN');
    t.regex(missing.message, /^It is not known where the native module is: Cannot find/);
  }
  t.is((await load('fallback')).name, 'fallback');
  const bundle = join(path, 'bundle.mjs');
  cpSync(new URL('../../../native/file.js', import.meta.url), bundle);
  const { nativeFile } = (await import(bundle)) as { nativeFile(): string };
  t.throws(nativeFile, { message: /bundled/ });
});

test('without a module of its own it takes that of the package for the platform, where npm has installed it', async t => {
  const path = new URL('../../../native/file.js', import.meta.url);
  const installed = join(realpathSync(folder(t)), 'node_modules');
  const native = join(installed, 'ctflow/native');
  cpSync(path, join(native, 'file.js'));
  writeFileSync(join(installed, 'ctflow/package.json'), '{"type":"module"}');
  const fileOf = async (of: string): Promise<string> => ((await import(of)) as { nativeFile(): string }).nativeFile();
  const main = basename(await fileOf(path.href));
  const name = basename(main, '.node').replace('.', '-');
  const file = join(installed, name, main);
  mkdirSync(dirname(file));
  writeFileSync(file, '');
  writeFileSync(join(installed, name, 'package.json'), JSON.stringify({ name, main }));
  t.is(await fileOf(join(native, 'file.js')), file);
  writeFileSync(join(native, main), '');
  t.is(await fileOf(join(native, 'file.js')), join(native, main), 'its own goes before');
});
