import { fileURLToPath } from 'node:url';
import type { Answer, Job } from './job.js';
import { buildCountingModule } from '../memory/counting-module.js';
import { MEMORY_FLAGS } from '../memory/measure-memory.js';
import { ResultTable } from '../results/result-table.js';
import type { Result } from '../results/results.js';
import type { Subject } from '../subject.js';
import { askWorker, type WorkerOptions } from './worker-process.js';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));

/** Measures one job after another, and prints each result as soon as it is there. */
export async function measureAll(jobs: Iterable<Job>, subjects: readonly Subject[]): Promise<Result[]> {
  const results: Result[] = [];
  const table = new ResultTable();
  process.stdout.write(table.header());
  for (const job of jobs) {
    const subject = subjects.find(({ name }) => name === job.subject)!;
    const timed = await measureTime(job, subject);
    for (const result of job.memory ? await addMemory(job, subject, timed) : timed) {
      results.push(result);
      process.stdout.write(table.row(result));
    }
  }
  return results;
}

/** Measures a job in a process of its own, in a network namespace of its own where the subject wants the kernel. */
function measureTime(job: Job, subject: Subject): Promise<readonly Result[]> {
  return answerOf({ ...job, memory: false }, subject, { flags: ['--expose-gc'] });
}

/** Adds what an operation allocates, measured in other processes, one for each backend, to the results of the same job. */
async function addMemory(job: Job, subject: Subject, results: readonly Result[]): Promise<Result[]> {
  const measured: Result[] = [];
  // code that exists once is measured once
  const [first, ...others] = job.backends;
  for (const backend of [first, ...others.filter(name => results.some(result => result.backend === name))]) {
    const module = backend === 'native' ? buildCountingModule() : { env: {} };
    if (typeof module === 'string') process.stderr.write(`bench: memory of native is left out: ${module}\n`);
    else
      measured.push(
        ...(await answerOf({ ...job, backends: [backend], memory: true }, subject, { flags: MEMORY_FLAGS, ...module })),
      );
  }
  return results.map(result => {
    const same = measured.find(({ case: what, backend }) => what === result.case && backend === result.backend);
    return same?.memory ? { ...result, memory: same.memory } : result;
  });
}

async function answerOf(job: Job, subject: Subject, options: WorkerOptions): Promise<readonly Result[]> {
  const { subject: name, family, sizes, memory, backends } = job;
  const what = memory ? `memory of ${backends.join(', ')}` : 'time';
  process.stderr.write(`${name}, ${family}, ${sizes.connections} connections: ${what}\n`);
  const kernel = subject.kernel && { connections: sizes.connections };
  return (await askWorker<Answer>(WORKER, job, { ...options, ...kernel })).results;
}
