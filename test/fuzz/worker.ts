// Runs one target in a thread of its own, so that main.ts can look after it; see there.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import { Fuzzer } from './fuzzer.js';
import { loadTarget } from './target.js';
import type { FromWorker, Work } from './main.js';

const { name, seed, runs, time, folder, shared } = workerData as Work;
/** Milliseconds. */
const LONGEST_BATCH = 30_000;
const corpusFolder = join(folder, 'corpus');
/** Inputs run, octets of the last one, and the input itself. */
const numbers = new Uint32Array(shared, 0, 2);
const octets = new Uint8Array(shared, numbers.byteLength);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
const say = (message: FromWorker): void => parentPort!.postMessage(message);

mkdirSync(corpusFolder, { recursive: true });
const corpus = readdirSync(corpusFolder).map(file => readFileSync(join(corpusFolder, file)));
const fuzzer = new Fuzzer(await loadTarget(name), {
  seed,
  corpus,
  onInput: input => {
    octets.set(input);
    numbers[1] = input.length;
    numbers[0]++;
  },
  onNew: input => writeFileSync(join(corpusFolder, nameOf(input)), input),
});
let said = 0;
let spent = 0;
let before = performance.now();
const finding = await fuzzer.run(progress => {
  const now = performance.now();
  // no batch takes longer: the process was stopped (SIGSTOP)
  spent += Math.min(now - before, LONGEST_BATCH);
  before = now;
  if (now - said > 1000) {
    said = now;
    say({ progress });
  }
  return progress.runs >= runs || spent >= time;
});
say({ progress: fuzzer.progress });
say(finding === undefined ? { done: true } : { input: finding.input, error: inspect(finding.error) });

/** The same input has the same name (FNV-1a, 32 bits, and its length). */
function nameOf(input: Uint8Array): string {
  let hash = 0x811c_9dc5;
  for (const octet of input) hash = Math.imul(hash ^ octet, 0x0100_0193) >>> 0;
  return `${hash.toString(16).padStart(8, '0')}-${input.length}`;
}
