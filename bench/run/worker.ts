/**
 * Measures one job, which stands on standard input, in a process of its own: nothing that another subject has compiled,
 * allocated or opened is in its way. Answers on standard output; what it says meanwhile goes to standard error.
 */
import { text } from 'node:stream/consumers';
import { loadBackend } from '../../src/backend/load.js';
import type { Answer, Job } from './job.js';
import { measure } from './measure.js';
import type { Taken, Timing } from './timing.js';
import { measureMemory } from '../memory/measure-memory.js';
import { isFloor, type Result } from '../results/results.js';
import { PEER_SUBJECTS } from '../peers/subjects/index.js';
import type { Case } from '../subject.js';
import { SUBJECTS } from '../subjects/index.js';

console.log = () => {}; // benny says what it begins

const job = JSON.parse(await text(process.stdin)) as Job;
process.stdout.write(JSON.stringify({ results: await run(job) } satisfies Answer));

async function run({ subject: name, family, sizes, backends, peers, timing, memory }: Job): Promise<Result[]> {
  const subject = [...SUBJECTS, ...PEER_SUBJECTS].find(subject => subject.name === name)!;
  const loaded = await Promise.all(backends.map(backend => loadBackend(backend)));
  const cases = await subject.cases({ backends: loaded, ...(peers && { peers }), family, sizes });
  try {
    const taken = memory ? await allocated(cases) : await timed(`${name}, ${family}`, cases, timing);
    return cases.map(({ name: what, backend, parameters, items }, i) => ({
      subject: name,
      case: what,
      backend,
      family,
      parameters,
      items,
      ...taken[i],
    }));
  } finally {
    for (const { close } of cases) await close?.();
  }
}

async function timed(title: string, cases: readonly Case[], timing: Timing): Promise<Taken[]> {
  const taken = await measure(title, cases, timing);
  const peakRss = process.resourceUsage().maxRSS * 1024;
  return taken.map(one => ({ ...one, extra: { ...one.extra, peakRss } }));
}

async function allocated(cases: readonly Case[]): Promise<Pick<Result, 'samples' | 'memory' | 'extra'>[]> {
  const all: Pick<Result, 'samples' | 'memory' | 'extra'>[] = [];
  for (const one of cases) {
    const memory = isFloor(one) ? undefined : await measureMemory(one);
    all.push({ samples: [], extra: {}, ...(memory && { memory }) });
  }
  return all;
}
