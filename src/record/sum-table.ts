import { increase, subtract } from '../common/u64.js';
import { EXPORTED_SIZE, type FlowColumns } from '../encoder/columns.js';
import { biflowDirection } from '../encoder/flow-facts.js';
import { AGGREGATE_KEYS, REMAINDER_FLAG, type AggregateKey } from '../ipfix/profile-aggregate.js';
import { ORIGINAL, REPLY } from '../row/direction.js';
import * as row from '../row/layout.generated.js';
import type { ExportSlots } from '../schedule/export-state.js';
import type { ConnectionTable } from '../store/connection-table.js';
import { SlotList } from '../store/slot-list.js';
import {
  addSum,
  COUNTER_WORDS,
  COUNTERS_WORD,
  FLOWS_WORD,
  hashKey,
  KEY_SET_WORD,
  KEY_WORDS,
  newSumRows,
  sameKey,
  widen,
  type SumRows,
} from './sum-row.js';

const { ROW_SIZE, ROW_WORDS } = row;
/** The remainder's slot; keys have those behind it. */
const REMAINDER_SLOT = 0;
const NONE = 0;
const LEAST_BUCKETS = 16;
const ZONES = row.HAS_ORIG_ZONE | row.HAS_REPLY_ZONE;

/** Where a connection has the values of a key: offset and bytes. */
const PLACES: Readonly<Record<AggregateKey, readonly [offset: number, bytes: number]>> = {
  family: [row.FAMILY, 1],
  protocol: [row.PROTOCOL, 1],
  src: [ORIGINAL.source, 16],
  dst: [ORIGINAL.destination, 16],
  'src.port': [ORIGINAL.sourcePort, 2],
  'dst.port': [ORIGINAL.destinationPort, 2],
  // the reply goes to the source of the request, unless that was translated
  'nat.src': [REPLY.destination, 16],
  'nat.dst': [REPLY.source, 16],
  'nat.src.port': [REPLY.destinationPort, 2],
  'nat.dst.port': [REPLY.sourcePort, 2],
  zone: [row.ORIG_ZONE, 4],
  mark: [row.MARK, 4],
};
const ADDRESSES = new Set<AggregateKey>(['src', 'dst', 'nat.src', 'nat.dst']);
const PORTS: readonly AggregateKey[] = ['src.port', 'dst.port', 'nat.src.port', 'nat.dst.port'];

/** A table grows no larger than this; each key takes some 350 bytes. */
export const MOST_SUMS = 1 << 20;

/** The sums of one interval by their keys, in the order in which their first connections came; what finds no room is in the remainder. */
export class SumTable {
  readonly rows: SumRows;
  /** As {@link ExportSlots} have it: of a sum nothing is exported before its record. */
  readonly exported: Uint8Array;
  readonly columns: FlowColumns;
  /** Connections' deltas that found no room for their key. */
  overflowed = 0;
  readonly #limit: number;
  readonly #keySet: number;
  readonly #keyFlags: number;
  /** Of the words of a key, the bits that are kept. */
  readonly #masks: Uint32Array;
  readonly #order: SlotList;
  /** By hash: the first slot of a chain. */
  readonly #heads: Int32Array;
  readonly #next: Int32Array;
  readonly #free: Int32Array;
  #freed = 0;
  #top = 1;
  #size = 0;
  /** The key that is looked for. */
  readonly #wanted = new Uint32Array(ROW_WORDS);
  readonly #wantedHalves = new Uint16Array(this.#wanted.buffer);
  readonly #delta = new Uint32Array(2);

