/** scripts/setup.mjs on a small checkout of its own: when a step is done again. */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { collect } from '../helpers/kernel/namespace.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** Takes all of src/ for JavaScript; what has `wrong` in it is written as tsc does with what it refuses. */
const COMPILER = `const { mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const source = readFileSync('src/main.ts', 'utf8');
mkdirSync('dist/cli', { recursive: true });
writeFileSync('dist/cli/main.js', source);
process.exit(source.includes('wrong') ? 2 : 0);
`;

/** A checkout with one source file, of which nothing has been made yet. */
class Checkout {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async make(t: ExecutionContext): Promise<Checkout> {
    const folder = await mkdtemp(join(tmpdir(), 'ctflow-setup-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const folders = ['scripts', 'src', 'native', 'bin', 'node_modules/typescript/bin'];
    await Promise.all(folders.map(name => mkdir(join(folder, name), { recursive: true })));
    for (const file of ['scripts/setup.mjs', 'native/file.js']) await copyFile(join(ROOT, file), join(folder, file));
    await writeFile(join(folder, 'package.json'), '{}');
    await writeFile(join(folder, 'bin/npm'), '#!/bin/sh\n', { mode: 0o755 });
    await writeFile(join(folder, 'node_modules/typescript/bin/tsc'), COMPILER);
    return new Checkout(folder);
  }

  /** Sets it up with this source. @returns the exit code, what was said, and what was compiled */
  async setUp(source: string) {
    await writeFile(join(this.#folder, 'src/main.ts'), source);
    const child = spawn(process.execPath, [join(this.#folder, 'scripts/setup.mjs')], {
      env: {
        ...process.env,
        CTFLOW_BACKEND: 'fallback',
        PATH: [join(this.#folder, 'bin'), process.env['PATH']].join(delimiter),
      },
    });
    const { code, stderr } = await collect(child);
    return { code, stderr, compiled: await readFile(join(this.#folder, 'dist/cli/main.js'), 'utf8') };
  }
}

test('a step whose result exists and whose inputs are unchanged is not repeated', async t => {
  const checkout = await Checkout.make(t);
  t.like(await checkout.setUp('one'), { code: 0, compiled: 'one' });
  const again = await checkout.setUp('one');
  t.is(again.code, 0);
  t.notRegex(again.stderr, /compiling/);
  t.like(await checkout.setUp('two'), { code: 0, compiled: 'two' });
});

test('a failed step is repeated, also when its inputs are unchanged', async t => {
  const checkout = await Checkout.make(t);
  t.like(await checkout.setUp('one'), { code: 0, compiled: 'one' });
  t.like(await checkout.setUp('wrong'), { code: 1, compiled: 'wrong' });
  t.like(await checkout.setUp('one'), { code: 0, compiled: 'one' });
});
