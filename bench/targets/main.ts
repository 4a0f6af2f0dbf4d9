import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Command } from 'commander';
import { describeError } from '../../src/common/errors.js';
import { ROOT } from '../host/machine.js';
import { readRun } from '../results/results.js';
import { parseOrExit } from '../usage.js';
import { insert } from './page.js';
import { targetTable } from './table.js';

const PAGE = join(ROOT, 'docs/benchmarks.md');

const command = new Command('npm run bench:targets --')
  .description('writes the targets and what was measured into a page, between two marks')
  .argument('<files...>', 'of `npm run bench`, `bench:peers` and `bench:soak` with --out')
  .option('--page <file>', 'where', PAGE);
parseOrExit(command);

try {
  const { page } = command.opts<{ page: string }>();
  const sources = command.args.map(file => ({ file: basename(file), run: readRun(file) }));
  const table = targetTable(sources);
  mkdirSync(dirname(page), { recursive: true });
  writeFileSync(page, insert(read(page), table));
  process.stdout.write(table);
} catch (error) {
  process.stderr.write(`bench:targets: ${describeError(error)}\n`);
  process.exitCode = 1;
}

/** Empty where there is no page yet. */
function read(page: string): string {
  try {
    return readFileSync(page, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
