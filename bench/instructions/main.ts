import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Command } from 'commander';
import { describeError } from '../../src/common/errors.js';
import { Worktrees } from '../ab/worktrees.js';
import { cargoBuild } from '../host/cargo.js';
import { checkout, ROOT } from '../host/machine.js';
import { parseOrExit } from '../usage.js';
import { countInstructions, NO_FLAGS, subjectsOf, valgrindVersion } from './callgrind.js';
import { ALARM, alarms, instructionTable, type InstructionRow } from './table.js';

interface Side {
  readonly root: string;
  readonly name: string;
}

const command = new Command('npm run bench:instructions --')
  .description('counts the instructions of loops of the Rust core under callgrind, the same number each time')
  .argument('[base]', 'a commit whose counts stand beside those of this checkout')
  .addHelpText(
    'after',
    `\nMore than ${ALARM * 100} % is an alarm, and no verdict: instructions differ in what they cost. \`npm run bench:ab\` says whether it got slower.
Exit codes: 0 counted, or valgrind is not installed, 2 it has failed, or wrong use.`,
  );
parseOrExit(command);

try {
  await report(command.args[0]);
} catch (error) {
  process.stderr.write(`bench:instructions: ${describeError(error)}\n`);
  process.exitCode = 2;
}

async function report(baseName: string | undefined): Promise<void> {
  const valgrind = valgrindVersion();
  if (valgrind === undefined) {
    process.stdout.write('bench:instructions: skipped, valgrind is not installed (the Debian package of that name)\n');
    return;
  }
  Object.assign(process.env, NO_FLAGS);
  const { commit, dirty } = checkout();
  const head = sideOf(ROOT, `${commit.slice(0, 10)}${dirty ? ' with changes' : ''}`);
  const base = baseName === undefined ? undefined : baseOf(baseName);
  const subjects = [base, head].flatMap(side => (side ? subjectsOf(side.root) : []));
  const rows = [...new Set(subjects)].map((subject): InstructionRow => {
    const of = (side: Side | undefined) =>
      side && subjectsOf(side.root).includes(subject) ? countInstructions(side.root, subject) : undefined;
    const [before, after] = [of(base), of(head)];
    return { subject, ...(before && { base: before }), ...(after && { head: after }) };
  });
  process.stdout.write(
    [
      `${base ? `BASE ${base.name}, ` : ''}HEAD ${head.name}`,
      `${rustc()}, release, no flags for this processor; callgrind of ${valgrind}; instructions of one operation, in user space`,
      '',
      instructionTable(rows),
      ...summary(rows, base),
    ].join('\n'),
  );
}

function summary(rows: readonly InstructionRow[], base: Side | undefined): string[] {
  if (!base) return [];
  if (subjectsOf(base.root).length === 0) return ['BASE is older than these counts.\n'];
  const found = alarms(rows);
  const more = `more than ${ALARM * 100} % more instructions`;
  return found.length > 0
    ? [`ALARM: ${found.join(', ')}: ${more}. That alone is no verdict: npm run bench:ab -- ${base.name}\n`]
    : [`No subject takes ${more}.\n`];
}

function baseOf(name: string): Side {
  const worktrees = new Worktrees(ROOT);
  const base = worktrees.open(worktrees.checkout(name));
  worktrees.tidy([base]);
  const { root, commit } = base;
  return sideOf(root, commit.slice(0, 10));
}

/** Builds the program there, with the compiler of this checkout; cargo knows by itself whether there is something to do. */
function sideOf(root: string, name: string): Side {
  const without = cargoBuild('ctflow-bench', ['--release', '--manifest-path', join(root, 'Cargo.toml')]);
  if (without) throw new Error(without);
  return { root, name };
}

function rustc(): string {
  return spawnSync('rustc', ['--version'], { cwd: ROOT, encoding: 'utf8' }).stdout.trim();
}
