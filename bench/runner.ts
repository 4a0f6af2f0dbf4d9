import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Answer, Job } from './job.js';
import { KernelNamespace } from './kernel-namespace.js';
import { buildCountingModule } from './memory/counting-module.js';
import { MEMORY_FLAGS } from './memory/measure-memory.js';
import type { Result } from './results.js';
import type { Subject } from './subject.js';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));

/** Measures a job in a process of its own, in a network namespace of its own where the subject wants the kernel. */
export function measureTime(job: Job, subject: Subject): Promise<readonly Result[]> {
  return answerOf({ ...job, memory: false }, subject, ['--expose-gc'], {});
}

/** Adds what an operation allocates, measured in other processes, one for each backend, to the results of the same job. */
export async function addMemory(job: Job, subject: Subject, results: readonly Result[]): Promise<Result[]> {
  const measured: Result[] = [];
  for (const backend of job.backends) {
    const module = backend === 'native' ? buildCountingModule() : { env: {} };
    if (typeof module === 'string') process.stderr.write(`bench: memory of native is left out: ${module}\n`);
    else
      measured.push(
        ...(await answerOf({ ...job, backends: [backend], memory: true }, subject, MEMORY_FLAGS, module.env)),
      );
  }
  return results.map(result => {
    const same = measured.find(({ case: what, backend }) => what === result.case && backend === result.backend);
    return same?.memory ? { ...result, memory: same.memory } : result;
  });
}

async function answerOf(
  job: Job,
  subject: Subject,
  flags: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<readonly Result[]> {
  const { subject: name, family, sizes, memory, backends } = job;
  const what = memory ? `memory of ${backends.join(', ')}` : 'time';
  process.stderr.write(`${name}, ${family}, ${sizes.connections} connections: ${what}\n`);
  if (!subject.kernel)
    return read(job, spawn(process.execPath, [...flags, WORKER], { env: { ...process.env, ...env } }));
  const namespace = await KernelNamespace.create(sizes.connections);
  try {
    return await read(job, namespace.spawn(process.execPath, [...flags, WORKER], env));
  } finally {
    await namespace.close();
  }
}

async function read(job: Job, child: ChildProcessWithoutNullStreams): Promise<readonly Result[]> {
  child.stderr.pipe(process.stderr, { end: false });
  child.stdin.end(JSON.stringify(job));
  const [answer, [code, signal]] = await Promise.all([buffer(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`${job.subject}, ${job.family} failed (${signal ?? `exit ${code}`})`);
  return (JSON.parse(answer.toString()) as Answer).results;
}
