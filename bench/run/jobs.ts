import { describeError } from '../../src/common/errors.js';
import { loadBackend } from '../../src/backend/load.js';
import { buildCompanion } from '../host/companion.js';
import type { Flags, ScopeFlags } from '../flags.js';
import type { Job } from './job.js';
import { KernelNamespace } from '../host/kernel-namespace.js';
import { SUBJECTS } from '../subjects/index.js';
import type { Subject } from '../subject.js';

/** Everything that the command line asks for and this machine can do, in the order of the data path. */
export function* jobs(flags: ScopeFlags & Partial<Flags>, backends: Job['backends']): Generator<Job> {
  const { samples = 1, time, destinations, memory = false } = flags;
  for (const subject of availableSubjects(
    SUBJECTS.filter(({ name }) => flags.only.includes(name)),
    'bench',
  )) {
    for (const family of flags.family) {
      for (const connections of flags.sweep ?? [flags.connections ?? subject.connections].flat()) {
        for (const mtu of subject.packets ? flags.mtu : flags.mtu.slice(0, 1)) {
          const tenth = Math.floor(connections / 10);
          const sizes = { connections, fresh: flags.new ?? tenth, gone: flags.deleted ?? tenth, destinations, mtu };
          const { name, samples: few } = subject;
          const timing =
            few === undefined ? { samples, seconds: time / 1000 } : { samples: few, warmUps: 0, seconds: 0 };
          yield { subject: name, family, sizes, backends, timing, memory: memory && few === undefined };
        }
      }
    }
  }
}

/** Those of the subjects that can be measured here; who is left out is named. */
export function availableSubjects(wanted: readonly Subject[], command: string): Subject[] {
  const noCompanion = wanted.some(({ companion, floor }) => companion || floor) ? buildCompanion() : undefined;
  const noKernel = wanted.some(({ kernel }) => kernel) ? KernelNamespace.lacks() : undefined;
  return wanted.filter(({ name, companion, kernel, floor }) => {
    const without = (companion && noCompanion) || (kernel && noKernel);
    if (floor && noCompanion) process.stderr.write(`${command}: the floor of ${name} is left out: ${noCompanion}\n`);
    if (without) process.stderr.write(`${command}: ${name} is left out: ${without}\n`);
    return !without;
  });
}

/** Those of the backends that can be loaded here; who is left out is named. */
export async function availableBackends(wanted: Job['backends']): Promise<Job['backends']> {
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
