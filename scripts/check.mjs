// Formatting, lint, types and generated files: everything that is checked without running the code.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const CHECKS = [
  ['formatting of TypeScript', 'npx', ['prettier', '--check', '--log-level', 'warn', '.']],
  ['lint of TypeScript', 'npx', ['oxlint', '--deny-warnings']],
  ['types', 'npx', ['tsc', '-b']],
];
const CARGO_CHECKS = [
  ['generated layout', 'cargo', ['xtask', 'layout', '--check']],
  ['types of the native module', process.execPath, ['scripts/binding-types.mjs', '--check']],
  ['formatting of Rust', 'cargo', ['fmt', '--all', '--check']],
  ['lint of Rust', 'cargo', ['clippy', '--workspace', '--all-targets', '--all-features', '--', '-D', 'warnings']],
];

let failed = 0;

function check([what, program, args]) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: 'utf8' });
  console.log(`${status === 0 ? '✔' : '✘'} ${what}: ${[program, ...args].join(' ')}`);
  if (status === 0) return;
  failed++;
  console.log(`${stdout ?? ''}${stderr ?? ''}`);
}

CHECKS.forEach(check);
if (spawnSync('cargo', ['--version']).status === 0) CARGO_CHECKS.forEach(check);
else for (const [what] of CARGO_CHECKS) console.log(`- ${what}: left out, cargo is not installed`);
process.exitCode = failed > 0 ? 1 : 0;
