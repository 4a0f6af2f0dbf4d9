import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeError } from '../../src/common/errors.js';
import { scopeCommand, type ScopeFlags } from '../flags.js';
import { availableBackends, jobs } from '../run/jobs.js';
import { parseOrExit } from '../usage.js';
import { SUBJECTS } from '../subjects/index.js';
import { askWorker } from '../run/worker-process.js';
import type { ProfileJob } from './worker.js';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));

interface ProfileFlags extends ScopeFlags {
  readonly folder: string;
}

try {
  const what = 'profiles of the CPU and of the heap in the format of pprof, and flame graphs of them';
  const command = scopeCommand('bench:profile', what, [1400]);
  command.option('--folder <folder>', 'where they go', 'bench-profiles');
  await main(parseOrExit(command).opts<ProfileFlags>());
} catch (error) {
  process.stderr.write(`bench:profile: ${describeError(error)}\n`);
  process.exitCode = 1;
}

async function main(flags: ProfileFlags): Promise<void> {
  const backends = await availableBackends(flags.backend);
  for (const job of jobs(flags, backends)) {
    process.stderr.write(`profiles of ${job.subject}, ${job.family}\n`);
    const { kernel } = SUBJECTS.find(({ name }) => name === job.subject)!;
    const profiled: ProfileJob = { ...job, folder: resolve(flags.folder) };
    const options = kernel ? { connections: job.sizes.connections } : {};
    for (const file of await askWorker<string[]>(WORKER, profiled, options)) process.stdout.write(`${file}\n`);
  }
}
