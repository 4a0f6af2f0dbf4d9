import { CtflowError } from '../../common/errors.js';
import { connectionFilter } from '../../filter/store-filter.js';

/** What connections can be sorted by. */
export const SORTS = ['bytes', 'packets', 'rate', 'age', 'state'] as const;
export type Sort = (typeof SORTS)[number];

/** What connections can be summed up by; `none` shows each by itself. */
export const GROUPINGS = [
  'none',
  'source',
  'destination',
  'zone',
  'service',
  'name',
  'workload',
  'state',
  'timeout',
  'snat',
] as const;
export type Grouping = (typeof GROUPINGS)[number];

/** Rows that are skipped and rows that are shown, together, at most. */
export const MOST_ROWS = 1_000;

/** What a screen asks for. */
export interface TopQuery {
  readonly sort: Sort;
  /** The other way round: by default the largest come first, the oldest, and states in the kernel's order. */
  readonly reverse: boolean;
  readonly group: Grouping;
  /** An expression as destinations have it; empty for all. */
  readonly filter: string;
  /** Rows before the first one that is shown. */
  readonly skip: number;
  readonly rows: number;
  /** Rows of denied packets. */
  readonly deniedRows: number;
}

/** What a look at who fills the table asks for. */
export interface PressureQuery {
  /** Groups of each kind. */
  readonly rows: number;
}

/** @throws CtflowError CTFLOW_CONTROL */
export function parsePressureQuery(value: unknown): PressureQuery {
  const { rows = 10 } = (value ?? {}) as Readonly<Record<keyof PressureQuery, unknown>>;
  if (!isCount(rows)) throw wrong('rows', `a whole number from 0 to ${MOST_ROWS}`);
  return { rows };
}

/**
 * The query of a request.
 * @throws CtflowError CTFLOW_CONTROL; CTFLOW_USAGE with the column where the filter has a mistake
 */
export function parseQuery(value: unknown): TopQuery {
  const {
    sort = 'bytes',
    reverse = false,
    group = 'none',
    filter = '',
    skip = 0,
    rows = 20,
    deniedRows = 0,
  } = (value ?? {}) as Readonly<Record<keyof TopQuery, unknown>>;
  if (!isOneOf(SORTS, sort)) throw wrong('sort', SORTS.join(', '));
  if (!isOneOf(GROUPINGS, group)) throw wrong('group', GROUPINGS.join(', '));
  if (typeof reverse !== 'boolean') throw wrong('reverse', 'true or false');
  if (typeof filter !== 'string') throw wrong('filter', 'an expression');
  if (!isCount(skip) || !isCount(rows) || skip + rows > MOST_ROWS)
    throw wrong('skip and rows', `whole numbers from 0, together at most ${MOST_ROWS}`);
  if (!isCount(deniedRows)) throw wrong('deniedRows', `a whole number from 0 to ${MOST_ROWS}`);
  if (filter !== '') connectionFilter(filter);
  return { sort, reverse, group, filter, skip, rows, deniedRows };
}

function isOneOf<T extends string>(words: readonly T[], value: unknown): value is T {
  return words.some(word => word === value);
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST_ROWS;
}

function wrong(field: string, allowed: string): CtflowError {
  return new CtflowError('CTFLOW_CONTROL', `The query has a wrong value for ${field}`, `Write ${allowed}`);
}
