// Runs every test and ends with the line `N passed, N failed`. `npm test -- PATTERN` runs the ava files that match.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { withoutNative } from './machine.mjs';
import { root, run } from './terminal.mjs';

const args = process.argv.slice(2);
const patterns = args
  .filter(arg => arg !== '--no-cargo')
  .map(pattern => pattern.replace(/^test\/(.*)\.ts$/, 'build/test/$1.js'));
const noSkip = process.env.CTFLOW_NO_SKIP === '1';
const PROGRESS_EVERY = 10_000; // milliseconds
const ALL = 'build/test/**/*.test.js';
/** What changes something that all network namespaces of a host share runs with nothing beside it. */
const ALONE = 'build/test/alone/';
// tests wait more than they compute
const TOGETHER = Math.max(5, availableParallelism());

const total = { passed: 0, failed: 0 };
const skipped = [];

function fail(reason) {
  total.failed++;
  console.log(`✘ ${reason}`);
}

/** Why the tests of the native half are left out, or undefined where they run. */
function withoutCargo() {
  if (args.includes('--no-cargo')) return 'the crates know nothing of Node';
  return patterns.length > 0 ? 'file patterns are given' : withoutNative();
}

async function runCargo() {
  const reason = withoutCargo();
  if (reason) return console.log(`cargo test: left out, ${reason}`);
  const command = ['cargo', 'test', '--workspace', '--no-fail-fast'];
  const { ok, lines } = await run('cargo test: the native half', command, Infinity);
  let failed = 0;
  for (const line of lines) {
    const counts = /^test result: .*? (\d+) passed; (\d+) failed; (\d+) ignored/.exec(line)?.slice(1).map(Number);
    if (!counts) continue;
    const [passes, failures, ignored] = counts;
    total.passed += passes;
    failed += failures;
    if (ignored > 0) skipped.push(`${ignored} tests that cargo ignores`);
  }
  total.failed += failed;
  if (!ok && failed === 0) fail('cargo test broke off');
}

/** @param files patterns of ava */
async function runAva(files, concurrency) {
  const backend = process.env.CTFLOW_BACKEND;
  const allowed = `every backend${backend ? ` that CTFLOW_BACKEND=${backend} allows` : ''}`;
  console.log(`ava ${files.join(' ')}: ${allowed}`);
  const ava = join(root, 'node_modules/ava/entrypoints/cli.mjs');
  const child = spawn(process.execPath, [ava, '--tap', '--concurrency', String(concurrency), ...files], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', chunk => (stderr = (stderr + chunk).slice(-8192)));
  const closed = once(child, 'close');
  const progress = setInterval(() => console.log(`… ${total.passed} passed, ${total.failed} failed`), PROGRESS_EVERY);
  let whole = false;
  let failing = false;
  for await (const line of createInterface({ input: child.stdout })) {
    const result = /^(not )?ok \d+ - (.*?)( # SKIP| # TODO)?$/.exec(line);
    if (/^1\.\.\d+$/.test(line)) {
      whole = true;
      failing = false;
    } else if (!result) {
      if (failing) console.log(`  ${line}`); // the diagnosis of the failure before it
    } else {
      failing = Boolean(result[1]);
      if (failing) fail(result[2]);
      else if (result[3]) skipped.push(result[2]);
      else total.passed++;
    }
  }
  const [code] = await closed;
  clearInterval(progress);
  if (!whole) fail(`ava broke off (exit ${code}): a test hung or ended the process; npx ava shows which\n${stderr}`);
  else if (code !== 0 && total.failed === 0) fail(`ava: exit ${code}\n${stderr}`);
}

/** Runs all tests. */
async function runAll() {
  await runAva([ALL, `!${ALONE}**`], TOGETHER);
  if (existsSync(join(root, ALONE))) await runAva([`${ALONE}*.test.js`], 1);
}

await runCargo();
if (patterns.length === 0) await runAll();
else await runAva(patterns, patterns.some(pattern => pattern.startsWith(ALONE)) ? 1 : TOGETHER);

if (noSkip) for (const title of skipped.splice(0)) fail(`skipped, which CTFLOW_NO_SKIP=1 does not allow: ${title}`);
for (const title of skipped) console.log(`- skipped: ${title}`);
if (total.passed + total.failed === 0) console.log('No test ran.');
console.log(`${total.passed} passed, ${total.failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
