// Writes native/binding.d.ts, the types of the native module, from crates/ctflow-napi; with --check compares and exits 1 where they
// differ.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const napi = `${root}node_modules/@napi-rs/cli/dist/cli.js`;
const made = `${root}target/binding/binding.d.ts`;
const kept = `${root}native/binding.d.ts`;

if (!existsSync(napi))
  stop('the napi command is not installed; `npm ci --workspaces --include-workspace-root` installs it');
const where = ['--manifest-path', 'crates/ctflow-napi/Cargo.toml', '--package-json-path', 'package.json'];
const output = ['--output-dir', 'target/binding', '--no-js', '--dts', 'binding.d.ts'];
const { status, stderr } = spawnSync(process.execPath, [napi, 'build', '--platform', ...where, ...output], {
  cwd: root,
  encoding: 'utf8',
});
if (status !== 0) stop(`the native module does not build\n${stderr}`);
if (!process.argv.includes('--check')) copyFileSync(made, kept);
else if (readFileSync(made, 'utf8') !== readFileSync(kept, 'utf8')) {
  stop('native/binding.d.ts differs from crates/ctflow-napi; run `npm run generate`');
}

function stop(text) {
  console.error(`generate: ${text}`);
  process.exit(1);
}
