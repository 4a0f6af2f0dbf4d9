import { makeIntervals, PrefixTable, type Interval } from '../inventory/prefix-table.js';

/** What a field's value must be; where the value is not known no condition holds. */
export type Condition = NumberCondition | AddressCondition | TextCondition | FlagCondition;

export interface NumberCondition {
  readonly kind: 'number';
  /** Bits that are compared, undefined for the whole number. */
  readonly mask: number | undefined;
  /** Ranges in order, which do not touch; each with both ends. */
  readonly lows: Float64Array;
  readonly highs: Float64Array;
}

export interface AddressCondition {
  readonly kind: 'address';
  /** Have 1 for the addresses that are meant. */
  readonly four: PrefixTable;
  readonly six: PrefixTable;
  /** The others are meant. */
  readonly not: boolean;
}

export interface TextCondition {
  readonly kind: 'text';
  readonly texts: readonly string[];
  /** The others are meant. */
  readonly not: boolean;
}

export interface FlagCondition {
  readonly kind: 'flag';
  readonly wanted: boolean;
}

/** Whether a number is in one of the ranges. */
export function within(lows: Float64Array, highs: Float64Array, value: number): boolean {
  for (let i = 0; i < lows.length; i++) if (value >= lows[i] && value <= highs[i]) return true;
  return false;
}

/** Ranges of numbers: [low, high]. */
export type NumberRange = readonly [low: number, high: number];

/** In order, with those that overlap or touch made one. */
export function merged(ranges: readonly NumberRange[]): NumberRange[] {
  const whole: [number, number][] = [];
  for (const [low, high] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = whole.at(-1);
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else whole.push([low, high]);
  }
  return whole;
}

/** All whole numbers from 0 on that are in none of the merged ranges. */
export function complement(ranges: readonly NumberRange[]): NumberRange[] {
  const others: NumberRange[] = [];
  let next = 0;
  for (const [low, high] of ranges) {
    if (low > next) others.push([next, low - 1]);
    next = high + 1;
  }
  others.push([next, Infinity]);
  return others;
}

export function numberCondition(ranges: readonly NumberRange[], mask?: number): NumberCondition {
  const whole = merged(ranges);
  return {
    kind: 'number',
    mask,
    lows: Float64Array.from(whole, ([low]) => low),
    highs: Float64Array.from(whole, ([, high]) => high),
  };
}

export function addressCondition(intervals: readonly Interval[], not: boolean): AddressCondition {
  const table = (family: 4 | 6): PrefixTable => new PrefixTable(makeIntervals(family, intervals));
  return { kind: 'address', four: table(4), six: table(6), not };
}
