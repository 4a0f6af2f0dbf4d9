// What the scripts say, and programs that are run with their progress shown.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
/** Milliseconds until the first sign of life, and between two. */
const FIRST = 2000;
const EVERY = process.stderr.isTTY ? 0 : 10_000;
/** What each program that runs says of itself, where that is shown: all in one line of a terminal. */
const shownNow = new Map();
/** Programs that run; who stops ends them. */
const children = new Set();

export function say(text) {
  process.stderr.write(`ctflow: ${text}\n`);
}

export function stop(text) {
  for (const child of children) child.kill();
  say(text);
  process.exit(1);
}

/**
 * Runs a program. Where it takes longer than two seconds, these and its newest line are shown: on a terminal in one line
 * that is rewritten, elsewhere in a line now and then. Where it fails its last lines are shown.
 * @returns whether it ended with 0, and all lines that it printed
 */
export async function run(title, [program, ...args], tail = 30) {
  const began = Date.now();
  const lines = [];
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  child.on('error', error => lines.push(error.message));
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', line => lines.push(line));
  let shown = 0;
  const show = (end = '') => {
    const seconds = Math.round((Date.now() - began) / 1000);
    const text = `ctflow: ${title}: ${seconds} s  ${end || (lines.at(-1) ?? '').trim()}`;
    shown = Date.now();
    if (!process.stderr.isTTY) return void process.stderr.write(`${text}\n`);
    shownNow.delete(child);
    if (end) process.stderr.write(`\r\x1b[K${text}\n`);
    else shownNow.set(child, text);
    const line = [...shownNow.values()].join(' · ');
    process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns || 80) - 1)}`);
  };
  const progress = setInterval(() => Date.now() - Math.max(shown, began) >= (shown ? EVERY : FIRST) && show(), 200);
  const [code] = await once(child, 'close').catch(() => [1]);
  clearInterval(progress);
  children.delete(child);
  if (shown || code !== 0) show(code === 0 ? 'done' : 'failed');
  if (code !== 0) process.stderr.write(`${lines.slice(-tail).join('\n')}\n`);
  return { ok: code === 0, lines };
}
