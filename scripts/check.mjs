// Formatting, lint, types and generated files: everything that is checked without running the code.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const CHECKS = [
  ['formatting of TypeScript', 'npx', ['prettier', '--check', '--log-level', 'warn', '.']],
  ['lint of TypeScript', 'npx', ['oxlint', '--deny-warnings']],
  ['types', 'npx', ['tsc', '-b']],
];
/** Of the package as npm would have it: what others find in it, and whether its types are what it exports. There is no CommonJS. */
const PACKAGE_CHECKS = tarball => [
  ['package', 'npx', ['publint', 'run', tarball, '--strict']],
  ['types of the package', 'npx', ['attw', tarball, '--profile', 'esm-only']],
];
const CARGO_CHECKS = [
  ['generated layout', 'cargo', ['xtask', 'layout', '--check']],
  ['types of the native module', process.execPath, ['scripts/binding-types.mjs', '--check']],
  ['formatting of Rust', 'cargo', ['fmt', '--all', '--check']],
  ['lint of Rust', 'cargo', ['clippy', '--workspace', '--all-targets', '--all-features', '--', '-D', 'warnings']],
];

let failed = 0;

/** Runs a program to its end. @returns its exit code, undefined where it is not installed, and all that it printed */
async function finish(program, args) {
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk));
  const [status] = await once(child, 'close').catch(() => []);
  return { status, output };
}

async function check([what, program, args]) {
  const { status, output } = await finish(program, args);
  console.log(`${status === 0 ? '✔' : '✘'} ${what}: ${[program, ...args].join(' ')}`);
  if (status === 0) return;
  failed++;
  console.log(output);
}

async function all(checks) {
  for (const one of checks) await check(one);
}

async function packageChecks() {
  const folder = mkdtempSync(join(tmpdir(), 'ctflow-pack-'));
  try {
    const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder];
    const { output } = await finish('npm', pack);
    await all(PACKAGE_CHECKS(join(folder, output.trim())));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function cargoChecks() {
  if ((await finish('cargo', ['--version'])).status === 0) return all(CARGO_CHECKS);
  for (const [what] of CARGO_CHECKS) console.log(`- ${what}: left out, cargo is not installed`);
}

// most of them have use for one processor only
await Promise.all([all(CHECKS).then(packageChecks), cargoChecks()]);
process.exitCode = failed > 0 ? 1 : 0;
