import { IDENTITY_FLAGS, ID_WORD, PRESENT_WORD, ROW_WORDS, START_NS_WORD } from '../row/layout.generated.js';
import { COUNTER_WORDS, COUNTERS_WORD, type ExportHistory, type LastExport } from '../schedule/export-state.js';
import { copyRow, countsOf, END_DOUBLE, type SumRows } from '../record/sum-row.js';
import { nanosecondsToMilliseconds, readNumber, subtract } from '../common/u64.js';
import {
  DONE,
  ENDED,
  ENTRY_WORDS,
  EntryBlock,
  HEAD_WORDS,
  IDENTITY_WORDS,
  PENDING,
  reasonOf,
  EXPORTED,
  stateOf,
  lastWord,
  LAST_WORD,
  WITHDRAWN,
  MOST_ENTRIES,
  PENDING_SUMS,
  ROW_ENTRIES,
  SUMMED,
} from './entry-block.js';
import type { KnownDestination, Uncertain } from './journal-contents.js';
import type { ExportedTable } from './exported-table.js';

const SIGN = 0x8000_0000;
const NOTHING = new Uint32Array(2);

export interface DestinationJournalOptions {
  number: number;
  name: string;
  /** When this exporter began, milliseconds since 1970. */
  born: number;
  known: KnownDestination | undefined;
  table: ExportedTable | undefined;
  /** Milliseconds since 1970. */
  wall?: (() => number) | undefined;
}

/** The journal as one destination writes to it. */
export interface JournalWriter {
  /** Names the destination anew, with the moment since which it is remembered. */
  announce(destination: { number: number; name: string; since: number }): void;
  append(block: Uint8Array): void;
}

/** Connections that are added to sums in one go at most: with as many sums they fit into a block. */
export const MOST_SUMMED = Math.floor((MOST_ENTRIES - 1) / (1 + ROW_ENTRIES));
/** Sums that are sent in one go at most. */
export const MOST_SUMS_SENT = Math.floor(MOST_ENTRIES / ROW_ENTRIES);

/** A batch that is being sent: what lies between two counts of data records that the transport was given. */
interface Batch {
  readonly batch: number;
  readonly entries: number;
  readonly from: number;
  readonly sent: number;
}

/** The journal of one destination: what earlier runs exported to it, and the batches that are being sent. */
export class DestinationJournal implements ExportHistory {
  readonly number: number;
  readonly name: string;
  /** What the previous run was sending when it was killed. */
  readonly uncertain: Uncertain = { records: 0, packets: 0, octets: 0 };
  /** Milliseconds since 1970: a connection that began since, and is not in the journal, was never exported. */
  since: number;
  /** Closes the messages that are open, where the session takes them. @returns whether none is open any more */
  closeMessages = (): boolean => true;
  readonly #journal: JournalWriter;
  readonly #wall: () => number;
  readonly #notes = new EntryBlock();
  /** Of evicted connections, whose last record may be encoded next. */
  readonly #evictions = new EntryBlock();
  /** Connections that are being added to sums, behind the entry that says how many. */
  readonly #summed = new EntryBlock();
  #sums: readonly SumRows[];
  /** The oldest first. */
  #inFlight: Batch[] = [];
  #table: ExportedTable | undefined;
  /** As {@link since}, for {@link neverExported}. */
  #neverSince: number;
  #batch: number;
  #settled = 0;
  /** Data records that settle next and are in no batch. */
  #inFront = 0;
  /** Of the batch that is being sent. */
  #entries = 0;
  #from = 0;
  /** {@link since} has moved and is to be written. */
  #sinceMoved = false;
  readonly #identity = new Uint32Array(IDENTITY_WORDS);
  readonly #delta = new Uint32Array(2);

