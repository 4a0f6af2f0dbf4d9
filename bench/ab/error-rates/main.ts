import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { wholeNumber } from '../../../src/config/values.js';
import { describeError } from '../../../src/common/errors.js';
import { buildCompanion } from '../../host/companion.js';
import { list, oneOf, words } from '../../flags.js';
import { insert } from '../../targets/page.js';
import { benchFlag, parseOrExit } from '../../usage.js';
import { record } from './record.js';
import { KINDS, readRecordings, RECORDINGS, type Kind } from './recording.js';
import { errorRates } from './tables.js';

interface Flags {
  readonly record: readonly Kind[];
  readonly pairs: number;
  readonly recordings: string;
  readonly page?: string;
}

const command = new Command('npm run bench:aa --')
  .description('tells how often bench:ab is wrong: replays pairs of one commit against itself, recorded once')
  .addOption(
    list('--record <kinds>', `record these anew before: ${KINDS.join(', ')}`, words(oneOf(KINDS))).default([], ''),
  )
  .addOption(benchFlag('--pairs <n>', 'pairs of each recording', wholeNumber(1, 10_000), 200))
  .option('--recordings <folder>', 'where they are', RECORDINGS)
  .option('--page <file>', 'write the tables into this page as well, between two marks');
parseOrExit(command);

try {
  const flags = command.opts<Flags>();
  mkdirSync(flags.recordings, { recursive: true });
  const without = flags.record.length > 0 ? buildCompanion() : undefined;
  if (without !== undefined) throw new Error(without);
  for (const kind of flags.record) await record(kind, flags.pairs, flags.recordings);
  const recordings = readRecordings(flags.recordings);
  if (recordings.length === 0) throw new Error(`nothing is recorded in ${flags.recordings}; --record does it`);
  const tables = errorRates(recordings);
  process.stdout.write(tables);
  if (flags.page !== undefined) {
    writeFileSync(flags.page, insert(readFileSync(flags.page, 'utf8'), tables, 'bench:aa'));
  }
} catch (error) {
  process.stderr.write(`bench:aa: ${describeError(error)}\n`);
  process.exitCode = 1;
}
