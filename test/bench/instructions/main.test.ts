import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { countInstructions, subjectsOf } from '../../../bench/instructions/callgrind.js';
import { buildCompanion } from '../../../bench/host/companion.js';
import { ROOT } from '../../../bench/host/machine.js';
import { collect } from '../../helpers/kernel/namespace.js';
import { needs } from '../../helpers/kernel/require.js';
import { runProgram } from '../run.js';

const MINUTES = 60_000;
const counted = needs(test, ['linux', 'cargo', 'valgrind']);

counted('a subject takes the same number each time', t => {
  t.timeout(20 * MINUTES);
  t.is(buildCompanion(), undefined);
  const [first, again] = [0, 1].map(() => countInstructions(ROOT, 'decode-ipv4'));
  t.deepEqual(first, again);
  t.is(first.rows, 256);
  t.true(Number.isInteger(first.instructions) && first.instructions > first.rows * 100, `${first.instructions}`);
});

counted('the table has every subject, and says with which compiler', async t => {
  t.timeout(20 * MINUTES);
  const { code, stdout } = await runProgram('instructions/main', []);
  t.is(code, 0);
  t.regex(stdout, /^HEAD [0-9a-f]{10}.*\nrustc \d+\.\d+\.\d+ .*, no flags for this processor; callgrind of valgrind-/);
  const subjects = subjectsOf(ROOT);
  t.true(subjects.length > 5);
  for (const subject of subjects) t.regex(stdout, new RegExp(`^${subject} +256 +- +\\d+ `, 'm'));
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
