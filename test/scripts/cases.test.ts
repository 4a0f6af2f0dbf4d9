import test from 'ava';
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { collect } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';
import { temporaryPath } from '../helpers/temporary.js';

const CASES = fileURLToPath(new URL('../../../scripts/cases.mjs', import.meta.url));

needs(test, ['namespace', 'root'])('a case finds the programs of the system, whatever npm puts in front', async t => {
  const cases = temporaryPath(t, 'cases');
  mkdirSync(join(cases, '12-gre-keys-as-ports'), { recursive: true });
  writeFileSync(join(cases, '12-gre-keys-as-ports', 'repro.sh'), 'command -v nft\n');
  const npm = join(dirname(cases), 'node_modules/.bin');
  mkdirSync(npm, { recursive: true });
  writeFileSync(join(npm, 'nft'), '', { mode: 0o755 });
  const env = { ...process.env, CASES_OUTPUT: '1', PATH: [npm, process.env['PATH']].join(delimiter) };
  const { code, stderr } = await collect(spawn(process.execPath, [CASES, cases, '12'], { env }));
  t.regex(stderr, /^\/.*\/nft$/m);
  t.notRegex(stderr, /node_modules/);
  t.is(code, 1, 'it prints no connections');
});
