import { InvalidArgumentError, Option } from 'commander';
import type { CtflowError } from '../common/errors.js';
import type { Place } from '../filter/fields.js';
import { Filter } from '../filter/filter.js';
import { duration, oneOf, text, wholeNumber } from './values.js';

/** A flag whose parser throws; commander says then which flag or variable it was. */
export class Flag extends Option {
  override argParser<T>(parse: (value: string, before: T) => T): this {
    return super.argParser((value: string, before: T) => {
      try {
        return parse(value, before);
      } catch (error) {
        const { message, hint } = error as Error & Partial<CtflowError>;
        throw new InvalidArgumentError(hint === undefined ? message : `${message}. ${hint}`);
      }
    });
  }

  override choices(values: readonly string[]): this {
    return super.choices(values).argParser(oneOf(values));
  }
}

/** A flag with its variable: CTFLOW_MAX_DENIED for --max-denied. */
export function flag(flags: string, description: string): Option {
  const option = new Flag(flags, description);
  option.env(`CTFLOW_${option.name().replaceAll('-', '_').toUpperCase()}`);
  return option.required ? option.argParser(text) : option;
}

export function numberFlag(flags: string, description: string, least: number, most: number, fallback?: number): Option {
  return flag(flags, description).argParser(wholeNumber(least, most)).default(fallback);
}

/** @param fallback milliseconds */
export function timeFlag(flags: string, description: string, least: string, most: string, fallback?: number): Option {
  const option = flag(flags, description).argParser(duration(least, most));
  return fallback === undefined ? option : option.default(fallback, `${fallback / 1000}s`);
}

/** @param place what it filters */
export function filterFlag(description: string, place: Place): Option {
  return flag('--filter <expression>', description).argParser(text => new Filter(text, place));
}

/** What commander says of a usage error, made short: the flag or the variable, the value, what to write. */
export function usageError(said: string): string {
  const [invalid, long, variable] =
    /^error: option '(--[\w-]+)[^']*' (?:argument|value) '[^]*?'(?: from env '(\w+)')? is invalid\. /.exec(said) ?? [];
  return invalid === undefined ? said.replace(/^error: /, '') : `${variable ?? long}: ${said.slice(invalid.length)}`;
}
