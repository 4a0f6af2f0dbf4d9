import { FLOW_NAMES, type FlowExtras } from '../encoder/columns.js';
import type { NameTable } from '../record/name-table.js';
import * as conntrack from '../row/conntrack.js';
import * as layout from '../row/layout.generated.js';
import { protocolName } from '../row/protocol.js';
import { FORCED_END } from '../store/end-reason.js';
import type { FlowStore, StoreListener } from '../store/flow-store.js';

const { CLOSE, ESTABLISHED, STATUS_BITS, SYN_RECV, SYN_SENT } = conntrack;
const {
  HAS_PORTS,
  HAS_REPLY_COUNTERS,
  HAS_STATUS,
  HAS_TCP_STATE,
  ORIG_DPORT,
  PRESENT_WORD,
  PROTOCOL,
  REPLY_PACKETS_WORD,
  ROW_SIZE,
  ROW_WORDS,
  STATUS_WORD,
} = layout;

/** Services with counts of their own; all others are one. */
const MOST_SERVICES = 64;
const OTHER = 'other';
const SEEN_REPLY = STATUS_BITS.get('SEEN_REPLY')!;
/** Where a flow has the name of its service, of FLOW_NAMES. */
const SERVICE = FLOW_NAMES - 1;
const STATE_BITS = 4;
const STATE_MASK = 15;

/** Connections that came to nothing. */
export interface OutcomeCounts {
  /** TCP: the answer to SYN was RST. */
  refused: number;
  /** They ended without a packet of the reply direction. */
  unanswered: number;
  /** TCP: they were answered, and ended by RST without a FIN before it. */
  reset: number;
}

/** How the connections of a store ended, by the service at their original destination. */
export class ConnectionOutcomes implements StoreListener {
  readonly #counts = new Map<string, OutcomeCounts>();
  /** Of those beyond. */
  readonly #others = noOutcomes();
  readonly #store: FlowStore;
  readonly #states: Uint32Array;
  readonly #extras: FlowExtras;
  readonly #names: NameTable;
  readonly #halves: Uint16Array;

  /** @param states TCP states that connections went through, by slot; @param extras names of services, where they are known */
  constructor(store: FlowStore, states: Uint32Array, extras: FlowExtras, names: NameTable) {
    const { bytes } = store.table;
    this.#store = store;
    this.#states = states;
    this.#extras = extras;
    this.#names = names;
    this.#halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
    store.subscribe(this);
  }

  /** By service: its name in the inventory, else protocol/port. */
  get counts(): Readonly<Record<string, OutcomeCounts>> {
    const others = Object.values(this.#others).some(count => count > 0) ? { [OTHER]: this.#others } : {};
    return { ...Object.fromEntries(this.#counts), ...others };
  }

  added(): void {}

  gone(slot: number, reason: number): void {
    const outcome = this.#outcomeOf(slot, reason);
    if (outcome) this.#countsOf(slot)[outcome]++;
  }

  #outcomeOf(slot: number, reason: number): keyof OutcomeCounts | undefined {
    const { rows } = this.#store.table;
    const at = slot * ROW_WORDS;
    const present = rows[at + PRESENT_WORD];
    const answered = isAnswered(rows, at, present);
    // who deletes an entry says nothing of the other end
    if (answered === false) return reason === FORCED_END ? undefined : 'unanswered';
    if (!(present & HAS_TCP_STATE) || !answered) return undefined;
    const [before, last] = lastStates(this.#states[slot]);
    // the kernel takes a refused one out at once, and older ones do not say in which state
    if (last === SYN_SENT || (last === CLOSE && before === SYN_SENT)) return 'refused';
    return last === CLOSE && (before === ESTABLISHED || before === SYN_RECV) ? 'reset' : undefined;
  }

  #countsOf(slot: number): OutcomeCounts {
    const service = this.#serviceOf(slot);
    const known = this.#counts.get(service) ?? (this.#counts.size < MOST_SERVICES ? undefined : this.#others);
    if (known) return known;
    const counts = noOutcomes();
    this.#counts.set(service, counts);
    return counts;
  }

  #serviceOf(slot: number): string {
    const { table } = this.#store;
    const { names: numbers } = this.#extras;
    const number = numbers ? numbers[slot * FLOW_NAMES + SERVICE] : 0;
    if (number !== 0) return this.#names.text(number);
    const protocol = protocolName(table.bytes[slot * ROW_SIZE + PROTOCOL]);
    if (!(table.rows[slot * ROW_WORDS + PRESENT_WORD] & HAS_PORTS)) return protocol;
    return `${protocol}/${this.#halves[(slot * ROW_SIZE + ORIG_DPORT) >> 1]}`;
  }
}

function noOutcomes(): OutcomeCounts {
  return { refused: 0, unanswered: 0, reset: 0 };
}

/** Whether the reply direction had a packet; undefined where neither counters nor status tell. */
function isAnswered(rows: Uint32Array, at: number, present: number): boolean | undefined {
  if (present & HAS_REPLY_COUNTERS) return (rows[at + REPLY_PACKETS_WORD] | rows[at + REPLY_PACKETS_WORD + 1]) !== 0;
  return present & HAS_STATUS ? (rows[at + STATUS_WORD] & SEEN_REPLY) !== 0 : undefined;
}

/** The last two of packed states; 0 for none. */
function lastStates(states: number): [before: number, last: number] {
  let [before, last] = [0, 0];
  for (let left = states; left !== 0; left >>>= STATE_BITS) [before, last] = [last, left & STATE_MASK];
  return [before, last];
}
