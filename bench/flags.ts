import { Command, Option } from 'commander';
import { DESTINATION_DEFAULTS } from '../src/destination.js';
import { duration, wholeNumber } from '../src/cli/values.js';
import type { MeasuredFamily } from './results.js';
import { SUBJECTS } from './subjects/index.js';

const FAMILIES: readonly MeasuredFamily[] = ['ipv4', 'ipv6'];
const BACKENDS = ['native', 'fallback'] as const;
const MOST_CONNECTIONS = 10_000_000;

export interface Flags {
  readonly only: readonly string[];
  readonly backend: readonly ('native' | 'fallback')[];
  readonly family: readonly MeasuredFamily[];
  readonly connections?: number;
  readonly sweep?: readonly number[];
  readonly new?: number;
  readonly deleted?: number;
  readonly destinations: number;
  readonly mtu: readonly number[];
  readonly samples: number;
  /** Milliseconds. */
  readonly time: number;
  readonly memory: boolean;
  readonly out?: string;
}

export function benchCommand(): Command {
  const connections = wholeNumber(1, MOST_CONNECTIONS);
  const defaults = SUBJECTS.map(({ name, connections }) => `${name} ${connections.toLocaleString('en')}`).join(', ');
  return new Command('npm run bench --')
    .description('measures ctflow, native against fallback')
    .addOption(
      list('--only <subjects>', 'what to measure', oneOf(SUBJECTS.map(({ name }) => name))).default(
        SUBJECTS.map(({ name }) => name),
        'all',
      ),
    )
    .addOption(
      list('--backend <names>', 'native, fallback', oneOf(BACKENDS)).default(
        BACKENDS,
        'both, native where it is built',
      ),
    )
    .addOption(list('--family <names>', 'ipv4, ipv6', oneOf(FAMILIES)).default(FAMILIES, 'both'))
    .option('--connections <n>', `connections of every subject (default: ${defaults})`, connections)
    .addOption(
      list(
        '--sweep <sizes>',
        'one size after another, and a table of what a connection costs at each',
        connections,
      ).conflicts('connections'),
    )
    .option('--new <n>', 'connections that are new in each poll (default: a tenth)', wholeNumber(0, MOST_CONNECTIONS))
    .option(
      '--deleted <n>',
      'connections that are gone in each poll (default: a tenth)',
      wholeNumber(0, MOST_CONNECTIONS),
    )
    .option('--destinations <n>', 'destinations that a store tells of changes', wholeNumber(0, 255), 1)
    .addOption(
      list('--mtu <bytes>', 'bytes of a packet to the collector at most', wholeNumber(512, 65_535)).default(
        [1400, DESTINATION_DEFAULTS.mtu],
        '1400,512',
      ),
    )
    .option('--samples <n>', 'samples of each case at least', wholeNumber(1, 100_000), 30)
    .option('--time <duration>', 'each case is sampled for at least this long', duration('0s', '1h'), 3_000)
    .option('--memory', 'also measure what an operation allocates, in a process of its own', true)
    .option('--no-memory', 'do not')
    .option('--out <file>', 'store every sample as JSON')
    .addHelpText(
      'after',
      `\nSubjects:\n${SUBJECTS.map(({ name, summary }) => `  ${name.padEnd(18)}${summary}`).join('\n')}`,
    );
}

/** An option with a list of values, joined by commas. */
function list<T>(flags: string, description: string, parse: (word: string) => T): Option {
  return new Option(flags, description).argParser((text: string) => text.split(',').map(word => parse(word)));
}

function oneOf<T extends string>(names: readonly T[]): (word: string) => T {
  return word => {
    const name = names.find(name => name === word);
    if (name === undefined) throw new Error(`'${word}' is none of ${names.join(', ')}`);
    return name;
  };
}
