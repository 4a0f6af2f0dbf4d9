// Sets up a checkout: npm packages, the native module where cargo is there, TypeScript. Does nothing twice: each step keeps
// the hash of what it was made from under .setup/. Uses nothing but Node, because there may be nothing else yet.
// `--all` is for tests, checks and benchmarks: it installs what they use (the npm workspaces) and compiles them, too.
// `--traffic` builds the generator of the proofs too.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nativeFile } from '../native/file.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamps = join(root, '.setup');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 17)) stop(`ctflow needs Node 20.17 or newer; this is ${process.version}`);

// npm links the workspaces that it has installed; they stay installed
const workspace = join(root, 'node_modules/ctflow-bench');
const all = process.argv.includes('--all') || existsSync(workspace);
const manifests = ['package.json', 'package-lock.json', 'bench/package.json', 'test/package.json'];
step('install', manifests, existsSync(all ? workspace : join(root, 'node_modules')), () => {
  say('installing npm packages');
  const which = all ? ['--workspaces', '--include-workspace-root'] : [];
  run(
    'npm',
    ['ci', '--no-audit', '--no-fund', ...which],
    'npm could not install the packages; is the registry reachable?',
  );
});

// the native module speaks netlink: elsewhere there is nothing for it to speak to
const linux = process.platform === 'linux';
const cargo = linux && spawnSync('cargo', ['--version']).status === 0;
const built = () => readdirSync(join(root, 'native')).some(file => file.endsWith('.node'));
if (process.env.CTFLOW_BACKEND === 'fallback') {
  say('CTFLOW_BACKEND=fallback: the native module is not built');
} else if (cargo) {
  step('native', ['Cargo.toml', 'Cargo.lock', 'crates/ctflow-core', 'crates/ctflow-napi'], built(), () => {
    say('building the native module (a minute the first time)');
    const args = ['build', '--release', '-p', 'ctflow-napi', '--target-dir', 'target'];
    run('cargo', args, 'the native module could not be built; CTFLOW_BACKEND=fallback goes without it');
    // not over the file itself: a process that has it loaded would break
    rmSync(nativeFile(), { force: true });
    copyFileSync(join(root, 'target/release/libctflow_napi.so'), nativeFile());
  });
} else if (!built()) {
  say(
    'cargo is not there: going on with the fallback in TypeScript (install Rust 1.88 or newer for the native module)',
  );
}

if (cargo && process.argv.includes('--traffic')) {
  const generator = existsSync(join(root, 'target/release/ctflow-traffic'));
  step('traffic', ['Cargo.toml', 'Cargo.lock', 'crates/ctflow-traffic'], generator, () => {
    say("building the proofs' generator of traffic");
    const args = ['build', '--release', '-p', 'ctflow-traffic', '--target-dir', 'target'];
    run('cargo', args, "the proofs' generator of traffic could not be built");
  });
}

// tsc knows by itself what has changed, but leaves behind what it made of files that are gone
link();
prune(join(root, 'dist'), join(root, 'src'));
for (const tree of ['test', 'bench', 'proof']) prune(join(root, 'build', tree), join(root, tree));
const tsc = join(root, 'node_modules/typescript/bin/tsc');
run(process.execPath, [tsc, '-b', all ? '.' : 'src'], 'TypeScript does not compile');

/** Removes what was compiled from a source that is gone. */
function prune(made, sources) {
  if (!existsSync(made)) return;
  for (const entry of readdirSync(made, { withFileTypes: true })) {
    const source = join(sources, entry.name.replace(/(\.d)?\.[jt]s(\.map)?$/, '.ts'));
    if (!existsSync(source)) rmSync(join(made, entry.name), { recursive: true });
    else if (entry.isDirectory()) prune(join(made, entry.name), source);
  }
}

/** What is compiled of test/, bench/ and proof/ finds the package where its sources stand beside it: build/src is dist/. */
function link() {
  const path = join(root, 'build/src');
  if (existsSync(path)) return;
  mkdirSync(join(root, 'build'), { recursive: true });
  mkdirSync(join(root, 'dist'), { recursive: true });
  symlinkSync('../dist', path, 'junction');
}

/** Does the step unless its result is there and was made from the same files. */
function step(name, inputs, done, make) {
  const stamp = join(stamps, name);
  const hash = hashOf(inputs);
  if (done && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  // whoever fails may leave something half made
  rmSync(stamp, { force: true });
  make();
  mkdirSync(stamps, { recursive: true });
  writeFileSync(stamp, hash);
}

function hashOf(inputs) {
  const hash = createHash('sha256').update(`${process.version} ${process.platform} ${process.arch}`);
  for (const file of inputs.flatMap(filesOf))
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

function filesOf(path) {
  const full = join(root, path);
  if (!existsSync(full)) return [];
  if (statSync(full).isFile()) return [path];
  return readdirSync(full, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath ?? entry.path, entry.name).slice(root.length))
    .sort();
}

function run(command, args, failure) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  stop(failure);
}

function say(text) {
  process.stderr.write(`ctflow: ${text}\n`);
}

function stop(text) {
  process.stderr.write(`ctflow: ${text}\n`);
  process.exit(1);
}
