/** Profiles the cases of one job in a process of its own; answers with the files that it has written. */
import { encode } from '@datadog/pprof';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { loadBackend } from '../../src/backend/load.js';
import { isFloor } from '../results/results.js';
import type { Job } from '../run/job.js';
import { SUBJECTS } from '../subjects/index.js';
import { callTree, type Profile } from './call-tree.js';
import { flameGraph } from './flame-graph.js';
import { partsOf, partTable } from './parts.js';
import { profileCase } from './profile-case.js';

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
    if (isFloor(one)) continue;
    const { cpu, space, operations, total } = await profileCase(one, timing.seconds);
    const title = [name, one.name, one.backend, family].join('-').replaceAll(' ', '-');
    const path = join(folder, title);
    files.push(...(await write(`${path}.cpu`, cpu, 'cpu', 'ns')));
    files.push(...(await write(`${path}.heap`, space, 'inuse_space', 'bytes')));
    files.push(`${path}.cpu.md`);
    writeFileSync(files.at(-1)!, partTable(partsOf(cpu), total, operations * one.items));
  }
  for (const { close } of cases) await close?.();
  return files;
}

async function write(path: string, profile: Profile, kind: string, unit: string): Promise<string[]> {
  const files = [`${path}.pb.gz`, `${path}.html`];
  writeFileSync(files[0], await encode(profile));
  writeFileSync(files[1], flameGraph(path.split('/').at(-1)!, unit, callTree(profile, kind)));
  return files;
}
