// Writes src/row/layout.generated.ts from the Rust definition; with --check compares and exits 1 where they differ.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = new URL('../src/row/layout.generated.ts', import.meta.url);

let text;
try {
  text = execFileSync('cargo', ['run', '--quiet', '-p', 'ctflow-core', '--bin', 'generate-layout'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
} catch (error) {
  console.error(
    error.code === 'ENOENT'
      ? 'generate: cargo is not installed; it is needed to read crates/ctflow-core/src/row.rs.'
      : 'generate: cargo failed, see above.',
  );
  process.exit(1);
}

if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    console.error('generate: src/row/layout.generated.ts differs from row.rs and plan.rs; run `npm run generate`.');
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
}
