import { readNumber } from '../../common/u64.js';
import { connectionFilter, storeFilter } from '../../filter/store-filter.js';
import type { Flows } from '../../record/flows.js';
import type { NameTable } from '../../record/name-table.js';
import * as conntrack from '../../row/conntrack.js';
import * as layout from '../../row/layout.generated.js';
import type { FlowFilter } from '../../schedule/visibility.js';
import type { ConnectionTable } from '../../store/connection-table.js';
import * as connectionTable from '../../store/connection-table.js';
import { FlowDescriber } from './describe-flow.js';
import { Grouper } from './grouper.js';
import type { TopPage } from './page.js';
import type { Grouping, Sort, TopQuery } from './query.js';
import type { Rates } from './rates.js';
import { Selection } from './selection.js';
import { inSlices } from './slices.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const {
  HAS_DCCP_STATE,
  HAS_ORIG_COUNTERS,
  HAS_REPLY_COUNTERS,
  HAS_TCP_STATE,
  ORIG_OCTETS_WORD,
  ORIG_PACKETS_WORD,
  PRESENT_WORD,
  REPLY_OCTETS_WORD,
  REPLY_PACKETS_WORD,
  ROW_SIZE,
  ROW_WORDS,
  STATE,
  STATUS_WORD,
} = layout;
const { GONE, IN_USE } = connectionTable;
const { HAS_STATE } = conntrack;
const COUNTED = HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS;
const REPLIED = conntrack.STATUS_BITS.get('SEEN_REPLY')! | conntrack.STATUS_BITS.get('ASSURED')!;
/** Of a protocol with states. */
const STATES = 16;

/** Where an order is not known, it comes last. */
const LAST = -Infinity;

/** What a look at the connections brings. */
type Ranked = Pick<TopPage, 'connections' | 'matching' | 'counted' | 'lines' | 'groups'>;

/** The connections of a store in an order, the first of them alone. */
export class Ranking {
  readonly #flows: Flows;
  readonly #table: ConnectionTable;
  readonly #names: NameTable;
  readonly #rates: Rates;
  readonly #describer: FlowDescriber;
  /** The last filter: a screen asks with the same one again and again. */
  #filter: { readonly text: string; readonly of: FlowFilter } | undefined;
  #grouper: Grouper | undefined;
  #connections = 0;
  #matching = 0;
  #counted = 0;

  constructor(flows: Flows, names: NameTable, rates: Rates) {
    this.#flows = flows;
    this.#table = flows.store.table;
    this.#names = names;
    this.#rates = rates;
    this.#describer = new FlowDescriber(flows, names);
  }

