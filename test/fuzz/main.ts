// npm run fuzz -- TARGET [--time 1h] [--runs 10000000] [--seed N]
import { readFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Progress } from './fuzzer.js';
import { LARGEST_INPUT, TARGETS } from './target.js';

export interface Work {
  readonly name: string;
  readonly seed: number;
  readonly runs: number;
  /** Milliseconds since 1970. */
  readonly deadline: number;
  /** Where the corpus is, and what is found. */
  readonly folder: string;
  readonly shared: SharedArrayBuffer;
}

export type FromWorker = { progress: Progress } | { done: true } | { input: Uint8Array; error: string };

/** Whoever takes so long for one input stands still. */
const HANG_MS = 30_000;
/** MiB of the heap of the thread that runs inputs of some KiB. */
const HEAP = 1024;
const FOLDER = fileURLToPath(new URL('../../../build/fuzz', import.meta.url));
const USAGE = `Usage: npm run fuzz -- TARGET [--time TIME] [--runs N] [--seed N]
       npm run fuzz -- TARGET FILE...      runs these inputs, such as one that was found

Targets: ${TARGETS.join(', ')}

Changes inputs at random and keeps those that reach new code, until the time (60s where nothing is given) or the number of
inputs is over, or something is found: an error that the code does not allow, a hang of ${HANG_MS / 1000} s, or more than ${HEAP} MiB.
Keeps the inputs in build/fuzz/TARGET/corpus and goes on with them the next time. What is found is in
build/fuzz/TARGET/found; it becomes a test.`;

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

function usage(): never {
  console.error(USAGE);
  process.exit(2);
}

function milliseconds(text: string): number {
  const match = /^(\d+)([smh])$/.exec(text);
  return match === null ? usage() : Number(match[1]) * UNITS[match[2]];
}

function wholeNumber(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : usage();
}

const { values, positionals } = (() => {
  const options = { time: { type: 'string' }, runs: { type: 'string' }, seed: { type: 'string' } } as const;
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch {
    return usage();
  }
})();
const [name, ...files] = positionals;
if (!(TARGETS as readonly string[]).includes(name)) usage();
if (files.length > 0) {
  const { loadTarget } = await import('./target.js');
  const target = await loadTarget(name);
  for (const file of files) await target.run(readFileSync(file));
  console.log(`${files.length} inputs, nothing found`);
} else {
  process.exitCode = await fuzz();
}

async function fuzz(): Promise<number> {
  const limit = values.time ?? (values.runs === undefined ? '60s' : '8760h');
  const folder = join(FOLDER, name);
  const shared = new SharedArrayBuffer(8 + LARGEST_INPUT);
  const work: Work = {
    name,
    seed: values.seed === undefined ? Date.now() : wholeNumber(values.seed),
    runs: values.runs === undefined ? Infinity : wholeNumber(values.runs),
    deadline: Date.now() + milliseconds(limit),
    folder,
    shared,
  };
  console.log(`${name}: seed ${work.seed}`);
  const resourceLimits = { maxOldGenerationSizeMb: HEAP };
  const worker = new Worker(new URL('worker.js', import.meta.url), { workerData: work, resourceLimits });
  let last: Progress = { runs: 0, lastNew: 0, corpus: 0, coverage: 0 };
  let said = 0;
  const found = await new Promise<{ input: Uint8Array; error: string } | undefined>(resolve => {
    const current = (error: string): void => resolve({ input: currentInput(shared), error });
    worker.on('message', (message: FromWorker) => {
      if ('done' in message) resolve(undefined);
      else if ('input' in message) resolve(message);
      else {
        last = message.progress;
        if (Date.now() - said > 10_000) console.log(describe(last));
        if (Date.now() - said > 10_000) said = Date.now();
      }
    });
    worker.on('error', error => current(String(error)));
    watch(shared, () => current(`no end within ${HANG_MS / 1000} s`));
  });
  await worker.terminate();
  console.log(describe(last));
  if (found === undefined) {
    console.log(`${name}: nothing found`);
    return 0;
  }
  const place = join(folder, 'found');
  mkdirSync(place, { recursive: true });
  const file = join(place, `${Date.now()}`);
  writeFileSync(file, found.input);
  console.log(`${name}: found ${file}\n${found.error}`);
  return 1;
}

function describe({ runs, lastNew, corpus, coverage }: Progress): string {
  const share = runs === 0 ? 0 : Math.round((lastNew / runs) * 1000) / 10;
  return `${name}: ${runs} inputs, ${corpus} kept, ${coverage} characters of source reached, the last new at input ${lastNew} (${share} %)`;
}

function currentInput(shared: SharedArrayBuffer): Uint8Array {
  const [, length] = new Uint32Array(shared, 0, 2);
  return new Uint8Array(shared, 8).slice(0, length);
}

/** Calls back once no further input was begun in time. */
function watch(shared: SharedArrayBuffer, onHang: () => void): void {
  const numbers = new Uint32Array(shared, 0, 2);
  let before = -1;
  const timer = setInterval(() => {
    // nothing has begun yet: modules are loaded
    if (numbers[0] > 0 && numbers[0] === before) onHang();
    before = numbers[0];
  }, HANG_MS);
  timer.unref();
}
