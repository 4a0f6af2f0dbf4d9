import * as conntrack from '../../row/conntrack.js';
import * as layout from '../../row/layout.generated.js';
import {
  AF_INET6,
  IPPROTO_DCCP,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  PROTOCOL_NUMBERS,
  protocolName,
} from '../../row/protocol.js';
import * as connectionTable from '../../store/connection-table.js';
import type { StoredRows } from '../../store/connection-table.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const {
  FAMILY,
  HAS_ORIG_ZONE,
  HAS_REPLY_ZONE,
  ORIG_ZONE,
  PRESENT_WORD,
  PROTOCOL,
  REPLY_ZONE,
  ROW_SIZE,
  ROW_WORDS,
  STATE,
  STATUS_WORD,
} = layout;
const { GONE, IN_USE } = connectionTable;
const { HAS_STATE, isOffloaded } = conntrack;

/** Milliseconds after which the event loop has its turn, and slots from one look at the clock to the next. */
const SLICE_MS = 2;
const SLICE = 2_048;
/** Milliseconds for which the same counts are given again. */
const LASTS_MS = 5_000;
/** Zones with a label of their own; the others are `other` together. */
const MOST_ZONES = 64;

const OTHER = 'other';
/** Bits of a state, and those of a protocol number and its family above them. */
const STATE_BITS = 4;
const STATES = 1 << STATE_BITS;
const KINDS = 2 << 8;
const NAMED: ReadonlySet<number> = new Set(PROTOCOL_NUMBERS.values());
/** Of protocols without states; they stand behind the states of others. */
const REPLIES = ['UNREPLIED', 'REPLIED', 'ASSURED'] as const;
const FIRST_REPLY = STATES - REPLIES.length;
const SEEN_REPLY = conntrack.STATUS_BITS.get('SEEN_REPLY')!;
const ASSURED = conntrack.STATUS_BITS.get('ASSURED')!;
const STATE_NAMES: ReadonlyMap<number, readonly string[]> = new Map<number, readonly string[]>([
  [IPPROTO_TCP, layout.TCP_STATES],
  [IPPROTO_SCTP, conntrack.SCTP_STATES],
  [IPPROTO_DCCP, conntrack.DCCP_STATES],
]);

/** Connections that the kernel has, as they were at one look. */
export interface CensusCounts {
  /** Of each protocol, state and family (ipv4, ipv6), where there are any. */
  readonly byState: readonly (readonly [protocol: string, state: string, family: string, count: number])[];
  readonly byZone: readonly (readonly [zone: string, count: number])[];
  /** Those that a flowtable forwards, and of these those whose packets may pass uncounted. */
  readonly offloaded: number;
  readonly suspect: number;
}

/** Counts stored connections by what their rows say. A walk is cut in slices, so that nothing waits for it. */
export class Census {
  readonly #table: StoredRows;
  readonly #isSuspect: (slot: number) => boolean;
  readonly #lasts: number;
  readonly #states = new Uint32Array(KINDS * STATES);
  readonly #zones = new Uint32Array(1 << 16);
  /** Zones that have a label of their own: as long as they have connections, so that no series comes and goes. */
  #labelled = new Set<number>();
  #offloaded = 0;
  #suspect = 0;
  #counts: Promise<CensusCounts> | undefined;
  #countedAt = Number.NEGATIVE_INFINITY;

  /** @param isSuspect of an offloaded connection; @param lasts milliseconds for which the same counts are given again */
  constructor(table: StoredRows, isSuspect: (slot: number) => boolean = () => false, lasts = LASTS_MS) {
    this.#table = table;
    this.#isSuspect = isSuspect;
    this.#lasts = lasts;
  }

  /** The counts of not long ago. */
  count(): Promise<CensusCounts> {
    const now = performance.now();
    if (!this.#counts || now - this.#countedAt >= this.#lasts) {
      this.#countedAt = now;
      this.#counts = this.#walk();
    }
    return this.#counts;
  }

  async #walk(): Promise<CensusCounts> {
    this.#states.fill(0);
    this.#zones.fill(0);
    this.#offloaded = this.#suspect = 0;
    let began = performance.now();
    // what is added behind `top` meanwhile is counted too
    for (let from = 0; from < this.#table.top; from += SLICE) {
      this.#countSlots(from, Math.min(from + SLICE, this.#table.top));
      if (performance.now() - began < SLICE_MS) continue;
      await new Promise(resolve => setImmediate(resolve));
      began = performance.now();
    }
    return { byState: this.#byState(), byZone: this.#byZone(), offloaded: this.#offloaded, suspect: this.#suspect };
  }

  #countSlots(from: number, to: number): void {
    const { rows, bytes, flags } = this.#table;
    const halves = new Uint16Array(rows.buffer, rows.byteOffset);
    const states = this.#states;
    const zones = this.#zones;
    for (let slot = from; slot < to; slot++) {
      if ((flags[slot] & (IN_USE | GONE)) !== IN_USE) continue;
      const at = slot * ROW_WORDS;
      const present = rows[at + PRESENT_WORD];
      const byte = slot * ROW_SIZE;
      let state: number;
      if (present & HAS_STATE) state = bytes[byte + STATE] & (STATES - 1);
      else {
        const status = rows[at + STATUS_WORD];
        state = FIRST_REPLY + (status & ASSURED ? 2 : status & SEEN_REPLY ? 1 : 0);
      }
      const kind = (bytes[byte + FAMILY] === AF_INET6 ? 256 : 0) | bytes[byte + PROTOCOL];
      states[(kind << STATE_BITS) | state]++;
      if (isOffloaded(rows[at + STATUS_WORD])) {
        this.#offloaded++;
        if (this.#isSuspect(slot)) this.#suspect++;
      }
      // zone 0 has no attribute
      const zone = present & HAS_ORIG_ZONE ? ORIG_ZONE : REPLY_ZONE;
      zones[present & (HAS_ORIG_ZONE | HAS_REPLY_ZONE) ? halves[(byte + zone) >> 1] : 0]++;
    }
  }

  #byState(): CensusCounts['byState'] {
    const sums = new Map<string, [string, string, string, number]>();
    for (const [place, count] of this.#states.entries()) {
      if (count === 0) continue;
      const kind = place >> STATE_BITS;
      const number = kind & 255;
      const reached = place & (STATES - 1);
      const state = REPLIES[reached - FIRST_REPLY] ?? STATE_NAMES.get(number)?.[reached] ?? OTHER;
      const protocol = NAMED.has(number) ? protocolName(number) : OTHER;
      const family = kind > 255 ? 'ipv6' : 'ipv4';
      const key = `${protocol} ${state} ${family}`;
      const sum = sums.get(key);
      if (sum) sum[3] += count;
      else sums.set(key, [protocol, state, family, count]);
    }
    return [...sums.values()];
  }

  #byZone(): CensusCounts['byZone'] {
    const zones = this.#zones;
    this.#labelled = new Set([...this.#labelled].filter(zone => zones[zone] > 0));
    const counts: [string, number][] = [];
    let others = 0;
    for (const [zone, count] of zones.entries()) {
      if (count === 0) continue;
      if (this.#labelled.size < MOST_ZONES) this.#labelled.add(zone);
      if (this.#labelled.has(zone)) counts.push([String(zone), count]);
      else others += count;
    }
    if (others > 0) counts.push([OTHER, others]);
    return counts;
  }
}
