import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { countInstructions, subjectsOf } from '../../../bench/instructions/callgrind.js';
import { ROOT } from '../../../bench/host/machine.js';
import { collect } from '../../helpers/kernel/namespace.js';
import { needs } from '../../helpers/kernel/require.js';
import { runProgram } from '../run.js';

const MINUTES = 60_000;
const counted = needs(test, ['linux', 'cargo', 'valgrind']);

counted('the table has every subject, with the same number each time, and says with which compiler', async t => {
  t.timeout(20 * MINUTES);
  const { code, stdout } = await runProgram('instructions/main', []);
  t.is(code, 0);
  t.regex(stdout, /^HEAD [0-9a-f]{10}.*\nrustc \d+\.\d+\.\d+ .*, no flags for this processor; callgrind of valgrind-/);
  const subjects = subjectsOf(ROOT);
  t.true(subjects.length > 5);
  for (const subject of subjects) t.regex(stdout, new RegExp(`^${subject} +256 +- +\\d+ `, 'm'));
  const { instructions, rows } = countInstructions(ROOT, 'decode-ipv4');
  t.regex(stdout, new RegExp(`^decode-ipv4 +256 +- +${instructions} `, 'm'));
  t.is(rows, 256);
  t.true(Number.isInteger(instructions) && instructions > rows * 100, `${instructions}`);
});

test('without valgrind it is skipped with a sentence', async t => {
  const program = fileURLToPath(new URL('../../../bench/instructions/main.js', import.meta.url));
  const child = spawn(process.execPath, [program], { env: { PATH: '/nowhere' } });
  const { code, stdout } = await collect(child, { timeout: 5 * MINUTES });
  t.is(code, 0);
  t.is(stdout, 'bench:instructions: skipped, valgrind is not installed (the Debian package of that name)\n');
});

test('a commit that is none is a usage error', async t => {
  const { code, stderr } = await runProgram('instructions/main', ['no-such-commit', 'another']);
  t.is(code, 2);
  t.regex(stderr, /^bench:instructions: /);
});
