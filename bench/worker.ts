/**
 * Measures one job, which stands on standard input, in a process of its own: nothing that another subject has compiled,
 * allocated or opened is in its way. Answers on standard output; what it says meanwhile goes to standard error.
 */
import { text } from 'node:stream/consumers';
import { loadBackend } from '../src/load-backend.js';
import type { Answer, Job } from './job.js';
import { measure } from './measure.js';
import type { Result } from './results.js';
import { SUBJECTS } from './subjects/index.js';

console.log = () => {}; // benny says what it begins

const job = JSON.parse(await text(process.stdin)) as Job;
process.stdout.write(JSON.stringify({ results: await run(job) } satisfies Answer));

async function run({ subject: name, family, sizes, backends, timing }: Job): Promise<Result[]> {
  const subject = SUBJECTS.find(subject => subject.name === name)!;
  const loaded = await Promise.all(backends.map(backend => loadBackend(backend)));
  const cases = await subject.cases({ backends: loaded, family, sizes });
  try {
    const taken = await measure(`${name}, ${family}`, cases, timing);
    return cases.map(({ name: what, backend, parameters, items }, i) => ({
      subject: name,
      case: what,
      backend,
      family,
      parameters,
      items,
      ...taken[i],
      extra: { ...taken[i].extra, peakRss: process.resourceUsage().maxRSS * 1024 },
    }));
  } finally {
    for (const { close } of cases) await close?.();
  }
}
