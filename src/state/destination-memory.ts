import { HAS_ID, HAS_START, ID, ORIG_PACKETS, PRESENT, START_NS } from '../row/layout.generated.js';
import type { ReportMemory, Told } from '../schedule/export-state.js';
import { nanosecondsToMilliseconds, subtract } from '../common/u64.js';
import {
  COUNTER_WORDS,
  DONE,
  ENDED,
  ENTRY_WORDS,
  EntryBlock,
  NAME_WORDS,
  PENDING,
  reasonOf,
  REPORTED,
  stateOf,
  toldWord,
  TOLD_WORD,
  WITHDRAWN,
} from './entry-block.js';
import type { KnownDestination, Uncertain } from './journal-contents.js';
import type { ReportedTable } from './reported-table.js';

const NEEDED = HAS_ID | HAS_START;
const PRESENT_WORD = PRESENT >> 2;
const ID_WORD = ID >> 2;
const START_WORD = START_NS >> 2;
const COUNTERS_FROM = ORIG_PACKETS >> 2;
const SIGN = 0x8000_0000;

export interface DestinationMemoryOptions {
  number: number;
  name: string;
  /** When this exporter began, milliseconds since 1970. */
  born: number;
  known: KnownDestination | undefined;
  table: ReportedTable | undefined;
}

/** The journal as one destination writes to it. */
export interface JournalWriter {
  /** Names the destination anew, with the moment since which it is remembered. */
  announce(destination: { number: number; name: string; since: number }): void;
  append(block: Uint8Array): void;
}

/** A batch on its way: what lies between two counts of data records that the transport was given. */
interface Batch {
  readonly batch: number;
  readonly entries: number;
  readonly from: number;
  readonly sent: number;
}

/** The journal's part of one destination: what it was told before, and the batches on their way to it. */
export class DestinationMemory implements ReportMemory {
  readonly number: number;
  readonly name: string;
  /** What of the exporter before may be missing. */
  readonly uncertain: Uncertain = { records: 0, packets: 0, octets: 0 };
  /** Milliseconds since 1970: who began since, and is not in the journal, was never reported. */
  since: number;
  readonly #journal: JournalWriter;
  readonly #notes = new EntryBlock();
  /** Batches on their way, and how many records had been sent with each of them. */
  #onTheWay: Batch[] = [];
  #table: ReportedTable | undefined;
  /** As {@link since}, for asking. */
  #never: number;
  #batch: number;
  #settled = 0;
  /** Of the batch that is being sent. */
  #entries = 0;
  #from = 0;
  /** {@link since} has moved and is to be written. */
  #leftSome = false;
  readonly #name = new Uint32Array(NAME_WORDS);
  readonly #delta = new Uint32Array(2);

  constructor(journal: JournalWriter, { number, name, born, known, table }: DestinationMemoryOptions) {
    this.#journal = journal;
    this.number = number;
    this.name = name;
    this.since = known?.since ?? born;
    this.#never = this.since;
    this.#table = known && table;
    this.#batch = known?.batch ?? 0;
    for (const { records, packets, octets } of known?.pending ?? []) {
      this.uncertain.records += records;
      this.uncertain.packets += packets;
      this.uncertain.octets += octets;
    }
  }