  /**
   * Looks at each connection; one look after another.
   * @param now milliseconds since 1970
   * @returns milliseconds that it has taken, beside what it has found
   */
  async rank(query: TopQuery, now: number): Promise<{ spent: number; found: Ranked }> {
    this.#connections = this.#matching = this.#counted = 0;
    const filter = this.#filterOf(query.filter);
    const top = (): number => this.#table.top;
    if (query.group !== 'none') return this.#rankGroups(query, query.group, filter, now);
    const selection = new Selection(query.skip + query.rows);
    const spent = await inSlices(top, (from, to) => this.#select(from, to, filter, query, selection));
    const slots = selection.take().slice(query.skip);
    // some may have ended meanwhile
    const lines = slots
      .filter(slot => (this.#table.flags[slot] & (IN_USE | GONE)) === IN_USE)
      .map(slot => this.#describer.connection(slot, this.#rates.of(slot), now));
    return { spent, found: { ...this.#counts(), lines } };
  }

  /** Nobody looks any more: gives memory back. */
  rest(): void {
    this.#grouper = undefined;
  }

  async #rankGroups(
    { sort, reverse, skip, rows }: TopQuery,
    group: Exclude<Grouping, 'none'>,
    filter: FlowFilter,
    now: number,
  ): Promise<{ spent: number; found: Ranked }> {
    const grouper = (this.#grouper ??= new Grouper(this.#flows, this.#names));
    grouper.begin(group);
    const top = (): number => this.#table.top;
    const spent = await inSlices(top, (from, to) => this.#sum(from, to, filter, grouper));
    return { spent, found: { ...this.#counts(), groups: grouper.first(sort, reverse, skip, rows, now) } };
  }

  #counts(): Pick<Ranked, 'connections' | 'matching' | 'counted'> {
    return { connections: this.#connections, matching: this.#matching, counted: this.#counted };
  }

  #select(from: number, to: number, filter: FlowFilter, { sort, reverse }: TopQuery, selection: Selection): void {
    const { rows } = this.#table;
    for (let slot = from; slot < to; slot++) {
      if (!this.#takes(slot, filter)) continue;
      const at = slot * ROW_WORDS;
      const counted = (rows[at + PRESENT_WORD] & COUNTED) !== 0;
      const bytes = counted ? this.#bytes(at) : -1;
      const value = sort === 'bytes' ? bytes : this.#value(slot, sort, counted);
      selection.offer(value < 0 ? LAST : reverse ? -value : value, bytes, slot);
    }
  }

  #sum(from: number, to: number, filter: FlowFilter, grouper: Grouper): void {
    const { rows } = this.#table;
    for (let slot = from; slot < to; slot++) {
      if (!this.#takes(slot, filter)) continue;
      const at = slot * ROW_WORDS;
      const counted = (rows[at + PRESENT_WORD] & COUNTED) !== 0;
      const packets = counted ? this.#packets(at) : Number.NaN;
      const bytes = counted ? this.#bytes(at) : Number.NaN;
      grouper.add(slot, packets, bytes, this.#rates.of(slot), this.#table.startMs(slot));
    }
  }

  /** Whether the kernel has the connection, and the filter takes it; it is counted. */
  #takes(slot: number, { lasting, changing }: FlowFilter): boolean {
    if ((this.#table.flags[slot] & (IN_USE | GONE)) !== IN_USE) return false;
    this.#connections++;
    if ((lasting && !lasting(slot)) || (changing && !changing(slot))) return false;
    this.#matching++;
    if (this.#table.rows[slot * ROW_WORDS + PRESENT_WORD] & COUNTED) this.#counted++;
    return true;
  }

  /** The larger comes first; below 0 where it is not known. */
  #value(slot: number, sort: Exclude<Sort, 'bytes'>, counted: boolean): number {
    switch (sort) {
      case 'packets':
        return counted ? this.#packets(slot * ROW_WORDS) : -1;
      case 'rate': {
        const rate = this.#rates.of(slot);
        return rate >= 0 ? rate : -1;
      }
      case 'age':
        // the oldest started first
        return Math.max(Number.MAX_SAFE_INTEGER - this.#table.startMs(slot), 0);
      case 'state':
        return this.#state(slot);
    }
  }

  /** States in the kernel's order, each protocol's behind another's; those that have none by their replies. */
  #state(slot: number): number {
    const { rows, bytes } = this.#table;
    const present = rows[slot * ROW_WORDS + PRESENT_WORD];
    const status = rows[slot * ROW_WORDS + STATUS_WORD];
    const kind = present & HAS_TCP_STATE ? 0 : present & HAS_DCCP_STATE ? 2 : present & HAS_STATE ? 1 : 3;
    const place = kind === 3 ? status & REPLIED : bytes[slot * ROW_SIZE + STATE];
    return 4 * STATES - (kind * STATES + (place & (STATES - 1)));
  }

  #bytes(at: number): number {
    const { rows } = this.#table;
    return readNumber(rows, at + ORIG_OCTETS_WORD) + readNumber(rows, at + REPLY_OCTETS_WORD);
  }

  #packets(at: number): number {
    const { rows } = this.#table;
    return readNumber(rows, at + ORIG_PACKETS_WORD) + readNumber(rows, at + REPLY_PACKETS_WORD);
  }

  #filterOf(text: string): FlowFilter {
    if (this.#filter?.text !== text) {
      const of =
        text === ''
          ? { lasting: undefined, changing: undefined }
          : storeFilter(connectionFilter(text), this.#flows, this.#names);
      this.#filter = { text, of };
    }
    return this.#filter.of;
  }
}
