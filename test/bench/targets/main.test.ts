import { readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { type Result, writeRun } from '../../../bench/results/results.js';
import { TARGETS } from '../../../bench/targets/rows.js';
import { temporaryPath } from '../../helpers/temporary.js';
import { runProgram } from '../run.js';
import { benchmarkResult, benchmarkRun } from '../compare/runs.js';

const encode = benchmarkResult({ subject: 'encode', case: 'encode', parameters: { mtu: 1400 }, cpu: [0.0005] });
const copy: Result = { ...encode, case: 'copy the bytes', backend: 'floor', cpu: [0.0002] };

test('the page gets a table with a row for each target; what else stands in it stays', async t => {
  const file = temporaryPath(t, 'run.json');
  const page = temporaryPath(t, 'page.md');
  writeRun(file, benchmarkRun([encode, copy]));
  t.is((await runProgram('targets/main', [file, '--page', page])).code, 0);
  writeFileSync(page, `${readFileSync(page, 'utf8')}\nWhy: typed by hand.\n`);
  writeRun(file, benchmarkRun([{ ...encode, cpu: [0.0003] }, copy]));
  const { stdout } = await runProgram('targets/main', [file, '--page', page]);
  const text = readFileSync(page, 'utf8');
  t.regex(text, /\| encode, against .*: CPU \| at most 2.00 x \| 1.50 x \| yes \| 30 ns \| 20 ns \| 1 \|/);
  t.notRegex(text, /\| 50 ns/);
  t.regex(text, /^# What was measured\n[^]*Why: typed by hand\.\n$/);
  t.true(text.includes(stdout));
  t.is(stdout.match(/not measured/g)?.length, TARGETS.length - 1);
});

test('runs of different machines make no table', async t => {
  const files = ['one.json', 'other.json'].map(name => temporaryPath(t, name));
  const { machine } = benchmarkRun([]);
  writeRun(files[0], benchmarkRun([encode]));
  writeRun(files[1], benchmarkRun([encode], { machine: { ...machine, cores: 64 } }));
  const { code, stderr } = await runProgram('targets/main', [...files, '--page', temporaryPath(t, 'page.md')]);
  t.is(code, 1);
  t.regex(stderr, /one\.json and other\.json are of different machines: cores: 2, 64/);
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
