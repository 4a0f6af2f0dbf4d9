import { type Command, Option } from 'commander';
import { Flag, usageError } from '../src/cli/flag.js';

const USAGE_ERROR = 2;

/** A flag that has no variable. @param defaultText how its default would be written */
export function benchFlag<T>(
  flags: string,
  description: string,
  parse: (text: string) => T,
  value?: T,
  defaultText?: string,
): Option {
  return new Flag(flags, description).argParser(parse).default(value, defaultText);
}

/** Reads the command line. A usage error names the flag, its value and what it may be, and ends with exit code 2. */
export function parseOrExit(command: Command): Command {
  const name = command.name().replace(/^npm run (.*) --$/, '$1');
  return command
    .configureOutput({ outputError: (text, write) => write(`${name}: ${usageError(text)}`) })
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : USAGE_ERROR))
    .parse();
}

/** `5%` or `5` as 0.05. */
export function percentage(text: string): number {
  const percent = /^(\d+(?:\.\d+)?)%?$/.exec(text)?.[1];
  if (percent === undefined) throw new Error(`'${text}' is not a percentage. Write one of at least 0%, such as 5%`);
  return Number(percent) / 100;
}
