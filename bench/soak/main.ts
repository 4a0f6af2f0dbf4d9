import { Command } from 'commander';
import { fileURLToPath } from 'node:url';
import { duration, wholeNumber } from '../../src/config/values.js';
import { describeError } from '../../src/common/errors.js';
import { MOST_CONNECTIONS, oneOf } from '../flags.js';
import { benchFlag, parseOrExit } from '../usage.js';
import { buildCompanion } from '../host/companion.js';
import { KernelNamespace } from '../host/kernel-namespace.js';
import { checkout, machine } from '../host/machine.js';
import { writeRun, type Result } from '../results/results.js';
import { askWorker } from '../run/worker-process.js';
import type { SoakJob, SoakKind, SoakOptions, SoakSummary } from './options.js';
import { soakReport } from './report.js';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));

interface Flags extends Omit<SoakOptions, 'fresh'> {
  readonly new: number;
  readonly only?: SoakKind;
  readonly out?: string;
}

try {
  await main(parseOrExit(command()).opts<Flags>());
} catch (error) {
  process.stderr.write(`bench:soak: ${describeError(error)}\n`);
  process.exitCode = 1;
}

function command(): Command {
  return new Command('npm run bench:soak --')
    .description(
      'polls and exports for a long time while connections come and go: made up, and real ones in the kernel',
    )
    .addOption(benchFlag('--initial <n>', 'connections at first', wholeNumber(1, MOST_CONNECTIONS), 30_000))
    .addOption(
      benchFlag('--new <n>', 'connections that begin before each poll', wholeNumber(0, MOST_CONNECTIONS), 10_000),
    )
    .addOption(
      benchFlag('--dying <n>', 'connections that end before each poll', wholeNumber(0, MOST_CONNECTIONS), 5_000),
    )
    .addOption(benchFlag('--interval <duration>', 'time between two polls', duration('100ms', '1h'), 5_000, '5s'))
    .addOption(benchFlag('--duration <duration>', 'in all', duration('100ms', '1d'), 120_000, '2m'))
    .addOption(
      benchFlag('--traffic <share>', 'share of the connections that have had traffic between two polls', share, 0.2),
    )
    .addOption(benchFlag('--backend <name>', 'native or fallback', oneOf(['native', 'fallback']), 'native'))
    .addOption(benchFlag('--family <name>', 'ipv4 or ipv6', oneOf(['ipv4', 'ipv6']), 'ipv4'))
    .addOption(benchFlag('--mtu <bytes>', 'bytes of a packet to the collector at most', wholeNumber(512, 65_535), 1400))
    .addOption(benchFlag('--only <which>', 'one of the two runs: replayed or kernel', oneOf(['replayed', 'kernel'])))
    .option('--out <file>', 'store the figures as JSON');
}

async function main({ new: fresh, only, out, ...rest }: Flags): Promise<void> {
  const options: SoakOptions = { ...rest, fresh };
  const began = { ...checkout(), date: new Date().toISOString() };
  const without = buildCompanion();
  if (without !== undefined) throw new Error(`the collector that counts is missing: ${without}`);
  const summaries: SoakSummary[] = [];
  for (const kind of only ? [only] : (['replayed', 'kernel'] as const)) {
    const lacks = kind === 'kernel' ? KernelNamespace.lacks() : undefined;
    if (lacks !== undefined) {
      process.stderr.write(`bench:soak: the run on the kernel is left out: ${lacks}\n`);
      continue;
    }
    process.stderr.write(`${kind}: ${options.duration / 1000} seconds\n`);
    const connections = options.initial + fresh * Math.ceil(options.duration / options.interval);
    const job: SoakJob = { kind, options };
    summaries.push(await askWorker<SoakSummary>(WORKER, job, kind === 'kernel' ? { connections } : {}));
  }
  process.stdout.write(soakReport(summaries));
  if (out !== undefined) {
    const results = summaries.map(summary => resultOf(summary, options));
    writeRun(out, { ...began, machine: machine(), parameters: { ...options }, results });
  }
  const lossy = summaries.find(({ sent, received }) => received < sent);
  if (lossy) throw new Error(`${lossy.kind}: ${lossy.received} of ${lossy.sent} records arrived`);
}

/** As one operation of the benchmarks. */
function resultOf(summary: SoakSummary, { backend, family, ...parameters }: SoakOptions): Result {
  const { kind, sent, wall, cpu, course, rawDumps, ...facts } = summary;
  return {
    subject: 'soak',
    case: kind,
    backend,
    family,
    parameters,
    items: sent,
    samples: [wall],
    cpu: [cpu],
    extra: {
      sent,
      ...facts,
      ...(rawDumps && { rawDumps: rawDumps.dumps, rawDumpCpu: rawDumps.cpu }),
      // the curve of memory, for charts
      courseConnections: course.map(([connections]) => connections).join(' '),
      courseRss: course.map(([, rss]) => rss).join(' '),
    },
  };
}

function share(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw new Error(`'${text}' is out of range. Write a share from 0 to 1`);
  return value;
}
