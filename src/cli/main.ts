import { Command, CommanderError } from 'commander';
import { CtflowError, describeError } from '../common/errors.js';
import { VERSION } from '../common/version.js';
import { collectCommand } from './collect.js';
import { demoCommand } from './demo.js';
import { dumpCommand } from './dump.js';
import { dropSwitchesThatSayNo } from './environment.js';
import { recordCommand } from './record.js';
import { runCommand } from './run.js';
import { versionCommand } from './version.js';

const FAILURE = 1;
const WRONG_USE = 2;

/**
 * Runs one command line.
 * @returns the exit code: 0 well, 1 failure, 2 wrong use
 */
export async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('ctflow')
    .description("Exports this host's connections as IPFIX flow records")
    .version(VERSION, '--version', 'the version alone')
    .addCommand(runCommand())
    .addCommand(collectCommand())
    .addCommand(dumpCommand())
    .addCommand(recordCommand())
    .addCommand(demoCommand())
    .addCommand(versionCommand());
  for (const command of [program, ...program.commands]) {
    command.exitOverride().allowExcessArguments(false).showHelpAfterError('(--help shows what can be said)');
  }
  dropSwitchesThatSayNo(program.commands, process.env);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USE; // commander has said what
    process.stderr.write(`ctflow: ${describeError(error)}\n`);
    return error instanceof CtflowError && error.code === 'CTFLOW_USAGE' ? WRONG_USE : FAILURE;
  }
}