  /** @param limit keys; @param denied they sum up denied packets */
  constructor(keys: readonly AggregateKey[], limit: number, denied: boolean) {
    const slots = limit + 1;
    this.#limit = limit;
    this.#keySet = AGGREGATE_KEYS.reduce((set, key, i) => (keys.includes(key) ? set | (1 << i) : set), 0);
    this.#masks = masksOf(keys);
    const some = (list: readonly AggregateKey[]): boolean => list.some(key => keys.includes(key));
    this.#keyFlags =
      (some(PORTS) ? row.HAS_PORTS : 0) | (some(['zone']) ? ZONES : 0) | (some(['mark']) ? row.HAS_MARK : 0);
    // memory that is not touched is not committed
    this.rows = newSumRows(slots);
    this.exported = new Uint8Array(slots * EXPORTED_SIZE);
    this.columns = {
      rows: this.rows.bytes,
      flags: new Uint8Array(slots),
      helpers: new Uint8Array(slots * (row.EVENT - row.HELPER)),
      zeroed: new Uint32Array(slots * COUNTER_WORDS),
      extras: denied ? deniedExtras(slots) : {},
    };
    this.#order = SlotList.of(slots);
    let buckets = LEAST_BUCKETS;
    while (buckets < limit) buckets *= 2;
    this.#heads = new Int32Array(buckets);
    this.#next = new Int32Array(slots);
    this.#free = new Int32Array(slots);
  }

  /** Keys now. */
  get keys(): number {
    return this.#order.has(REMAINDER_SLOT) ? this.#size - 1 : this.#size;
  }