  constructor(
    journal: JournalWriter,
    { number, name, born, known, table, wall = Date.now }: DestinationJournalOptions,
  ) {
    this.#journal = journal;
    this.#wall = wall;
    this.number = number;
    this.name = name;
    this.since = known?.since ?? born;
    this.#neverSince = this.since;
    this.#table = known && table;
    this.#batch = known?.batch ?? 0;
    this.#sums = [...(known?.sums.values() ?? [])];
    this.#summed.next();
    for (const { records, packets, octets } of known?.pending ?? []) {
      this.uncertain.records += records;
      this.uncertain.packets += packets;
      this.uncertain.octets += octets;
    }
  }

  lastExport(row: Uint32Array, from: number): LastExport | undefined {
    const table = this.#table;
    const word = this.#find(row, from);
    if (!table || word < 0) return undefined;
    const ended = table.isEnded(word);
    // one that has ended does not count as found again
    if (!ended) table.mark(word);
    const last = table.words[word + LAST_WORD];
    return { counters: this.#counters(table, word, row, from), reason: reasonOf(last), state: stateOf(last), ended };
  }

  /** Whether an earlier run has exported it, and not its end. */
  isOpen(row: Uint32Array, from: number): boolean {
    const word = this.#find(row, from);
    return word >= 0 && !this.#table!.isEnded(word);
  }

  /** The counters that it has exported of it, eight words; zero where nothing was, undefined where it is not known. */
  exported(row: Uint32Array, from: number): Uint32Array | undefined {
    const word = this.#find(row, from);
    if (word >= 0) return this.#counters(this.#table!, word, row, from);
    return this.neverExported(row, from) ? new Uint32Array(COUNTER_WORDS) : undefined;
  }

  neverExported(row: Uint32Array, from: number): boolean {
    if (!hasIdentity(row, from)) return false;
    return nanosecondsToMilliseconds(row[from + START_NS_WORD], row[from + START_NS_WORD + 1]) >= this.#neverSince;
  }

  /**
   * What counts as exported of a connection and may not have been. Earlier runs kept a note of each connection that they saw: one
   * without began while the clock was wrong, or they never saw it.
   * @param counted eight words that count as exported; those of the row where absent
   * @param exported eight words that were; absent where nothing is known
   */
  assumed(row: Uint32Array, from: number, counted?: Uint32Array, exported?: Uint32Array): void {
    if (!this.#table || !hasIdentity(row, from)) return;
    const left = (word: number): number => {
      const [most, at] = counted ? [counted, 0] : [row, from + COUNTERS_WORD];
      subtract(most, at + word, exported ?? NOTHING, exported ? word : 0, this.#delta, 0);
      return readNumber(this.#delta, 0);
    };
    const packets = left(0) + left(4);
    if (exported && packets === 0) return;
    this.uncertain.records++;
    this.uncertain.packets += packets;
    this.uncertain.octets += left(2) + left(6);
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
    if (!hasIdentity(row, from)) return;
    this.#add(this.#notes, row, from, counters, at, lastWord(reason, state, this.number, ended));
    this.#freeNotes();
  }

  evicted(row: Uint32Array, from: number, counters: Uint32Array, at: number, reason: number, state: number): void {
    this.since = this.#wall();
    this.#neverSince = Math.max(this.#neverSince, this.since);
    this.#sinceMoved = true;
    if (!hasIdentity(row, from)) return;
    // it may have been evicted before, and have come back
    this.writeNotes();
    this.#add(this.#evictions, row, from, counters, at, lastWord(reason, state, this.number, true));
    if (this.#evictions.count === this.#evictions.capacity) this.#writeEvictions();
  }

  /**
   * Writes the notes. A note may be of a connection whose last record waits in an open message: such messages are closed first, so
   * that it comes behind.
   * @returns false where messages stay open, as the session takes none: the notes wait then
   */
  writeNotes(): boolean {
    if (this.#notes.count > 0 && !this.closeMessages()) return false;
    this.flush();
    return true;
  }

  /** This batch is about to be sent: behind the notes of evictions, before the others. @param sent data records that the transport was given before it */
  sending(batch: EntryBlock, sent: number): void {
    this.#writeEvictions();
    this.#begin(batch.count, sent);
    this.#journal.append(batch.seal(PENDING, this.number, this.#batch));
  }

  /** Sums that earlier runs have not sent, one row each; asked for once. */
  takeSums(): readonly SumRows[] {
    const sums = this.#sums;
    this.#sums = [];
    return sums;
  }

  /** Forgets the sums that earlier runs have not sent. @returns what they held */
  dropSums(): Uncertain {
    const left = { records: 0, packets: 0, octets: 0 };
    const sums = this.takeSums();
    for (const sum of sums) {
      const { packets, octets } = countsOf(sum);
      left.records++;
      left.packets += packets;
      left.octets += octets;
    }
    for (let from = 0; from < sums.length; from += MOST_SUMMED)
      this.summed(FIRST, FIRST, 0, sums.slice(from, from + MOST_SUMMED));
    return left;
  }

  /** The deltas of this connection are added to a sum, its counters count as exported; written by {@link summed}. */
  summing(row: Uint32Array, from: number, reason: number, state: number, ended: boolean): void {
    if (!hasIdentity(row, from)) return;
    this.#add(this.#summed, row, from, row, from + COUNTERS_WORD, lastWord(reason, state, this.number, ended));
  }

  /**
   * The sums to which something was added since the last call, as they are now.
   * @param rows words of rows; @param slots of them; @param moved sums of an earlier run that were added to these
   */
  summed(rows: Uint32Array, slots: Uint32Array, count: number, moved: readonly SumRows[] = []): void {
    this.flush();
    const block = this.#summed;
    block.words[HEAD_WORDS] = block.count - 1;
    for (const { words } of moved) addRows(block, emptied(words), FIRST, 1);
    addRows(block, rows, slots, count);
    this.#journal.append(block.seal(SUMMED, this.number));
    block.next();
  }

  /** These sums are about to be sent: as {@link sending}, at most MOST_SUMS_SENT of them. */
  sendingSums(rows: Uint32Array, slots: Uint32Array, count: number, sent: number): void {
    this.flush();
    this.#begin(count, sent);
    const block = new EntryBlock(count * ROW_ENTRIES);
    addRows(block, rows, slots, count);
    this.#journal.append(block.seal(PENDING_SUMS, this.number, this.#batch));
  }

  /** The transport has the batch. @param sent data records that it was given up to now */
  sent(sent: number): void {
    this.#inFlight.push({ batch: this.#batch, entries: this.#entries, from: this.#from, sent });
    this.settled(0);
  }

  /** Another session begins: its transport counts from zero. What the one before had is sent, or was withdrawn. */
  begin(): void {
    this.flush();
    this.#inFlight.length = 0;
    this.#settled = 0;
    this.#inFront = 0;
  }

  /** Number of the last batch. */
  get batch(): number {
    return this.#batch;
  }

  /** So many data records that are in no batch go in front of those that have not settled. */
  sentInFront(records: number): void {
    this.#inFront += records;
  }

  /** So many more records were sent, or lost and counted. */
  settled(records: number): void {
    const inFront = Math.min(records, this.#inFront);
    this.#inFront -= inFront;
    this.#settled += records - inFront;
    let done: number | undefined;
    while (this.#inFlight.length > 0 && this.#inFlight[0].sent <= this.#settled) done = this.#inFlight.shift()!.batch;
    if (done !== undefined) this.#journal.append(new EntryBlock(0).seal(DONE, this.number, done));
  }

  /** What has not settled was never sent: the next run exports it. */
  withdraw(): void {
    // a note may be of a connection whose last record is among them: it must not come behind
    this.flush();
    const left = this.#settled;
    // in a batch that was sent in part, entries are distinguished only where each record has exactly one
    const first = this.#inFlight.find(({ from, sent, entries }) => from >= left || sent - from === entries);
    if (!first) return;
    const block = new EntryBlock(1);
    block.words[block.next()] = Math.max(left - first.from, 0);
    this.#journal.append(block.seal(WITHDRAWN, this.number, first.batch));
  }

  /** The journal is begun anew: what was exported until now is not in it. */
  beginAnew(): void {
    this.since = this.#wall();
    this.#sinceMoved = false;
    this.#journal.announce(this);
  }

  /** Writes the notes, whatever is open. */
  flush(): void {
    this.#writeEvictions();
    if (this.#notes.count > 0) this.#journal.append(this.#notes.seal(EXPORTED, this.number));
  }

  /** Room for another note. */
  #freeNotes(): void {
    if (this.#notes.count === this.#notes.capacity && !this.writeNotes()) this.flush();
  }

  #writeEvictions(): void {
    if (this.#sinceMoved) this.#journal.announce(this);
    this.#sinceMoved = false;
    if (this.#evictions.count > 0) this.#journal.append(this.#evictions.seal(EXPORTED, this.number));
  }

  /** The connection of the entry at this word has ended while no exporter ran. */
  endWhileDown(table: ExportedTable, word: number): void {
    const to = this.#notes.next();
    for (let i = 0; i < ENTRY_WORDS; i++) this.#notes.words[to + i] = table.words[word + i];
    this.#notes.words[to + LAST_WORD] |= ENDED;
    this.#freeNotes();
  }

  /** A complete poll has shown all connections that are still there. */
  forgetContents(): void {
    this.#table = undefined;
    // an older connection that turns up now may have been in it
    this.#neverSince = Number.POSITIVE_INFINITY;
  }

  #begin(entries: number, sent: number): void {
    this.#entries = entries;
    this.#from = sent;
    this.#batch = (this.#batch + 1) >>> 0;
  }

  #add(block: EntryBlock, row: Uint32Array, from: number, counters: Uint32Array, at: number, last: number): void {
    const { words } = block;
    const to = block.next();
    writeIdentity(row, from, words, to);
    for (let word = 0; word < COUNTER_WORDS; word++) words[to + IDENTITY_WORDS + word] = counters[at + word];
    words[to + LAST_WORD] = last;
  }

  /** The word of the entry of an earlier run, -1 where there is none. */
  #find(row: Uint32Array, from: number): number {
    if (!this.#table || !hasIdentity(row, from)) return -1;
    writeIdentity(row, from, this.#identity, 0);
    return this.#table.find(this.#identity, 0, this.number);
  }

  #counters(table: ExportedTable, word: number, row: Uint32Array, from: number): Uint32Array {
    const counters = table.words.slice(word + IDENTITY_WORDS, word + LAST_WORD);
    return this.#fellBelow(row, from, counters) ? counters.fill(0) : counters;
  }

  /** More than half the range away is below: after a counter reset the exported value may itself lie below zero. */
  #fellBelow(row: Uint32Array, from: number, counters: Uint32Array): boolean {
    for (let word = 0; word < COUNTER_WORDS; word += 2) {
      subtract(row, from + COUNTERS_WORD + word, counters, word, this.#delta, 0);
      if (this.#delta[1] >= SIGN) return true;
    }
    return false;
  }
}

const FIRST = new Uint32Array(1);

/** The row of a sum that is no more. */
function emptied(words: Uint32Array): Uint32Array {
  const empty = copyRow(words, 0);
  empty.doubles[END_DOUBLE] = 0;
  return empty.words;
}

function addRows(block: EntryBlock, rows: Uint32Array, slots: Uint32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    block.words.set(rows.subarray(slots[i] * ROW_WORDS, (slots[i] + 1) * ROW_WORDS), block.next());
    block.count += ROW_ENTRIES - 1;
  }
}

function hasIdentity(row: Uint32Array, from: number): boolean {
  return (row[from + PRESENT_WORD] & IDENTITY_FLAGS) === IDENTITY_FLAGS;
}

function writeIdentity(row: Uint32Array, from: number, out: Uint32Array, to: number): void {
  out[to] = row[from + ID_WORD];
  out[to + 1] = row[from + START_NS_WORD];
  out[to + 2] = row[from + START_NS_WORD + 1];
}
