import { isatty } from 'node:tty';
import { type Command, CommanderError } from 'commander';
import { CtflowError, describeError } from '../common/errors.js';
import { PRIORITIES } from '../common/log/entry.js';
import { createLogger, type LogLevel } from '../common/logger.js';
import {
  closeStandardOutput,
  note,
  replaceProcessStreams,
  standardError,
  standardOutput,
} from '../common/terminal/standard-streams.js';
import { tidyEnvironment, type UnknownVariable } from '../config/environment.js';
import { Mistakes } from '../config/mistakes.js';
import { ctflowProgram } from './program.js';

const ERROR = 1;
const USAGE_ERROR = 2;
/** Milliseconds that the reader of standard error has for the last lines. */
const LAST_LINES_MS = 1000;

/**
 * Runs one command line.
 * @returns the exit code: 0 success, 1 error, 2 usage error
 */
export async function main(argv: readonly string[]): Promise<number> {
  replaceProcessStreams();
  // Node's own last words would wait for their reader
  process.on('uncaughtException', error => {
    note(describeError(error), PRIORITIES['error']);
    void exitAfterLastLines();
  });
  let code: number;
  try {
    code = await runCommandLine(argv);
    // what was asked for has arrived, or this was no success
    if (!(await closeStandardOutput())) code ||= ERROR;
  } catch (error) {
    const errors = error instanceof Mistakes ? error.errors : [error];
    for (const one of errors) note(describeError(one), PRIORITIES['error']);
    code = errors.every(isUsageError) ? USAGE_ERROR : ERROR;
    await closeStandardOutput().catch(() => {}); // the same error, or the lesser one
  }
  await standardError().close(LAST_LINES_MS);
  return code;
}

function isUsageError(error: unknown): boolean {
  return error instanceof CtflowError && (error.code === 'CTFLOW_USAGE' || error.code === 'CTFLOW_CONFIG');
}

async function exitAfterLastLines(): Promise<void> {
  await standardError().close(LAST_LINES_MS);
  process.exit(ERROR);
}

async function runCommandLine(argv: readonly string[]): Promise<number> {
  const program = ctflowProgram();
  const commands = program.commands.flatMap(command => [command, ...command.commands]);
  for (const command of [program, ...commands]) {
    command.exitOverride().allowExcessArguments(false).showHelpAfterError('(--help lists commands and flags)');
    command.configureOutput({
      writeOut: text => standardOutput().write(text),
      writeErr: text => standardError().write(text),
      getOutHelpWidth: () => widthOf(1),
      getErrHelpWidth: () => widthOf(2),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      outputError: (text, write) => write(`ctflow: CTFLOW_USAGE: ${text.replace(/^error: /, '')}`),
    });
  }
  const variables = commands.flatMap(({ options }) => options.map(({ envVar }) => envVar!));
  const unknown = tidyEnvironment(new Set(variables), process.env);
  // behind the hook that reads the settings; a command's hooks are called for those within it, too
  for (const command of commands)
    command.hook('preAction', (_, called) => {
      if (called === command) warnOfVariables(unknown, command);
    });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_ERROR; // commander has printed why
    throw error;
  }
}

/** In the form that the rest of standard error has. */
function warnOfVariables(unknown: readonly UnknownVariable[], command: Command): void {
  if (unknown.length === 0) return;
  const log = command.name() === 'run' ? createLogger(command.opts<{ logLevel: LogLevel }>().logLevel) : { warn: note };
  for (const { name, nearest } of unknown) {
    const instead =
      nearest === undefined ? '--help of each command lists those that it knows' : `the nearest is ${nearest}`;
    log.warn(`${name} is a variable that ctflow does not know; ${instead}`);
  }
}

/** Characters of a line where the descriptor is a terminal; Commander has a width for elsewhere. */
function widthOf(fd: 1 | 2): number {
  return isatty(fd) ? (fd === 1 ? process.stdout : process.stderr).columns : 80;
}
