import { Command, type Option } from 'commander';
import { duration, wholeNumber } from '../src/config/values.js';
import { benchFlag } from './usage.js';
import type { MeasuredFamily } from './results/results.js';
import { SUBJECTS } from './subjects/index.js';

const FAMILIES: readonly MeasuredFamily[] = ['ipv4', 'ipv6'];
const BACKENDS = ['native', 'fallback'] as const;
export const MOST_CONNECTIONS = 10_000_000;

/** What is measured. */
export interface ScopeFlags {
  readonly only: readonly string[];
  readonly backend: readonly ('native' | 'fallback')[];
  readonly family: readonly MeasuredFamily[];
  readonly connections?: number;
  readonly new?: number;
  readonly deleted?: number;
  readonly destinations: number;
  readonly mtu: readonly number[];
  /** Milliseconds. */
  readonly time: number;
}

export interface Flags extends ScopeFlags {
  readonly sweep?: readonly number[];
  readonly samples: number;
  readonly memory: boolean;
  readonly out?: string;
}

export function benchCommand(): Command {
  return scopeCommand('bench', 'measures ctflow, native against fallback', [1400, 512])
    .addOption(
      list('--sweep <sizes>', 'one size after another, and a table of what a connection costs at each', words(number)),
    )
    .addOption(benchFlag('--samples <n>', 'samples of each case at least', wholeNumber(1, 100_000), 30))
    .option('--memory', 'also measure what an operation allocates, in a process of its own', true)
    .option('--no-memory', 'do not')
    .option('--out <file>', 'store every sample as JSON');
}

/** A command that measures some of the subjects. @param mtu the defaults */
export function scopeCommand(name: string, description: string, mtu: readonly number[]): Command {
  const subjects = SUBJECTS.map(({ name }) => name);
  const defaults = SUBJECTS.map(({ name, connections }) => `${name} ${sizesText(connections)}`).join(', ');
  const count = wholeNumber(0, MOST_CONNECTIONS);
  return new Command(`npm run ${name} --`)
    .description(description)
    .addOption(list('--only <subjects>', 'what to measure', subjectsOf).default(subjects, subjects.join()))
    .addOption(list('--backend <names>', 'native, fallback', words(oneOf(BACKENDS))).default(BACKENDS, BACKENDS.join()))
    .addOption(list('--family <names>', 'ipv4, ipv6', words(oneOf(FAMILIES))).default(FAMILIES, FAMILIES.join()))
    .addOption(benchFlag('--connections <n>', `connections of every subject (default: ${defaults})`, number))
    .addOption(benchFlag('--new <n>', 'connections that are new in each poll (default: a tenth)', count))
    .addOption(benchFlag('--deleted <n>', 'connections that are gone in each poll (default: a tenth)', count))
    .addOption(benchFlag('--destinations <n>', 'destinations that follow changes of the store', wholeNumber(0, 255), 1))
    .addOption(
      list('--mtu <bytes>', 'bytes of a packet to the collector at most', words(wholeNumber(512, 65_535))).default(
        mtu,
        mtu.join(),
      ),
    )
    .addOption(
      benchFlag('--time <duration>', 'each case is measured for at least this long', duration('0s', '1h'), 3_000, '3s'),
    )
    .addHelpText(
      'after',
      `\nSubjects; \`export\` means both:\n${SUBJECTS.map(({ name, summary }) => `  ${name.padEnd(18)}${summary}`).join('\n')}`,
    );
}

/** An option with a list of values, joined by commas. */
export function list<T>(flags: string, description: string, parse: (text: string) => T): Option {
  return benchFlag(flags, description, parse);
}

export function words<T>(parse: (word: string) => T): (text: string) => T[] {
  return text => text.split(',').map(word => parse(word));
}

export function oneOf<T extends string>(names: readonly T[]): (word: string) => T {
  return word => {
    const name = names.find(name => name === word);
    if (name === undefined) throw new Error(`'${word}' is not a choice. Allowed choices are ${names.join(', ')}`);
    return name;
  };
}

/** Subjects by their names, or by the first word that several share. */
function subjectsOf(text: string): string[] {
  const names = SUBJECTS.map(({ name }) => name);
  return text.split(',').flatMap(word => {
    const family = names.filter(name => name.startsWith(`${word}-`));
    return family.length > 0 ? family : [oneOf(names)(word)];
  });
}

function number(text: string): number {
  return wholeNumber(1, MOST_CONNECTIONS)(text);
}

function sizesText(sizes: number | readonly number[]): string {
  return [sizes].flat().map(String).join(' to ');
}
