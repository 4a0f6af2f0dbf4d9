/** scripts/setup.mjs on a small checkout of its own, with npm, apt-get and cargo that note what they are asked for. */
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { collect } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const NPM = `mkdir -p node_modules && echo '{}' >node_modules/.package-lock.json`;
const APT_CACHE = 'echo "  Candidate: 1.0"';
const AS_USER = `--import=data:text/javascript,${encodeURIComponent('process.getuid=()=>1000')}`;
const AS_ROOT = `--import=data:text/javascript,${encodeURIComponent('process.getuid=()=>0')}`;

/** A checkout with one source file, of which nothing has been made yet. Its only programs are those given here. */
class Checkout {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async make(t: ExecutionContext, programs: Record<string, string> = {}): Promise<Checkout> {
    const folder = await mkdtemp(join(tmpdir(), 'ctflow-setup-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const checkout = new Checkout(folder);
    const folders = ['src', 'native', 'bin', 'node_modules'];
    await Promise.all(folders.map(name => mkdir(join(folder, name), { recursive: true })));
    for (const part of ['scripts', 'native/file.js', 'bin/node-version.js'])
      await cp(join(ROOT, part), join(folder, part), { recursive: true });
    await symlink(join(ROOT, 'node_modules/typescript'), join(folder, 'node_modules/typescript'));
    await checkout.write('package.json', '{"type":"module"}');
    await checkout.write('package-lock.json', '{}');
    await checkout.write('Cargo.toml', 'rust-version = "1.88"\n');
    await checkout.write(
      'src/tsconfig.json',
      '{"compilerOptions":{"rootDir":".","outDir":"../dist","composite":true,"types":[]}}',
    );
    await checkout.write('src/one.ts', 'export const one = 1;\n');
    for (const [name, text] of Object.entries({ npm: NPM, unshare: '', perl: '', ...programs })) {
      await checkout.program(name, text);
    }
    return checkout;
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.#folder, name), text);
  }

  async program(name: string, text: string): Promise<void> {
    const script = `#!/bin/sh\nPATH=/usr/bin:/bin\necho "${name} $*" >>calls\n${text}\n`;
    await writeFile(join(this.#folder, 'bin', name), script, { mode: 0o755 });
  }

  remove(name: string): Promise<void> {
    return rm(join(this.#folder, name), { recursive: true });
  }

  /** Makes a file an hour younger than all others. */
  async touch(name: string): Promise<void> {
    const time = new Date(Date.now() + 3_600_000);
    await utimes(join(this.#folder, name), time, time);
  }

  files(folder: string): Promise<string[]> {
    return readdir(join(this.#folder, folder));
  }

  /** @returns the exit code, what was said, and what the programs were asked for */
  async setUp(env: NodeJS.ProcessEnv = { CTFLOW_BACKEND: 'fallback' }) {
    await this.write('calls', '');
    const child = spawn(process.execPath, [join(this.#folder, 'scripts/setup.mjs')], {
      cwd: this.#folder,
      env: { PATH: join(this.#folder, 'bin'), ...env },
    });
    const { code, stderr } = await collect(child);
    const calls = await readFile(join(this.#folder, 'calls'), 'utf8');
    return {
      code,
      stderr,
      calls: calls
        .split('\n')
        .map(line => line.split(' ').slice(0, 2).join(' '))
        .filter(Boolean),
    };
  }
}

test('a step whose result exists and whose inputs are unchanged is not repeated', async t => {
  const checkout = await Checkout.make(t);
  t.like(await checkout.setUp(), { code: 0, calls: ['npm ci'] });
  t.true((await checkout.files('dist')).includes('one.js'));
  t.like(await checkout.setUp(), { code: 0, calls: [] });
  await checkout.touch('package-lock.json');
  t.deepEqual((await checkout.setUp()).calls, ['npm ci']);
});

test('output of a deleted source is removed', async t => {
  const checkout = await Checkout.make(t);
  await checkout.write('src/two.ts', 'export const two = 2;\n');
  t.is((await checkout.setUp()).code, 0);
  t.true((await checkout.files('dist')).includes('two.js'));
  await checkout.remove('src/two.ts');
  t.is((await checkout.setUp()).code, 0);
  t.deepEqual(
    (await checkout.files('dist')).filter(name => name.startsWith('two')),
    [],
  );
});

test('what is gone of the output is compiled again', async t => {
  const checkout = await Checkout.make(t);
  t.is((await checkout.setUp()).code, 0);
  await checkout.remove('dist');
  const { code, stderr } = await checkout.setUp();
  t.is(code, 0, stderr);
  t.true((await checkout.files('dist')).includes('one.js'));
});

test('a failed step ends the setup with the reason, and is repeated the next time', async t => {
  const checkout = await Checkout.make(t, { npm: 'echo no registry; exit 1' });
  const first = await checkout.setUp();
  t.is(first.code, 1);
  t.regex(first.stderr, /no registry\nctflow: npm could not install/);
  await checkout.program('npm', NPM);
  t.like(await checkout.setUp(), { code: 0, calls: ['npm ci'] });
  await checkout.write('src/one.ts', 'export const one: string = 1;\n');
  for (let turn = 0; turn < 2; turn++) {
    const wrong = await checkout.setUp();
    t.is(wrong.code, 1);
    t.regex(wrong.stderr, /one\.ts.*TS2322[^]*TypeScript does not compile/);
  }
  await checkout.write('src/one.ts', 'export const one = 1;\n');
  t.is((await checkout.setUp()).code, 0);
});

const onLinux = needs(test, ['linux']);

onLinux('missing system packages are named in one sentence, then installed', async t => {
  const checkout = await Checkout.make(t, { 'apt-get': '', 'apt-cache': APT_CACHE, env: 'shift 2; bin/"$@"' });
  await checkout.remove('bin/perl');
  const { code, stderr, calls } = await checkout.setUp({ CTFLOW_BACKEND: 'fallback', NODE_OPTIONS: AS_ROOT });
  t.is(code, 0, stderr);
  t.regex(stderr, /installing the system packages perl-base with apt-get \(CTFLOW_SETUP=no prevents it\)/);
  t.is(calls.filter(call => call.startsWith('apt-get')).length, 2, 'update and install');
});

onLinux('it goes on where packages cannot be installed, may not be, or shall not be, and says the command', async t => {
  const failing = { 'apt-get': 'exit 100', 'apt-cache': APT_CACHE, env: 'shift 2; bin/"$@"' };
  for (const [name, env, said] of [
    [
      'apt-get fails',
      { NODE_OPTIONS: AS_ROOT },
      'could not install them; going on without; to install: apt-get install perl-base',
    ],
    [
      'no password-less sudo',
      { NODE_OPTIONS: AS_USER },
      'going on without; to install: sudo apt-get install perl-base',
    ],
    [
      'not wanted',
      { NODE_OPTIONS: AS_ROOT, CTFLOW_SETUP: 'no' },
      'going on without; to install: apt-get install perl-base',
    ],
  ] as const) {
    const checkout = await Checkout.make(t, failing);
    await checkout.remove('bin/perl');
    const { code, stderr, calls } = await checkout.setUp({ CTFLOW_BACKEND: 'fallback', ...env });
    t.is(code, 0, name);
    t.true(stderr.includes(said), `${name}: ${stderr}`);
    t.is(calls.includes('apt-get -o'), name === 'apt-get fails', name);
  }
});

onLinux('without a Rust that can build the native module the fallback takes its place, and it says why', async t => {
  for (const [cargo, cc, said] of [
    [undefined, '', 'cargo is not installed'],
    ['echo cargo 1.63.0', 'echo /lib/crt1.o', 'Rust 1.88 or newer is needed, and this is 1.63'],
    ['echo cargo 1.88.0', 'echo crt1.o', 'a C linker (cc) is not installed'],
    ['[ $1 = build ] && exit 101; echo cargo 1.100.0', 'echo /lib/crt1.o', 'the native module could not be built'],
  ] as const) {
    const checkout = await Checkout.make(t, { ...(cargo && { cargo }), cc });
    const { code, stderr } = await checkout.setUp({ CTFLOW_SETUP: 'no' });
    t.is(code, 0, stderr);
    t.true(stderr.includes(said) && stderr.includes('going on with the fallback'), stderr);
    t.is(stderr.includes('gcc libc6-dev'), said.includes('linker'), stderr);
  }
});
