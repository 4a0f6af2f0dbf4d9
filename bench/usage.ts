import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CtflowError } from '../src/common/errors.js';

const USAGE_ERROR = 2;

/** A flag that has no variable. @param defaultText how its default would be written */
export function benchFlag<T>(
  flags: string,
  description: string,
  parse: (text: string) => T,
  value?: T,
  defaultText?: string,
): Option {
  return new Option(flags, description)
    .argParser((text: string) => {
      try {
        return parse(text);
      } catch (error) {
        const { message, hint } = error as Error & Partial<CtflowError>;
        throw new InvalidArgumentError(hint === undefined ? message : `${message}. ${hint}`);
      }
    })
    .default(value, defaultText);
}

/** What commander says of a usage error, made short: the flag, the value, what to write. */
function usageError(said: string): string {
  const [invalid, long] = /^error: option '(--[\w-]+)[^']*' (?:argument|value) '[^]*?' is invalid\. /.exec(said) ?? [];
  return invalid === undefined ? said.replace(/^error: /, '') : `${long}: ${said.slice(invalid.length)}`;
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
