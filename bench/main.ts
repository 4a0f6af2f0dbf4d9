import { describeError } from '../src/common/errors.js';
import { benchCommand, type Flags } from './flags.js';
import { availableBackends, jobs } from './run/jobs.js';
import { linearityTables } from './results/linearity.js';
import { checkout, machine } from './host/machine.js';
import { writeRun } from './results/results.js';
import { measureAll } from './run/runner.js';
import { parseOrExit } from './usage.js';
import { SUBJECTS } from './subjects/index.js';

try {
  await bench(parseOrExit(benchCommand()).opts<Flags>());
} catch (error) {
  process.stderr.write(`bench: ${describeError(error)}\n`);
  process.exitCode = 1;
}

async function bench(flags: Flags): Promise<void> {
  const backends = await availableBackends(flags.backend);
  const began = { ...checkout(), date: new Date().toISOString() };
  const results = await measureAll(jobs(flags, backends), SUBJECTS);
  process.stdout.write(linearityTables(results));
  if (flags.out === undefined) return;
  const { out, ...parameters } = flags;
  writeRun(out, { ...began, machine: machine(), parameters: { ...parameters, backend: backends }, results });
}
