/** scripts/test.mjs on small projects of its own: what it counts, what it says, how it ends. */
import test, { type ExecutionContext } from 'ava';
import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { collect } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const IMPORT = "import test from 'ava';\n";

/** The crates are for Linux. */
const withCargo = needs(test.serial, ['linux']);

interface Project {
  /** Test files by name. */
  files: Record<string, string>;
  /** What a program `cargo` in front of the path does, a shell script. */
  cargo?: string;
  env?: Record<string, string>;
  args?: string[];
  /** How long ava waits without progress. */
  timeout?: string;
}

/** Milliseconds after which a run of such a project hangs: far above what a busy machine needs. */
const PATIENCE = 600_000;

/** Runs scripts/test.mjs in a project. @returns its exit code, its output and its last line */
async function run(t: ExecutionContext, { files, cargo = 'exit 127', env = {}, args = [], timeout = '10m' }: Project) {
  const folder = await mkdtemp(join(tmpdir(), 'ctflow-runner-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await Promise.all(['scripts', 'build/test', 'bin'].map(name => mkdir(join(folder, name), { recursive: true })));
  for (const name of ['test.mjs', 'machine.mjs', 'terminal.mjs']) {
    await copyFile(join(ROOT, 'scripts', name), join(folder, 'scripts', name));
  }
  await writeFile(join(folder, 'Cargo.toml'), 'rust-version = "1.88"\n');
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const ava = { files: ['build/test/**/*.test.js'], workerThreads: false, timeout };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'project', type: 'module', ava }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, 'build/test', name)), { recursive: true });
    await writeFile(join(folder, 'build/test', name), text);
  }
  for (const [name, text] of Object.entries({ cargo, cc: 'echo /lib/crt1.o' })) {
    await writeFile(join(folder, 'bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  const { CTFLOW_BACKEND, CTFLOW_NO_SKIP, ...inherited } = process.env;
  const child = spawn(process.execPath, ['scripts/test.mjs', ...args], {
    cwd: folder,
    env: { ...inherited, PATH: [join(folder, 'bin'), process.env['PATH']].join(delimiter), ...env },
  });
  const { code, stdout, stderr } = await collect(child, { timeout: PATIENCE });
  return { code, stdout, stderr, last: stdout.trimEnd().split('\n').at(-1) };
}

const PASSES = `${IMPORT}test('one', t => t.true(true));\ntest('two', t => t.true(true));`;
const FAILS = `${IMPORT}test('wrong', t => { t.log('seed 17'); t.is(1, 2); });`;
const SKIPS = `${IMPORT}test.${'skip'}('lacks a tool (tshark is not installed)', t => t.true(true));`;
const CARGO = `[ "$1" = --version ] && echo 'cargo 1.90.0' && exit 0
echo 'test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s'
echo 'test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s'`;

withCargo('tests passed in ava and in cargo are added up', async t => {
  const { code, last } = await run(t, { files: { 'a.test.js': PASSES, 'b.test.js': PASSES }, cargo: CARGO });
  t.is(last, '11 passed, 0 failed');
  t.is(code, 0);
});

test.serial('what is for itself runs after everything else, and is counted', async t => {
  const marks = join(tmpdir(), `ctflow-runner-${process.pid}-alone`);
  t.teardown(() => rm(marks, { force: true }));
  const late = `${IMPORT}import { writeFileSync } from 'node:fs';
test('late', async t => { await new Promise(done => setTimeout(done, 500)); writeFileSync('${marks}', ''); t.pass(); });`;
  const lonely = `${IMPORT}import { existsSync } from 'node:fs';\ntest('alone', t => t.true(existsSync('${marks}')));`;
  const files = { 'alone/b.test.js': lonely, 'late.test.js': late, 'a.test.js': PASSES };
  t.is((await run(t, { files })).last, '4 passed, 0 failed');
  t.is((await run(t, { files, args: ['test/alone/b.test.ts'] })).last, '1 passed, 0 failed');
});

test.serial(
  'a failed test is shown with its diagnosis and counted, a skipped one is listed with its reason',
  async t => {
    const files = { 'a.test.js': PASSES, 'b.test.js': FAILS, 'c.test.js': SKIPS };
    const { code, stdout, last } = await run(t, { files });
    t.is(last, '2 passed, 1 failed, 1 skipped');
    t.is(code, 1);
    t.regex(stdout, /✘ b › wrong\n.*seed 17[^]*- 1\n.*\+ 2/);
    t.regex(stdout, /- skipped: .*tshark is not installed/);
  },
);

withCargo('a failed test in cargo is counted, and its output is shown', async t => {
  const cargo = `${CARGO}
echo 'thread panicked at this place'
echo 'test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s'
exit 101`;
  const { code, stderr, last } = await run(t, { files: { 'a.test.js': PASSES }, cargo });
  t.is(last, '10 passed, 2 failed');
  t.is(code, 1);
  t.regex(stderr, /panicked at this place/);
});

withCargo('crates that do not build are a failure', async t => {
  const cargo =
    '[ "$1" = --version ] && echo cargo 1.90.0 && exit 0\necho "error[E0308]: mismatched types" >&2\nexit 101';
  const { code, stderr, last } = await run(t, { files: { 'a.test.js': PASSES }, cargo });
  t.is(last, '2 passed, 1 failed');
  t.is(code, 1);
  t.regex(stderr, /E0308/);
});

test.serial('with CTFLOW_NO_SKIP=1 a skipped test fails', async t => {
  const files = { 'a.test.js': PASSES, 'b.test.js': SKIPS };
  const { code, last } = await run(t, { files, env: { CTFLOW_NO_SKIP: '1' } });
  t.is(last, '2 passed, 1 failed');
  t.is(code, 1);
});

test.serial('an uncaught exception, a test that hangs and a process that ends count as failed', async t => {
  const broken = {
    uncaught: `${IMPORT}test('one', async t => { setTimeout(() => { throw new Error('late'); }, 10);
      await new Promise(done => setTimeout(done, 60000)); t.true(true); });`,
    hangs: `${IMPORT}test('one', async t => { await new Promise(done => setTimeout(done, 60000)); t.true(true); });`,
    ends: `${IMPORT}test('one', async t => { process.exit(3); });`,
  };
  for (const [name, text] of Object.entries(broken)) {
    const { code, last } = await run(t, { files: { 'a.test.js': text }, timeout: '5s' });
    t.regex(last!, /^0 passed, [1-9]\d* failed$/, name);
    t.is(code, 1, name);
  }
});

test.serial('a run without tests fails', async t => {
  const { code, last } = await run(t, { files: {} });
  t.regex(last!, /^0 passed, /);
  t.is(code, 1);
});

test.serial('a pattern runs the files that match, and ava alone', async t => {
  const files = { 'a.test.js': PASSES, 'b.test.js': FAILS };
  const { code, stdout, last } = await run(t, { files, cargo: CARGO, args: ['test/a.test.ts'] });
  t.is(last, '2 passed, 0 failed');
  t.is(code, 0);
  t.regex(stdout, /cargo test: left out, file patterns are given/);
});

withCargo('without cargo, or with CTFLOW_BACKEND=fallback, the crates are not tested, with a message', async t => {
  const files = { 'a.test.js': PASSES };
  const without = await run(t, { files });
  t.is(without.last, '2 passed, 0 failed');
  t.regex(without.stdout, /cargo test: left out, cargo is not installed/);
  const fallback = await run(t, { files, cargo: CARGO, env: { CTFLOW_BACKEND: 'fallback' } });
  t.is(fallback.last, '2 passed, 0 failed');
  t.regex(fallback.stdout, /cargo test: left out, CTFLOW_BACKEND is fallback/);
});
