import { readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { writeRun } from '../../../bench/results/results.js';
import { COSTS } from '../../../bench/targets/costs.js';
import { TARGETS } from '../../../bench/targets/rows.js';
import { temporaryPath } from '../../helpers/temporary.js';
import { runProgram } from '../run.js';
import { benchmarkResult, benchmarkRun } from '../compare/runs.js';

const encode = benchmarkResult({ subject: 'encode', case: 'encode', parameters: { mtu: 1400 }, samples: [0.0005] });

test('the page gets a table with a row for each target; what else stands in it stays', async t => {
  const file = temporaryPath(t, 'run.json');
  const page = temporaryPath(t, 'page.md');
  writeRun(file, benchmarkRun([encode]));
  t.is((await runProgram('targets/main', [file, '--page', page])).code, 0);
  writeFileSync(page, `${readFileSync(page, 'utf8')}\nWhy: typed by hand.\n`);
  writeRun(file, benchmarkRun([{ ...encode, samples: [0.0007] }]));
  const { stdout } = await runProgram('targets/main', [file, '--page', page]);
  const text = readFileSync(page, 'utf8');
  t.regex(text, /\| encode alone, a record \| at most 60 ns \| 70 ns \| no, 17 % above \| 1 \|/);
  t.notRegex(text, /\| 50 ns/);
  t.regex(text, /^# What was measured\n[^]*Why: typed by hand\.\n$/);
  t.true(text.includes(stdout));
  // the bytes of a record are one of the targets and one of the costs
  t.is(stdout.match(/not measured/g)?.length, TARGETS.length - 1 + COSTS.length - 1);
});

test('a page without marks is not touched', async t => {
  const file = temporaryPath(t, 'run.json');
  const page = temporaryPath(t, 'page.md');
  writeRun(file, benchmarkRun([encode]));
  writeFileSync(page, 'mine\n');
  const { code, stderr } = await runProgram('targets/main', [file, '--page', page]);
  t.is(code, 1);
  t.regex(stderr, /lacks the marks/);
  t.is(readFileSync(page, 'utf8'), 'mine\n');
});
