import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { describeError } from '../../src/common/errors.js';
import { benchFlag, parseOrExit, percentage } from '../usage.js';
import { compare, worse } from './comparison.js';
import { markdown } from './markdown.js';
import { page } from './page.js';
import { readSide } from './side.js';

interface Flags {
  /** 0.05: 5 %. */
  readonly threshold: number;
  readonly html?: string;
  readonly acrossMachines?: true;
}

const WORSE = 1;
const UNDECIDED = 2;

const command = new Command('npm run bench:compare --')
  .description('compares two runs of the benchmarks and prints a table in Markdown')
  .argument('<base>', 'a file of `npm run bench -- --out FILE`; several of one commit, joined by commas, are one run')
  .argument('<head>', 'the same of the other commit')
  .addOption(benchFlag('--threshold <percent>', 'how much worse is too much', percentage, 0.05, '5%'))
  .option('--html <file>', 'write it as a page with charts as well')
  .option('--across-machines', 'compare what was measured on different machines')
  .addHelpText(
    'after',
    '\nExit codes: 0 nothing got worse, 1 something did by more than the threshold, 2 not everything could be compared.',
  );
parseOrExit(command);

try {
  process.exitCode = report(command.args, command.opts<Flags>());
} catch (error) {
  process.stderr.write(`bench:compare: ${describeError(error)}\n`);
  process.exitCode = UNDECIDED;
}

/** @throws where the two cannot be compared */
function report(files: readonly string[], { threshold, html, acrossMachines }: Flags): number {
  const comparison = compare(readSide(files[0]), readSide(files[1]));
  const { machines, rows, alone } = comparison;
  if (machines.length > 0 && !acrossMachines) {
    throw new Error(
      `these were measured on different machines (${machines.join('; ')}); --across-machines compares them all the same`,
    );
  }
  if (rows.length === 0) throw new Error(['the two have nothing in common', ...alone].join('\n'));
  const tooBad = worse(comparison, threshold);
  process.stdout.write(markdown(comparison, tooBad, threshold));
  if (html !== undefined) writeFileSync(html, page(comparison, tooBad, threshold));
  if (tooBad.length > 0) return WORSE;
  return comparison.undecided.length > 0 ? UNDECIDED : 0;
}
