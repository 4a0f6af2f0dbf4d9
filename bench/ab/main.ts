import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { duration, wholeNumber } from '../../src/config/values.js';
import { CtflowError, describeError } from '../../src/common/errors.js';
import { checkout, machine, ROOT } from '../host/machine.js';
import { benchFlag, parseOrExit, percentage } from '../usage.js';
import { page } from './page.js';
import { measurePair } from './pair.js';
import { JOBS, PRIMARY } from './primary.js';
import { report } from './report.js';
import { AB_VERSION, writeAbRun, type AbRun, type Verdict } from './result.js';
import { ALPHA, leastPairs, LOOKS, MOST_PAIRS, ruleFor } from './rule.js';
import { runSession, titleOf } from './session.js';
import { Worktrees } from './worktrees.js';

interface Flags {
  /** Milliseconds. */
  readonly time: number;
  readonly pairs: number;
  /** 0.05: 5 %. */
  readonly threshold: number;
  readonly out?: string;
  readonly html?: string;
}

const EXIT_CODES: Record<Verdict, number> = { fine: 0, worse: 1, undecided: 2 };
const LEAST_PAIRS = leastPairs(PRIMARY.length);

const command = new Command('npm run bench:ab --')
  .description(
    'compares two commits: builds both in worktrees, and measures them in pairs of processes until it is decided',
  )
  .argument('<base>', 'a commit, a branch or a tag')
  .argument('[head]', 'the other one; what is not committed is not measured', 'HEAD')
  .addOption(benchFlag('--time <duration>', 'end undecided after this', duration('1s', '1d'), 1_800_000, '30m'))
  .addOption(benchFlag('--pairs <n>', 'end undecided after so many pairs', pairs, MOST_PAIRS))
  .addOption(benchFlag('--threshold <percent>', 'how much worse is too much', percentage, 0.05, '5%'))
  .option('--out <file>', 'store every pair as JSON')
  .option('--html <file>', 'write it as a page with charts as well')
  .addHelpText(
    'after',
    `\nRows that decide, by CPU time: ${PRIMARY.map(titleOf).join(', ')}.
They are held together with Holm; with fewer than ${LEAST_PAIRS} pairs nothing could be decided.
It looks at the pairs after ${LOOKS.join(', ')} of them.
Exit codes: 0 nothing got worse by more than the threshold, 1 something did, 2 undecided or wrong use.`,
  );
parseOrExit(command);

try {
  process.exitCode = EXIT_CODES[await compareCommits(command.processedArgs as string[], command.opts<Flags>())];
} catch (error) {
  process.stderr.write(`bench:ab: ${describeError(error)}\n`);
  process.exitCode = EXIT_CODES.undecided;
}

async function compareCommits([baseName, headName]: string[], flags: Flags): Promise<Verdict> {
  const worktrees = new Worktrees(ROOT);
  const checkouts = { base: worktrees.checkout(baseName), head: worktrees.checkout(headName) };
  if (headName === 'HEAD' && checkout().dirty) {
    process.stderr.write('bench:ab: what is not committed is not measured\n');
  }
  const sides = { base: worktrees.open(checkouts.base), head: worktrees.open(checkouts.head) };
  worktrees.tidy([sides.base, sides.head]);
  const rule = ruleFor(flags.threshold, PRIMARY.length, flags.pairs);
  const began = new Date().toISOString();
  const found = await runSession({
    jobs: JOBS,
    primary: PRIMARY,
    rule,
    time: flags.time,
    measure: job => measurePair(job, sides),
    progress(round, trial) {
      const open = trial.rows.filter(({ verdict }) => verdict === 'undecided').length;
      process.stderr.write(`pair ${round}: ${open} of ${PRIMARY.length} rows undecided, next look at ${trial.next}\n`);
    },
  });
  const run: AbRun = {
    version: AB_VERSION,
    ...checkouts,
    began,
    ended: new Date().toISOString(),
    machine: machine(),
    rule: {
      threshold: flags.threshold,
      alpha: ALPHA,
      looks: rule.looks,
      primary: rule.rows,
      leastPairs: LEAST_PAIRS,
    },
    ...found,
  };
  process.stdout.write(report(run));
  if (flags.out !== undefined) writeAbRun(flags.out, run);
  if (flags.html !== undefined) writeFileSync(flags.html, page(run));
  return run.verdict;
}

function pairs(text: string): number {
  const value = wholeNumber(1, MOST_PAIRS)(text);
  if (value >= LEAST_PAIRS) return value;
  throw new CtflowError(
    'CTFLOW_USAGE',
    `'${text}' is too few: with ${PRIMARY.length} rows held together p < ${ALPHA} cannot be reached`,
    `Write a whole number from ${LEAST_PAIRS} to ${MOST_PAIRS}`,
  );
}
