import { Option } from 'commander';
import { duration, wholeNumber } from './values.js';

/** A flag with its variable: CTFLOW_MAX_DENIED for --max-denied. */
export function flag(flags: string, text: string): Option {
  const option = new Option(flags, text);
  return option.env(`CTFLOW_${option.name().replaceAll('-', '_').toUpperCase()}`);
}

export function numberFlag(flags: string, text: string, least: number, most: number, fallback?: number): Option {
  return flag(flags, text).argParser(wholeNumber(least, most)).default(fallback);
}

/** @param fallback milliseconds */
export function timeFlag(flags: string, text: string, least: string, most: string, fallback?: number): Option {
  const option = flag(flags, text).argParser(duration(least, most));
  return fallback === undefined ? option : option.default(fallback, `${fallback / 1000}s`);
}
