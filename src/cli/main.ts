import { Command, CommanderError } from 'commander';
import { CtflowError, describeError } from '../common/errors.js';
import { VERSION } from '../common/version.js';
import { collectCommand } from './collect.js';
import { demoCommand } from './demo.js';
import { dumpCommand } from './dump.js';
import { dropDisabledSwitches } from './environment.js';
import { recordCommand } from './record.js';
import { runCommand } from './run.js';
import { versionCommand } from './version.js';

const ERROR = 1;
const USAGE_ERROR = 2;

/**
 * Runs one command line.
 * @returns the exit code: 0 success, 1 error, 2 usage error
 */
export async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('ctflow')
    .description("Exports this host's connections as IPFIX flow records")
    .version(VERSION, '--version', 'print the version only')
    .addHelpText(
      'after',
      '\nExit codes: 0 success, 1 error, 2 usage error. ctflow <command> --help shows flags and examples.',
    )
    .addCommand(runCommand())
    .addCommand(collectCommand())
    .addCommand(dumpCommand())
    .addCommand(recordCommand())
    .addCommand(demoCommand())
    .addCommand(versionCommand());
  for (const command of [program, ...program.commands]) {
    command.exitOverride().allowExcessArguments(false).showHelpAfterError('(--help lists commands and flags)');
  }
  dropDisabledSwitches(program.commands, process.env);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_ERROR; // commander has printed why
    process.stderr.write(`ctflow: ${describeError(error)}\n`);
    return error instanceof CtflowError && error.code === 'CTFLOW_USAGE' ? USAGE_ERROR : ERROR;
  }
}
