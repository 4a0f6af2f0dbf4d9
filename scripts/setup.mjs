// Sets up a checkout: system packages, npm packages, the native module where Rust is there, TypeScript. Nothing is done twice.
// Uses nothing but Node, because there may be nothing else yet.
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unsupportedNode } from '../bin/node-version.js';
import { nativeFile } from '../native/file.js';
import { installPackages, missingPackages, withoutNative } from './machine.mjs';
import { root, run, say, stop } from './terminal.mjs';

const at = (...path) => join(root, ...path);
/** Where npm links the benchmarks, and so the sign that the workspaces are installed. */
const WORKSPACE = 'node_modules/ctflow-bench';

/**
 * @param purpose `package` for what `npm start` runs, `all` for the workspaces as well (checks, benchmarks), `tests` for
 *   what the tests run beyond that
 */
export async function setUp(purpose) {
  const unsupported = unsupportedNode(process.versions.node);
  if (unsupported) stop(unsupported);
  await installPackages(missingPackages(purpose));
  // npm links the workspaces that it has installed; they stay installed
  const all = purpose !== 'package' || existsSync(at(WORKSPACE));
  // one waits for the registry, the other computes
  await Promise.all([npm(all), native(purpose === 'tests')]);
  await compile(all ? '.' : 'src');
}

/** npm writes its own list last, when all is there. */
async function npm(all) {
  const complete = !all || existsSync(at(WORKSPACE));
  if (complete && modified(at('package-lock.json')) <= modified(at('node_modules/.package-lock.json'))) return;
  const which = all ? ['--workspaces', '--include-workspace-root'] : [];
  // one line a package, for progress
  const npm = ['npm', 'ci', '--no-audit', '--no-fund', '--loglevel=http', ...which];
  const { ok } = await run('installing npm packages', npm);
  if (!ok) stop('npm could not install the packages; is the registry reachable?');
}

/** cargo knows by itself what has changed. */
async function native(forTests) {
  const reason = withoutNative();
  if (reason) {
    if (!existsSync(nativeFile()))
      say(`the native module is not built: ${reason}; going on with the fallback in TypeScript`);
    return;
  }
  const cargo = name => ['cargo', 'build', '--release', '-p', name, '--target-dir', 'target'];
  if ((await run('building the native module', cargo('ctflow-napi'))).ok) {
    const built = 'target/release/libctflow_napi.so';
    if (modified(at(built)) > modified(nativeFile())) {
      // not over the file itself: a process that has it loaded would break
      rmSync(nativeFile(), { force: true });
      copyFileSync(at(built), nativeFile());
    }
  } else {
    // none stays behind that is of other sources
    rmSync(nativeFile(), { force: true });
    return say('the native module could not be built; going on with the fallback in TypeScript');
  }
  if (!forTests) return;
  const { ok } = await run("building the proof's traffic generator", cargo('ctflow-traffic'));
  if (!ok) say("the proof's generator could not be built");
}

/** tsc knows by itself what has changed, but leaves behind what it made of files that are gone. */
async function compile(project) {
  link();
  prune('dist', 'src');
  for (const tree of ['test', 'bench', 'proof']) prune(join('build', tree), tree);
  const { ok } = await run('compiling TypeScript', [
    process.execPath,
    at('node_modules/typescript/bin/tsc'),
    '-b',
    project,
  ]);
  if (!ok) stop('TypeScript does not compile');
}

/** When a file was last changed; 0 where there is none. */
function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

/** Removes what was compiled from a source that is gone. */
function prune(made, sources) {
  if (!existsSync(at(made))) return;
  for (const entry of readdirSync(at(made), { withFileTypes: true })) {
    const source = join(sources, entry.name.replace(/(\.d)?\.[jt]s(\.map)?$/, '.ts'));
    if (!existsSync(at(source))) rmSync(at(made, entry.name), { recursive: true });
    else if (entry.isDirectory()) prune(join(made, entry.name), source);
  }
}

/** What is compiled of test/, bench/ and proof/ finds the package where its sources stand beside it: build/src is dist/. */
function link() {
  // tsc would take for compiled what is gone
  if (!existsSync(at('dist'))) rmSync(at('build'), { recursive: true, force: true });
  if (existsSync(at('build/src'))) return;
  for (const folder of ['build', 'dist']) mkdirSync(at(folder), { recursive: true });
  symlinkSync('../dist', at('build/src'), 'junction');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await setUp(process.argv[2] ?? 'package');
