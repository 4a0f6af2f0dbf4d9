import { Command } from 'commander';
import { duration, wholeNumber } from '../../src/config/values.js';
import { describeError } from '../../src/common/errors.js';
import { list, MOST_CONNECTIONS, oneOf, words } from '../flags.js';
import { benchFlag, parseOrExit } from '../usage.js';
import type { Job } from '../run/job.js';
import { availableSubjects } from '../run/jobs.js';
import { checkout, machine } from '../host/machine.js';
import { type MeasuredFamily, writeRun } from '../results/results.js';
import { measureAll } from '../run/runner.js';
import { availablePeers, PEERS } from './peers.js';
import { ratioTable } from './ratios.js';
import { PEER_SUBJECTS } from './subjects/index.js';

interface Flags {
  readonly only: readonly string[];
  readonly subject: readonly string[];
  readonly family: readonly MeasuredFamily[];
  readonly connections?: number;
  readonly mtu: readonly number[];
  readonly samples: number;
  /** Milliseconds. */
  readonly time: number;
  readonly out?: string;
}

const NAMES = PEERS.map(({ name }) => name);
const SUBJECTS = PEER_SUBJECTS.map(({ name }) => name);

const lines = (entries: readonly { readonly name: string; readonly summary: string }[]): string =>
  entries.map(({ name, summary }) => `  ${name.padEnd(14)}${summary}`).join('\n');

const command = new Command('npm run bench:peers --')
  .description('measures ctflow (native) and other programs on the same table and the same records, in turn')
  .addOption(list('--only <peers>', 'which peers', words(oneOf(NAMES))).default(NAMES, NAMES.join()))
  .addOption(list('--subject <subjects>', 'what to measure', words(oneOf(SUBJECTS))).default(SUBJECTS, SUBJECTS.join()))
  .addOption(list('--family <names>', 'ipv4, ipv6', words(oneOf(['ipv4', 'ipv6'] as const))).default(['ipv4'], 'ipv4'))
  .addOption(benchFlag('--connections <n>', 'connections of every subject', wholeNumber(1, MOST_CONNECTIONS)))
  .addOption(
    list('--mtu <bytes>', 'bytes of a packet at most', words(wholeNumber(512, 65_535))).default(
      [1400, 512],
      '1400,512',
    ),
  )
  .addOption(benchFlag('--samples <n>', 'samples of each case at least', wholeNumber(1, 100_000), 20))
  .addOption(
    benchFlag('--time <duration>', 'each case is sampled for at least this long', duration('0s', '1h'), 3_000, '3s'),
  )
  .option('--out <file>', 'store every sample as JSON')
  .addHelpText('after', `\nPeers:\n${lines(PEERS)}\n\nSubjects:\n${lines(PEER_SUBJECTS)}`);

try {
  await measure(parseOrExit(command).opts<Flags>());
} catch (error) {
  process.stderr.write(`bench:peers: ${describeError(error)}\n`);
  process.exitCode = 1;
}

async function measure(flags: Flags): Promise<void> {
  const peers = availablePeers(flags.only);
  const began = { ...checkout(), date: new Date().toISOString() };
  const results = await measureAll(jobs(flags, peers), PEER_SUBJECTS);
  process.stdout.write(`\nHow many times as long as ctflow:\n${ratioTable(results)}`);
  if (flags.out === undefined) return;
  const { out, ...parameters } = flags;
  writeRun(out, {
    ...began,
    machine: machine(),
    parameters: { ...parameters, only: peers },
    results,
  });
}

function* jobs(
  { family: families, mtu: mtus, samples, time, ...flags }: Flags,
  peers: readonly string[],
): Generator<Job> {
  const timing = { samples, seconds: time / 1000 };
  const wanted = PEER_SUBJECTS.filter(({ name }) => flags.subject.includes(name));
  for (const subject of availableSubjects(wanted, 'bench:peers')) {
    for (const family of families) {
      for (const connections of [flags.connections ?? subject.connections].flat()) {
        for (const mtu of subject.packets ? mtus : mtus.slice(0, 1)) {
          const tenth = Math.floor(connections / 10);
          const sizes = { connections, fresh: tenth, gone: tenth, destinations: 1, mtu };
          yield { subject: subject.name, family, sizes, backends: ['native'], peers, timing, memory: false };
        }
      }
    }
  }
}
