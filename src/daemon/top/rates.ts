import { readNumber } from '../../common/u64.js';
import type { PollHook } from '../../ingest/poll-hook.js';
import * as layout from '../../row/layout.generated.js';
import type { ConnectionTable } from '../../store/connection-table.js';
import * as connectionTable from '../../store/connection-table.js';
import type { Moment } from '../../store/poll-history.js';
import { inSlices } from './slices.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const { HAS_ORIG_COUNTERS, HAS_REPLY_COUNTERS, ID_WORD, ORIG_OCTETS_WORD, PRESENT_WORD, REPLY_OCTETS_WORD, ROW_WORDS } =
  layout;
const { GONE, IN_USE } = connectionTable;
const COUNTED = HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS;

/** Milliseconds after which rates that nobody has asked for are given up, with their memory. */
const WATCHED_MS = 60_000;

/** What the last poll but one has shown of each slot. */
interface Columns {
  readonly octets: Float64Array;
  /** With the id it tells whether the slot still has the same connection. */
  readonly starts: Float64Array;
  readonly ids: Uint32Array;
  /** Bytes a second; NaN where it is not known. */
  readonly rates: Float64Array;
}

/** Where the polls of a store are known. */
export interface Polled {
  readonly table: ConnectionTable;
  /** When the last poll began. */
  polledAt(): Moment;
  /** A recording is played at another pace than it was made: its own clock counts. */
  readonly replayed: boolean;
}

/**
 * Bytes a second of each connection, both directions, from the counters of the last two whole polls. Nothing is kept as long as
 * nobody asks.
 */
export class Rates implements PollHook {
  readonly #polled: Polled;
  #columns: Columns | undefined;
  #sampledAt: Moment | undefined;
  #span: number | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(polled: Polled) {
    this.#polled = polled;
  }

  /** Milliseconds between the two polls; undefined until there were two. */
  get span(): number | undefined {
    return this.#span;
  }

  /** Somebody has looked not long ago. */
  get isKept(): boolean {
    return this.#columns !== undefined;
  }

  /** Somebody looks at rates: they are kept from the next poll on. */
  ask(): void {
    this.#askedAt = performance.now();
    if (this.#columns) return;
    const { capacity } = this.#polled.table;
    this.#columns = {
      octets: new Float64Array(capacity),
      starts: new Float64Array(capacity),
      ids: new Uint32Array(capacity),
      rates: new Float64Array(capacity),
    };
  }

  /** Bytes a second, NaN where they are not known. */
  of(slot: number): number {
    const columns = this.#columns;
    // while a poll is under way the slot may have another connection already
    if (!columns || columns.starts[slot] !== this.#polled.table.startMs(slot)) return Number.NaN;
    return columns.rates[slot];
  }

  async afterPoll(complete: boolean): Promise<void> {
    if (!this.#columns) return;
    if (performance.now() - this.#askedAt > WATCHED_MS) {
      this.#columns = this.#sampledAt = this.#span = undefined;
      return;
    }
    // an incomplete poll has not seen some of them: the next one is compared with the one before
    if (!complete) return;
    const columns = this.#columns;
    const at = this.#polled.polledAt();
    const before = this.#sampledAt;
    const elapsed = before && (this.#polled.replayed ? at.wall - before.wall : at.monotonic - before.monotonic);
    // two dumps of a recording may have one time
    const span = elapsed !== undefined && elapsed > 0 ? elapsed : undefined;
    await inSlices(
      () => this.#polled.table.top,
      (from, to) => this.#sample(columns, from, to, span, before?.wall ?? Infinity),
    );
    this.#sampledAt = at;
    this.#span = span;
  }

  /** @param span milliseconds, undefined where there is no sample before; @param since when that was, milliseconds since 1970 */
  #sample(
    { octets, starts, ids, rates }: Columns,
    from: number,
    to: number,
    span: number | undefined,
    since: number,
  ): void {
    const { table } = this.#polled;
    const { rows, flags } = table;
    for (let slot = from; slot < to; slot++) {
      const at = slot * ROW_WORDS;
      if ((flags[slot] & (IN_USE | GONE)) !== IN_USE || (rows[at + PRESENT_WORD] & COUNTED) === 0) {
        starts[slot] = rates[slot] = Number.NaN;
        continue;
      }
      const counted = readNumber(rows, at + ORIG_OCTETS_WORD) + readNumber(rows, at + REPLY_OCTETS_WORD);
      const start = table.startMs(slot);
      const same = starts[slot] === start && ids[slot] === rows[at + ID_WORD];
      let moved = Number.NaN;
      if (same) moved = counted - octets[slot];
      else if (start >= since) moved = counted;
      // counters that were set to zero say nothing of the time before
      rates[slot] = span !== undefined && moved >= 0 ? (moved * 1000) / span : Number.NaN;
      octets[slot] = counted;
      starts[slot] = start;
      ids[slot] = rows[at + ID_WORD];
    }
  }
}
