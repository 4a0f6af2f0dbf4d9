/** Profiles the cases of one job in a process of its own; answers with the files that it has written. */
import { encode, heap, time } from '@datadog/pprof';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { loadBackend } from '../../src/backend/load.js';
import type { Job } from '../run/job.js';
import type { Case } from '../subject.js';
import { SUBJECTS } from '../subjects/index.js';
import { callTree, without, type Profile } from './call-tree.js';
import { flameGraph } from './flame-graph.js';

const CPU_INTERVAL_US = 500;
/** Bytes between two samples of the heap, on average. */
const HEAP_INTERVAL = 16 << 10;
const STACK_DEPTH = 128;
const WARM_UPS = 5;
/** Also where the process was held up for all the time that it had. */
const LEAST_OPERATIONS = 20;
/** What is not the operation: set-up between operations, and what the collector has counted. */
const NOT_MEASURED = new Set(['prepare', 'check', 'arrived', 'ask']);

export interface ProfileJob extends Job {
  readonly folder: string;
}

const job = JSON.parse(await text(process.stdin)) as ProfileJob;
process.stdout.write(JSON.stringify(await run(job)));

async function run({ subject: name, family, sizes, backends, timing, folder }: ProfileJob): Promise<string[]> {
  const subject = SUBJECTS.find(subject => subject.name === name)!;
  const loaded = await Promise.all(backends.map(backend => loadBackend(backend)));
  const cases = await subject.cases({ backends: loaded, family, sizes });
  mkdirSync(folder, { recursive: true });
  const files: string[] = [];
  for (const one of cases) {
    if (one.backend === 'kernel') continue; // another process
    const title = [name, one.name, one.backend, family].join('-').replaceAll(' ', '-');
    const { cpu, space } = await profile(one, timing.seconds);
    files.push(...(await write(join(folder, `${title}.cpu`), cpu, 'wall', 'ns')));
    files.push(...(await write(join(folder, `${title}.heap`), space, 'inuse_space', 'bytes')));
  }
  for (const { close } of cases) await close?.();
  return files;
}

/** Repeats the operation for so many seconds at least, first under the one profiler, then under the other. */
async function profile(one: Case, seconds: number): Promise<{ cpu: Profile; space: Profile }> {
  for (let i = 0; i < WARM_UPS; i++) await once(one);
  time.start({ intervalMicros: CPU_INTERVAL_US });
  await repeat(one, seconds);
  const cpu = time.stop();
  heap.start(HEAP_INTERVAL, STACK_DEPTH);
  await repeat(one, seconds);
  const space = heap.profile();
  heap.stop();
  for (const profile of [cpu, space]) without(profile, NOT_MEASURED);
  return { cpu, space };
}

async function repeat(one: Case, seconds: number): Promise<void> {
  const end = process.hrtime.bigint() + BigInt(Math.ceil(seconds * 1e9));
  for (let i = 0; i < LEAST_OPERATIONS || process.hrtime.bigint() < end; i++) await once(one);
}

async function once(one: Case): Promise<void> {
  await one.prepare?.();
  await one.operation();
  await one.check?.();
}

async function write(path: string, profile: Profile, kind: string, unit: string): Promise<string[]> {
  const files = [`${path}.pb.gz`, `${path}.html`];
  writeFileSync(files[0], await encode(profile));
  writeFileSync(files[1], flameGraph(path.split('/').at(-1)!, unit, callTree(profile, kind)));
  return files;
}
