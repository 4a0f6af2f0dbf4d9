import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { buffer } from 'node:stream/consumers';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describeError } from '../src/errors.js';
import { loadBackend } from '../src/load-backend.js';
import { benchCommand, type Flags } from './flags.js';
import type { Answer, Job } from './job.js';
import { KernelNamespace } from './kernel-namespace.js';
import { linearityTables } from './linearity.js';
import { buildCompanion } from './companion.js';
import { checkout, machine } from './machine.js';
import { ResultTable } from './result-table.js';
import { RESULTS_VERSION, writeRun, type BenchmarkRun, type Result } from './results.js';
import type { Subject } from './subject.js';
import { SUBJECTS } from './subjects/index.js';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));

try {
  await bench(benchCommand().parse().opts<Flags>());
} catch (error) {
  process.stderr.write(`bench: ${describeError(error)}\n`);
  process.exitCode = 1;
}

async function bench(flags: Flags): Promise<void> {
  const backends = await available(flags.backend);
  const began = { ...checkout(), date: new Date().toISOString() };
  const results: Result[] = [];
  const table = new ResultTable();
  process.stdout.write(table.header());
  for (const job of jobs(flags, backends)) {
    for (const result of await run(job)) {
      results.push(result);
      process.stdout.write(table.row(result));
    }
  }
  if (flags.sweep) process.stdout.write(linearityTables(results));
  if (flags.out === undefined) return;
  const { out, ...parameters } = flags;
  const whole: BenchmarkRun = {
    version: RESULTS_VERSION,
    ...began,
    machine: machine(),
    parameters: { ...parameters, backend: backends },
    results,
  };
  writeRun(out, whole);
}

function* jobs(flags: Flags, backends: Job['backends']): Generator<Job> {
  const { samples, time, destinations } = flags;
  for (const subject of subjects(flags.only)) {
    for (const family of flags.family) {
      for (const connections of flags.sweep ?? [flags.connections ?? subject.connections]) {
        for (const mtu of subject.packets ? flags.mtu : flags.mtu.slice(0, 1)) {
          const tenth = Math.floor(connections / 10);
          const sizes = { connections, fresh: flags.new ?? tenth, gone: flags.deleted ?? tenth, destinations, mtu };
          yield { subject: subject.name, family, sizes, backends, timing: { samples, seconds: time / 1000 } };
        }
      }
    }
  }
}

/** Those of the subjects that can be measured here; who is left out is named. */
function subjects(only: readonly string[]): Subject[] {
  const wanted = SUBJECTS.filter(({ name }) => only.includes(name));
  const noCompanion = wanted.some(({ companion }) => companion) ? buildCompanion() : undefined;
  const noKernel = wanted.some(({ kernel }) => kernel) ? KernelNamespace.lacks() : undefined;
  return wanted.filter(({ name, companion, kernel }) => {
    const without = (companion && noCompanion) || (kernel && noKernel);
    if (without) process.stderr.write(`bench: ${name} is left out: ${without}\n`);
    return !without;
  });
}

async function run(job: Job): Promise<readonly Result[]> {
  process.stderr.write(`measuring ${job.subject}, ${job.family}, ${job.sizes.connections} connections\n`);
  const subject = SUBJECTS.find(({ name }) => name === job.subject)!;
  const namespace = subject.kernel && (await KernelNamespace.create(job.sizes.connections));
  try {
    return await answerOf(job, (namespace ?? { spawn }).spawn(process.execPath, ['--expose-gc', WORKER]));
  } finally {
    await namespace?.close();
  }
}

async function answerOf(job: Job, child: ChildProcessWithoutNullStreams): Promise<readonly Result[]> {
  child.stderr.pipe(process.stderr, { end: false });
  child.stdin.end(JSON.stringify(job));
  const [answer, [code, signal]] = await Promise.all([buffer(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`${job.subject} ${job.family} failed (${signal ?? `exit ${code}`})`);
  return (JSON.parse(answer.toString()) as Answer).results;
}

/** Those of the backends that can be loaded here; who is left out is named. */
async function available(wanted: Job['backends']): Promise<Job['backends']> {
  const here: (typeof wanted)[number][] = [];
  for (const name of wanted) {
    try {
      await loadBackend(name);
      here.push(name);
    } catch (error) {
      process.stderr.write(`bench: ${name} is left out: ${describeError(error)}\n`);
    }
  }
  if (here.length === 0) throw new Error('no backend is left to measure');
  return here;
}
