import type { Flows } from '../../record/flows.js';
import type { NameTable } from '../../record/name-table.js';
import type { ConnectionTable } from '../../store/connection-table.js';
import * as connectionTable from '../../store/connection-table.js';
import { Grouper } from './grouper.js';
import type { Pressure, PressureGroups, PressureLine } from './pressure-page.js';
import { inSlices } from './slices.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const { GONE, IN_USE } = connectionTable;
const NOT_KNOWN = Number.NaN;
const MOST_SPANS = 64;

/** Entries that were looked at, by each kind. */
export interface Counted<Kind extends Pressure> {
  readonly counted: number;
  readonly groups: Readonly<Record<Kind, PressureGroups>>;
}

/** Counts the entries of a store in several ways at one look. */
export class PressureCounts<Kind extends Pressure> {
  readonly #table: ConnectionTable;
  readonly #groupers: readonly (readonly [Kind, Grouper])[];

  /** @param most groups of each kind, a power of two */
  constructor(flows: Flows, names: NameTable, most: number, kinds: readonly Kind[]) {
    this.#table = flows.store.table;
    this.#groupers = kinds.map(kind => [kind, new Grouper(flows, names, most)]);
  }

  /** @param rows groups of each kind at most, or of one kind @returns milliseconds that it has taken, beside what it has found */
  async count(rows: number | ((kind: Kind) => number)): Promise<{ spent: number; found: Counted<Kind> }> {
    const groupers = this.#groupers;
    const most = typeof rows === 'number' ? () => rows : rows;
    for (const [kind, grouper] of groupers) grouper.begin(kind);
    let counted = 0;
    const spent = await inSlices(
      () => this.#table.top,
      (from, to) => {
        const { flags } = this.#table;
        for (let slot = from; slot < to; slot++) {
          if ((flags[slot] & (IN_USE | GONE)) !== IN_USE) continue;
          counted++;
          for (let i = 0; i < groupers.length; i++) groupers[i][1].add(slot, NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, 0);
        }
      },
    );
    const groups = Object.fromEntries(groupers.map(([kind, grouper]) => [kind, groupsOf(kind, grouper, most(kind))]));
    return { spent, found: { counted, groups: groups as Record<Kind, PressureGroups> } };
  }
}

function groupsOf(kind: Pressure, grouper: Grouper, rows: number): PressureGroups {
  // there are few spans of timeouts, and all of them are one picture
  const { count, leftOut, lines } = grouper.first('state', false, 0, kind === 'timeout' ? MOST_SPANS : rows, 0);
  const all = lines.map(({ name, connections, timeout, snat }) => ({
    name,
    entries: connections,
    ...(timeout && { timeout }),
    ...(snat && { snat }),
  }));
  if (kind === 'timeout') all.sort((a, b) => spanStart(a) - spanStart(b));
  return { count, entries: grouper.connections, leftOut, lines: all };
}

/** What is not known comes last. */
function spanStart({ timeout }: PressureLine): number {
  return timeout?.from ?? Number.MAX_SAFE_INTEGER;
}
