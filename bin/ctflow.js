#!/usr/bin/env node
// Before anything is imported: no signal may do harm, from the first moment. Without a listener, Node answers SIGUSR1
// with a debugger, which whoever reaches its port can use to run anything. These listeners are never removed.
// SIGXFSZ: without it, a write beyond the limit fails with EFBIG.
const harmless = 'SIGUSR1 SIGUSR2 SIGALRM SIGVTALRM SIGIO SIGPWR SIGSTKFLT SIGXCPU SIGXFSZ'.split(' ');
// to commands that run until they are stopped, a hang-up means to reload
if (['run', 'collect'].includes(process.argv[2])) harmless.push('SIGHUP');
for (const name of harmless) {
  try {
    process.on(name, () => {});
  } catch {
    // not a signal of this system
  }
}

// Where they are no terminals, Node would make process.stdout and stderr non-blocking, for everybody who shares them; some
// of its own modules look at them. main.js has others.
const streams = ['stdout', 'stderr'].map(name => [name, Object.getOwnPropertyDescriptor(process, name)]);
for (const [name] of streams) Object.defineProperty(process, name, { configurable: true, value: { isTTY: false } });
const { isatty } = await import('tty');
for (const [i, [name, original]] of streams.entries())
  if (isatty(i + 1)) Object.defineProperty(process, name, original);

const { default: inspector } = await import('inspector');
if (![...process.execArgv, process.env.NODE_OPTIONS ?? ''].some(text => text.includes('--inspect'))) {
  // Node holds a SIGUSR1 back that comes while it starts itself, and a thread of it opens the debugger when it is ready: soon,
  // but on a busy machine nobody knows when
  const soon = performance.now() + 200;
  const close = () => {
    if (inspector.url() !== undefined) inspector.close();
    setTimeout(close, performance.now() < soon ? 2 : 500).unref();
  };
  close();
}

const { unsupportedNode } = await import('./node-version.js');
const { existsSync, readFileSync, writeSync } = await import('fs');
const main = new URL('../dist/cli/main.js', import.meta.url);
const wrong =
  unsupportedNode(process.versions.node) ||
  tooFewFiles() ||
  (existsSync(main) ? undefined : 'ctflow is not built yet; run npm run build');
if (wrong === undefined) {
  const { main: run } = await import(main.href);
  process.exitCode = await run(process.argv.slice(2));
} else {
  writeSync(2, `ctflow: ${wrong}\n`);
  process.exitCode = 1;
}

/** Node opens many modules at once. It has raised the limit as far as it may. */
function tooFewFiles() {
  const NEEDED = 128;
  let limit;
  try {
    limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  } catch (error) {
    if (error.code === 'EMFILE') limit = '0';
  }
  if (limit === undefined || Number(limit) >= NEEDED) return undefined;
  return `CTFLOW_LIMIT: ${limit} open files are too few. Allow ${NEEDED} at least (ulimit -Hn)`;
}
