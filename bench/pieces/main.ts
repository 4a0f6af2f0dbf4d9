import { Command } from 'commander';
import { fileURLToPath } from 'node:url';
import { duration, wholeNumber } from '../../src/config/values.js';
import { describeError } from '../../src/common/errors.js';
import { MOST_CONNECTIONS } from '../flags.js';
import { buildCompanion } from '../host/companion.js';
import { askWorker } from '../run/worker-process.js';
import { benchFlag, parseOrExit } from '../usage.js';
import type { PiecesJob, PiecesResult } from './job.js';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));

try {
  await main(parseOrExit(command()).opts<PiecesJob>());
} catch (error) {
  process.stderr.write(`bench:pieces: ${describeError(error)}\n`);
  process.exitCode = 1;
}

function command(): Command {
  const count = wholeNumber(1, MOST_CONNECTIONS);
  return new Command('npm run bench:pieces --')
    .description(
      'whether dumps of a table that changes meanwhile miss connections or show them twice: read at once, and in pieces with pauses',
    )
    .addOption(benchFlag('--connections <n>', 'connections in the table', count, 100_000))
    .addOption(benchFlag('--churn <n>', 'connections a second that come, and as many that go', count, 10_000))
    .addOption(benchFlag('--duration <time>', 'over which a dump is spread', duration('100ms', '1m'), 5_000, '5s'))
    .addOption(benchFlag('--dumps <n>', 'dumps in pieces; twenty times as many at once', wholeNumber(1, 1000), 5));
}

async function main(job: PiecesJob): Promise<void> {
  const without = buildCompanion();
  if (without !== undefined) throw new Error(`the program that makes flows is missing: ${without}`);
  // they may come while others wait for their turn to go
  const connections = job.connections * 2;
  const atOnce = { ...job, duration: 0, dumps: job.dumps * 20 };
  const results: [string, PiecesResult][] = [];
  for (const [name, one] of [['at once', atOnce] as const, [`in ${job.duration / 1000} s`, job] as const]) {
    results.push([name, await askWorker<PiecesResult>(WORKER, one, { connections })]);
  }
  process.stdout.write(`${lines(results).join('\n')}\n`);
  const lost = results.find(([, { missed }]) => missed > 0);
  if (lost) throw new Error(`dumps ${lost[0]} have missed ${lost[1].missed} connections that lasted`);
}

function lines(results: readonly (readonly [string, PiecesResult])[]): string[] {
  const share = (part: number, whole: number): string =>
    whole === 0 ? 'none' : `${((part / whole) * 100).toFixed(0)} % of ${whole}`;
  return results.map(([name, { seconds, lasting, missed, doubled, came, cameShown, went, wentShown }]) => {
    const changed = `began meanwhile: ${share(cameShown, came)} shown; ended meanwhile: ${share(wentShown, went)} shown`;
    return `${name}: ${seconds.toFixed(1)} s, ${lasting} lasting, ${missed} missed, ${doubled} shown twice; ${changed}`;
  });
}