  recall(row: Uint32Array, from: number): Told | undefined {
    const table = this.#table;
    if (!table || !isNamed(row, from)) return undefined;
    writeName(row, from, this.#name, 0);
    const word = table.find(this.#name, 0, this.number);
    if (word < 0) return undefined;
    const ended = table.isEnded(word);
    // what has ended is not among those that are found again
    if (!ended) table.ask(word);
    const counters = table.words.slice(word + NAME_WORDS, word + TOLD_WORD);
    if (this.#fellBelow(row, from, counters)) counters.fill(0);
    const told = table.words[word + TOLD_WORD];
    return { counters, reason: reasonOf(told), state: stateOf(told), ended };
  }

  neverTold(row: Uint32Array, from: number): boolean {
    if (!isNamed(row, from)) return false;
    return nanosecondsToMilliseconds(row[from + START_WORD], row[from + START_WORD + 1]) >= this.#never;
  }

  note(
    row: Uint32Array,
    from: number,
    counters: Uint32Array,
    at: number,
    reason: number,
    state: number,
    ended: boolean,
  ): void {
    if (isNamed(row, from))
      this.#add(this.#notes, row, from, counters, at, toldWord(reason, state, this.number, ended));
    if (this.#notes.count === this.#notes.capacity) this.flush();
  }

  leftOut(): void {
    this.since = Date.now();
    this.#never = Math.max(this.#never, this.since);
    this.#leftSome = true;
  }

  /** An entry of a batch to come: the row's counters are reported when the batch is. */
  add(batch: EntryBlock, row: Uint32Array, from: number, reason: number, state: number, ended: boolean): void {
    if (!isNamed(row, from)) return;
    this.#add(batch, row, from, row, from + COUNTERS_FROM, toldWord(reason, state, this.number, ended));
  }

  /** These records are about to be sent. @param sent data records that the transport was given up to now */
  sending(batch: EntryBlock, sent: number): void {
    this.flush();
    this.#entries = batch.count;
    this.#from = sent;
    this.#batch = (this.#batch + 1) >>> 0;
    this.#journal.append(batch.seal(PENDING, this.number, this.#batch));
  }

  /** They were given to the transport. @param sent data records that it was given up to now */
  sent(sent: number): void {
    this.#onTheWay.push({ batch: this.#batch, entries: this.#entries, from: this.#from, sent });
    this.settled(0);
  }

  /** So many records more are out of the transport's hands. */
  settled(records: number): void {
    this.#settled += records;
    let done: number | undefined;
    while (this.#onTheWay.length > 0 && this.#onTheWay[0].sent <= this.#settled) done = this.#onTheWay.shift()!.batch;
    if (done !== undefined) this.#journal.append(new EntryBlock(0).seal(DONE, this.number, done));
  }

  /** What has not settled never left: the next exporter tells of it. */
  unsent(): void {
    const left = this.#settled;
    // of a batch that has left in part the entry of each record is known where each has one, and one only
    const first = this.#onTheWay.find(({ from, sent, entries }) => from >= left || sent - from === entries);
    if (!first) return;
    const block = new EntryBlock(1);
    block.words[block.next()] = Math.max(left - first.from, 0);
    this.#journal.append(block.seal(WITHDRAWN, this.number, first.batch));
  }

  /** What was noted is written. */
  flush(): void {
    if (this.#leftSome) this.#journal.announce(this);
    this.#leftSome = false;
    if (this.#notes.count > 0) this.#journal.append(this.#notes.seal(REPORTED, this.number));
  }

  /** The entry at this word is of a connection that has ended unwatched. */
  endUnwatched(table: ReportedTable, word: number): void {
    const to = this.#notes.next();
    for (let i = 0; i < ENTRY_WORDS; i++) this.#notes.words[to + i] = table.words[word + i];
    this.#notes.words[to + TOLD_WORD] |= ENDED;
    if (this.#notes.count === this.#notes.capacity) this.flush();
  }

  /** A whole poll has asked for all that is still there. */
  forgetContents(): void {
    this.#table = undefined;
    // whoever turns up now and is older than this exporter may have been in it
    this.#never = Number.POSITIVE_INFINITY;
  }

  #add(block: EntryBlock, row: Uint32Array, from: number, counters: Uint32Array, at: number, told: number): void {
    const { words } = block;
    const to = block.next();
    writeName(row, from, words, to);
    for (let word = 0; word < COUNTER_WORDS; word++) words[to + NAME_WORDS + word] = counters[at + word];
    words[to + TOLD_WORD] = told;
  }

  /** More than half the range away is below: what is reported may itself lie below zero, after counters were zeroed. */
  #fellBelow(row: Uint32Array, from: number, counters: Uint32Array): boolean {
    for (let word = 0; word < COUNTER_WORDS; word += 2) {
      subtract(row, from + COUNTERS_FROM + word, counters, word, this.#delta, 0);
      if (this.#delta[1] >= SIGN) return true;
    }
    return false;
  }
}

function isNamed(row: Uint32Array, from: number): boolean {
  return (row[from + PRESENT_WORD] & NEEDED) === NEEDED;
}

function writeName(row: Uint32Array, from: number, out: Uint32Array, to: number): void {
  out[to] = row[from + ID_WORD];
  out[to + 1] = row[from + START_WORD];
  out[to + 2] = row[from + START_WORD + 1];
}
