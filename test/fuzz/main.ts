// npm run fuzz -- TARGET [--time 1h] [--runs 10000000] [--seed N]
import { readFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Progress } from './fuzzer.js';
import { fuzzRust, RUST_TARGETS, runRust, type RustTarget } from './rust.js';
import { LARGEST_INPUT, TARGETS, type Limits } from './target.js';

export interface Work {
  readonly name: string;
  readonly seed: number;
  readonly runs: number;
  /** Milliseconds that it may run. */
  readonly time: number;
  /** Where the corpus is, and what is found. */
  readonly folder: string;
  readonly shared: SharedArrayBuffer;
}

export type FromWorker = { progress: Progress } | { done: true } | { input: Uint8Array; error: string };

const HANG_SECONDS = 30;
/** MiB of whoever runs inputs of some KiB: of the thread's heap, of the process in Rust. */
const MEMORY = 1024;
const FOLDER = fileURLToPath(new URL('../../../build/fuzz', import.meta.url));
const USAGE = `Usage: npm run fuzz -- TARGET [--time TIME] [--runs N] [--seed N]
       npm run fuzz -- TARGET FILE...      runs these inputs, such as one that was found

Targets: ${TARGETS.join(', ')}
In Rust: ${RUST_TARGETS.join(', ')}

Changes inputs at random and keeps those that reach new code, until the time (60s where nothing is given) or the number of
inputs is over, or something is found: an error that the code does not allow, a hang of ${HANG_SECONDS} s, or more than ${MEMORY} MiB.
Keeps the inputs in build/fuzz/TARGET/corpus and goes on with them the next time. What is found is in
build/fuzz/TARGET/found; it becomes a test.`;

/** In seconds. */
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

function usage(): never {
  console.error(USAGE);
  process.exit(2);
}

function seconds(text: string): number {
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
const inRust = (RUST_TARGETS as readonly string[]).includes(name);
if (!inRust && !(TARGETS as readonly string[]).includes(name)) usage();
const folder = join(FOLDER, name);
process.exitCode = await (files.length > 0 ? runFiles() : fuzz());

async function runFiles(): Promise<number> {
  if (inRust) return runRust(name as RustTarget, files) ? 0 : 1;
  const { loadTarget } = await import('./target.js');
  const target = await loadTarget(name);
  for (const file of files) await target.run(readFileSync(file));
  console.log(`${files.length} inputs, nothing found`);
  return 0;
}

async function fuzz(): Promise<number> {
  const limits: Limits = {
    seed: values.seed === undefined ? Date.now() : wholeNumber(values.seed),
    runs: values.runs === undefined ? Infinity : wholeNumber(values.runs),
    seconds: seconds(values.time ?? (values.runs === undefined ? '60s' : '8760h')),
    hangSeconds: HANG_SECONDS,
    memory: MEMORY,
  };
  console.log(`${name}: seed ${limits.seed}`);
  let last: Progress = { runs: 0, lastNew: 0, corpus: 0, coverage: 0 };
  let said = 0;
  const onProgress = (progress: Progress): void => {
    last = progress;
    if (Date.now() - said < 10_000) return;
    said = Date.now();
    console.log(describe(last));
  };
  const found = inRust
    ? await fuzzRust(name as RustTarget, folder, limits, onProgress)
    : await fuzzHere(limits, onProgress);
  console.log(describe(last));
  console.log(found ? `${name}: found ${found.file ?? ''}\n${found.error}` : `${name}: nothing found`);
  return found ? 1 : 0;
}

/** Runs a target of TypeScript in a thread. */
async function fuzzHere(
  { seed, runs, seconds }: Limits,
  onProgress: (progress: Progress) => void,
): Promise<{ file: string; error: string } | undefined> {
  const shared = new SharedArrayBuffer(8 + LARGEST_INPUT);
  const work: Work = { name, seed, runs, time: seconds * 1000, folder, shared };
  const resourceLimits = { maxOldGenerationSizeMb: MEMORY };
  const worker = new Worker(new URL('worker.js', import.meta.url), { workerData: work, resourceLimits });
  const found = await new Promise<{ input: Uint8Array; error: string } | undefined>(resolve => {
    const current = (error: string): void => resolve({ input: currentInput(shared), error });
    worker.on('message', (message: FromWorker) => {
      if ('done' in message) resolve(undefined);
      else if ('input' in message) resolve(message);
      else onProgress(message.progress);
    });
    worker.on('error', error => current(String(error)));
    watch(shared, () => current(`no end within ${HANG_SECONDS} s`));
  });
  await worker.terminate();
  if (found === undefined) return undefined;
  const place = join(folder, 'found');
  mkdirSync(place, { recursive: true });
  const file = join(place, `${Date.now()}`);
  writeFileSync(file, found.input);
  return { file, error: found.error };
}

function describe({ runs, lastNew, corpus, coverage }: Progress): string {
  const share = runs === 0 ? 0 : Math.round((lastNew / runs) * 1000) / 10;
  return `${name}: ${runs} inputs, ${corpus} kept, ${coverage} ${inRust ? 'branches' : 'characters of source'} reached, the last new at input ${lastNew} (${share} %)`;
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
  }, HANG_SECONDS * 1000);
  timer.unref();
}
