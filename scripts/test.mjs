// Runs every test and ends with the line `N passed, N failed`. `npm test -- PATTERN` runs the ava files that match.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const patterns = process.argv.slice(2).map(pattern => pattern.replace(/^test\/(.*)\.ts$/, 'build/test/$1.js'));
const noSkip = process.env.CTFLOW_NO_SKIP === '1';
const PROGRESS_EVERY = 10_000; // milliseconds

const total = { passed: 0, failed: 0 };
const skipped = [];

function fail(reason) {
  total.failed++;
  console.log(`✘ ${reason}`);
}

/** Why the tests of the native half are left out, or undefined where they run. */
function withoutCargo() {
  if (patterns.length > 0) return 'file patterns are given';
  if (process.env.CTFLOW_BACKEND === 'fallback') return 'CTFLOW_BACKEND is fallback';
  const cargo = spawnSync('cargo', ['--version']).status === 0;
  return cargo ? undefined : 'cargo is not installed';
}

async function runCargo() {
  const reason = withoutCargo();
  if (reason) {
    console.log(`cargo test: left out, ${reason}`);
    return;
  }
  console.log('cargo test --workspace: the native half');
  const child = spawn('cargo', ['test', '--workspace', '--no-fail-fast'], { cwd: root });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', chunk => (stdout += chunk));
  child.stderr.on('data', chunk => (stderr += chunk));
  const [code] = await once(child, 'close');
  let failed = 0;
  for (const [, passes, failures, ignored] of stdout.matchAll(
    /^test result: .*? (\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    total.passed += Number(passes);
    failed += Number(failures);
    if (Number(ignored) > 0) skipped.push(`${ignored} tests that cargo ignores`);
  }
  total.failed += failed;
  if (code === 0) return;
  console.log(stdout + stderr);
  if (failed === 0) fail(`cargo test: exit ${code}`);
}

async function runAva() {
  const backend = process.env.CTFLOW_BACKEND;
  console.log(
    `ava ${patterns.join(' ') || 'build/test'}: every backend${backend ? ` that CTFLOW_BACKEND=${backend} allows` : ''}`,
  );
  const ava = fileURLToPath(new URL('node_modules/ava/entrypoints/cli.mjs', new URL('..', import.meta.url)));
  const child = spawn(process.execPath, [ava, '--tap', ...patterns], {
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

await runCargo();
await runAva();

if (noSkip) for (const title of skipped.splice(0)) fail(`skipped, which CTFLOW_NO_SKIP=1 does not allow: ${title}`);
for (const title of skipped) console.log(`- skipped: ${title}`);
if (total.passed + total.failed === 0) console.log('No test ran.');
console.log(`${total.passed} passed, ${total.failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
