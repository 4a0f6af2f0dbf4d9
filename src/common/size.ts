import { CtflowError } from './errors.js';

/** The largest first. */
const UNITS: readonly (readonly [string, number])[] = [
  ['GiB', 1 << 30],
  ['MiB', 1 << 20],
  ['KiB', 1 << 10],
  ['B', 1],
];

/**
 * Reads `32MiB`, `64KiB`, `1GiB` or a plain number as bytes.
 * @throws CtflowError CTFLOW_USAGE
 */
export function parseSize(text: string): number {
  const [, number, unit = 'B'] = /^(\d+)(B|KiB|MiB|GiB)?$/.exec(text) ?? [];
  const factor = UNITS.find(([name]) => name === unit)![1];
  if (number !== undefined) return Number(number) * factor;
  throw new CtflowError('CTFLOW_USAGE', `'${text}' is not a size`, 'Write 32MiB, 64KiB or a number of bytes');
}

/** For people: `512 B`, `1.4 MiB`. */
export function describeSize(bytes: number): string {
  const [unit, factor] = UNITS.find(([, factor]) => bytes >= factor) ?? ['B', 1];
  const value = bytes / factor;
  return `${value < 100 ? Number(value.toFixed(1)) : Math.round(value)} ${unit}`;
}

/** A size as {@link parseSize} reads it, in the largest unit that leaves no rest. */
export function formatSize(bytes: number): string {
  const [unit, factor] = UNITS.find(([, factor]) => bytes >= factor && bytes % factor === 0) ?? ['B', 1];
  return `${bytes / factor}${unit}`;
}
