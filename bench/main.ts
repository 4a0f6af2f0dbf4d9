import { describeError } from '../src/common/errors.js';
import { benchCommand, type Flags } from './flags.js';
import { availableBackends, jobs } from './run/jobs.js';
import { linearityTables } from './results/linearity.js';
import { checkout, machine } from './host/machine.js';
import { ResultTable } from './results/result-table.js';
import { RESULTS_VERSION, writeRun, type Result } from './results/results.js';
import { addMemory, measureTime } from './run/runner.js';
import { SUBJECTS } from './subjects/index.js';

try {
  await bench(benchCommand().parse().opts<Flags>());
} catch (error) {
  process.stderr.write(`bench: ${describeError(error)}\n`);
  process.exitCode = 1;
}

async function bench(flags: Flags): Promise<void> {
  const backends = await availableBackends(flags.backend);
  const began = { ...checkout(), date: new Date().toISOString() };
  const results: Result[] = [];
  const table = new ResultTable();
  process.stdout.write(table.header());
  for (const job of jobs(flags, backends)) {
    const subject = SUBJECTS.find(({ name }) => name === job.subject)!;
    const timed = await measureTime(job, subject);
    for (const result of job.memory ? await addMemory(job, subject, timed) : timed) {
      results.push(result);
      process.stdout.write(table.row(result));
    }
  }
  process.stdout.write(linearityTables(results));
  if (flags.out === undefined) return;
  const { out, ...parameters } = flags;
  const whole = { ...began, machine: machine(), parameters: { ...parameters, backend: backends }, results };
  writeRun(out, { version: RESULTS_VERSION, ...whole });
}
