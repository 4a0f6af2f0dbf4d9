import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { describeError } from '../../src/common/errors.js';
import type { Verdict } from '../ab/result.js';
import { benchFlag, parseOrExit, percentage } from '../usage.js';
import { compare } from './comparison.js';
import { markdown } from './markdown.js';
import { page } from './page.js';
import { readSide } from './side.js';

interface Flags {
  /** 0.05: 5 %. */
  readonly threshold: number;
  readonly html?: string;
  readonly acrossMachines?: true;
}

const EXIT_CODES: Record<Verdict, number> = { fine: 0, worse: 1, undecided: 2 };

const command = new Command('npm run bench:compare --')
  .description('compares two runs of the benchmarks and prints a table in Markdown')
  .argument('<base>', 'files of `npm run bench -- --out FILE`, joined by commas: runs of one commit')
  .argument('<head>', 'the same of the other commit, taken in turn with those')
  .addOption(benchFlag('--threshold <percent>', 'how much worse is too much', percentage, 0.05, '5%'))
  .option('--html <file>', 'write it as a page with charts as well')
  .option('--across-machines', 'show the changes between different machines, and decide nothing')
  .addHelpText(
    'after',
    '\nA run is one figure, however many samples it took, so that several of each side are needed; `npm run bench:ab` takes as many as it needs.\nExit codes: 0 nothing got worse by more than the threshold, 1 something did, 2 undecided or wrong use.',
  );
parseOrExit(command);

try {
  process.exitCode = report(command.args, command.opts<Flags>());
} catch (error) {
  process.stderr.write(`bench:compare: ${describeError(error)}\n`);
  process.exitCode = EXIT_CODES.undecided;
}

/** @throws where the two cannot be compared */
function report(files: readonly string[], { threshold, html, acrossMachines }: Flags): number {
  const comparison = compare(readSide(files[0]), readSide(files[1]), threshold);
  const { machines, rows, alone } = comparison;
  if (machines.length > 0 && !acrossMachines) {
    throw new Error(
      `these were measured on different machines (${machines.join('; ')}); --across-machines compares them all the same`,
    );
  }
  if (rows.length === 0) throw new Error(['the two have nothing in common', ...alone].join('\n'));
  process.stdout.write(markdown(comparison));
  if (html !== undefined) writeFileSync(html, page(comparison));
  return EXIT_CODES[comparison.verdict];
}