  /** Sums now, the remainder's among them. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds what is not yet exported of a connection.
   * @returns the slot of its sum
   */
  add(table: ConnectionTable, slots: ExportSlots, slot: number): number {
    const { rows: source, bytes } = table;
    const from = slot * ROW_WORDS;
    this.#takeKey(source, from);
    const sum = this.#place();
    if (sum === REMAINDER_SLOT) this.overflowed++;
    const { words } = this.rows;
    const to = sum * ROW_WORDS;
    const present = source[from + row.PRESENT_WORD];
    const before = slots.countersAt(slot);
    for (let word = 0; word < COUNTER_WORDS; word += 2) {
      subtract(source, from + COUNTERS_WORD + word, slots.words, before + word, this.#delta, 0);
      increase(words, to + COUNTERS_WORD + word, this.#delta, 0);
    }
    if (slots.lastReason(slot) === 0) this.#countFlow(to);
    words[to + row.PRESENT_WORD] |= present & (row.HAS_ORIG_COUNTERS | row.HAS_REPLY_COUNTERS);
    widen(this.rows, sum, table.startMs(slot), table.endMs(slot), biflowDirection(present, bytes, from * 4));
    return sum;
  }

  /**
   * Adds a sum of an earlier run. Made with keys that are not all of these, it goes into the remainder.
   * @returns its slot, and whether it is there under the key that it had
   */
  load(sums: SumRows, at: number): { slot: number; same: boolean } {
    const { words } = sums;
    const from = at * ROW_WORDS;
    const before = words[from + KEY_SET_WORD];
    const wasRemainder = (words[from + row.PRESENT_WORD] & REMAINDER_FLAG) !== 0;
    let slot = REMAINDER_SLOT;
    if (wasRemainder || (this.#keySet & ~before) !== 0) this.#openRemainder();
    else {
      this.#takeKey(words, from);
      slot = this.#place();
    }
    addSum(this.rows, slot, sums, at);
    const same = before === this.#keySet && wasRemainder === (slot === REMAINDER_SLOT);
    return { slot, same };
  }

  /** The first sums. @returns how many were written into `slots` */
  first(slots: Uint32Array, most: number): number {
    let count = 0;
    for (let slot = this.#order.head; slot >= 0 && count < most; slot = this.#order.after(slot)) slots[count++] = slot;
    return count;
  }

  /** It was sent. */
  remove(slot: number): void {
    this.#order.remove(slot);
    this.#size--;
    this.exported.fill(0, slot * EXPORTED_SIZE, (slot + 1) * EXPORTED_SIZE);
    if (slot !== REMAINDER_SLOT) {
      this.#unlink(slot);
      this.#free[this.#freed++] = slot;
    }
    this.rows.words.fill(0, slot * ROW_WORDS, (slot + 1) * ROW_WORDS);
  }

  /** What the row at word `from` has of the keys is looked for. */
  #takeKey(source: Uint32Array, from: number): void {
    const wanted = this.#wanted;
    const masks = this.#masks;
    for (let i = 0; i < KEY_WORDS.length; i++) wanted[KEY_WORDS[i]] = source[from + KEY_WORDS[i]] & masks[i];
    let present = source[from + row.PRESENT_WORD] & this.#keyFlags;
    if (present & row.HAS_ORIG_ZONE) {
      // a record has one of them
      present &= ~row.HAS_REPLY_ZONE;
      this.#wantedHalves[row.REPLY_ZONE / 2] = 0;
    }
    wanted[row.PRESENT_WORD] = present;
    // what stands there is an identifier or a type
    if ((present & row.HAS_PORTS) === 0) {
      wanted[row.ORIG_SPORT_WORD] = 0;
      wanted[row.REPLY_SPORT_WORD] = 0;
    }
  }

  /** The slot of the key that is looked for; the remainder's where there is no room for it. */
  #place(): number {
    const { words } = this.rows;
    const wanted = this.#wanted;
    const bucket = this.#bucket(wanted, 0);
    for (let slot = this.#heads[bucket]; slot !== NONE; slot = this.#next[slot])
      if (sameKey(words, slot * ROW_WORDS, wanted, 0)) return slot;
    let slot: number;
    if (this.#freed > 0) slot = this.#free[--this.#freed];
    else if (this.#top <= this.#limit) slot = this.#top++;
    else return this.#openRemainder();
    const to = slot * ROW_WORDS;
    for (let i = 0; i < KEY_WORDS.length; i++) words[to + KEY_WORDS[i]] = wanted[KEY_WORDS[i]];
    this.#open(slot, wanted[row.PRESENT_WORD]);
    this.#next[slot] = this.#heads[bucket];
    this.#heads[bucket] = slot;
    return slot;
  }

  #openRemainder(): number {
    if (!this.#order.has(REMAINDER_SLOT)) this.#open(REMAINDER_SLOT, REMAINDER_FLAG);
    return REMAINDER_SLOT;
  }

  #open(slot: number, flags: number): void {
    const { words } = this.rows;
    const to = slot * ROW_WORDS;
    // an encoder's entry then says which sum it is about
    words[to + row.ID_WORD] = slot;
    words[to + row.PRESENT_WORD] = flags | row.IDENTITY_FLAGS;
    words[to + KEY_SET_WORD] = this.#keySet;
    this.#order.push(slot);
    this.#size++;
  }

  #countFlow(to: number): void {
    const { words } = this.rows;
    words[to + FLOWS_WORD]++;
    if (words[to + FLOWS_WORD] === 0) words[to + FLOWS_WORD + 1]++;
  }

  #unlink(slot: number): void {
    const bucket = this.#bucket(this.rows.words, slot * ROW_WORDS);
    if (this.#heads[bucket] === slot) {
      this.#heads[bucket] = this.#next[slot];
      return;
    }
    let before = this.#heads[bucket];
    while (this.#next[before] !== slot) before = this.#next[before];
    this.#next[before] = this.#next[slot];
  }

  #bucket(words: Uint32Array, from: number): number {
    return hashKey(words, from) & (this.#heads.length - 1);
  }
}

/** For each word of a key, the bits that are kept; by bytes, so that it holds on hosts of either byte order. */
function masksOf(keys: readonly AggregateKey[]): Uint32Array {
  const mask = new Uint32Array(ROW_WORDS);
  const bytes = new Uint8Array(mask.buffer, 0, ROW_SIZE);
  for (const key of keys) {
    const [offset, length] = PLACES[key];
    bytes.fill(0xff, offset, offset + length);
  }
  // of an address it says what it is
  if (keys.some(key => ADDRESSES.has(key))) bytes[row.FAMILY] = 0xff;
  return Uint32Array.from(KEY_WORDS, word => mask[word]);
}

/** As if one rule had denied all. */
function deniedExtras(slots: number): FlowColumns['extras'] {
  return { rules: new Uint16Array(slots).fill(1), ruleFacts: new Uint32Array(8) };
}
