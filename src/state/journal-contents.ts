import type { Batch } from '../row/batch.js';
import { addSum, copyRow, countsOf, isEmpty, keyText, type SumRows } from '../record/sum-row.js';
import { IDENTITY_FLAGS, ID_WORD, PRESENT_WORD, ROW_SIZE, ROW_WORDS, START_NS_WORD } from '../row/layout.generated.js';
import { COUNTER_WORDS, NO_STATE } from '../schedule/export-state.js';
import { readNumber, subtract, writeNumber } from '../common/u64.js';
import {
  CARRIED,
  DESTINATION,
  destinationOf,
  DONE,
  ENDED,
  ENTRY_SIZE,
  ENTRY_WORDS,
  EntryBlock,
  FILE_ID,
  HEAD_WORDS,
  IDENTITY_WORDS,
  PENDING,
  LAST_WORD,
  lastWord,
  PENDING_SUMS,
  ROW_ENTRIES,
  SUMMED,
  WITHDRAWN,
} from './entry-block.js';
import type { Block } from './journal-file.js';
import { ExportedTable } from './exported-table.js';
import type { JournalId } from './sequence-file.js';

/** Destinations that a file can name; far more than an exporter has (the store holds 255). */
export const MOST_DESTINATIONS = 1024;

/** What was being sent when a run was killed: it may have been received or not. */
export interface Uncertain {
  records: number;
  packets: number;
  octets: number;
}

interface Pending extends Uncertain {
  readonly batch: number;
  /** Its entries as they were before, where that is still known. */
  readonly before?: Uint32Array;
  /** Its sums, where these are still known. */
  readonly sums?: readonly SumRows[];
}

/** A destination of the journal. */
export interface KnownDestination {
  readonly number: number;
  readonly name: string;
  /** Milliseconds since 1970: a connection that began since, and has no entry, was never exported to it. */
  readonly since: number;
  /** Batches that were being sent, and of which it is not known whether they were. */
  pending: Pending[];
  /** The last batch. */
  batch: number;
  /** Sums that were not sent, by their keys. */
  readonly sums: Map<string, SumRows>;
}

/** What a journal contains, block by block. */
export class JournalContents {
  readonly table: ExportedTable;
  readonly destinations: KnownDestination[] = [];
  /** Undefined for a file of an earlier version. */
  id: JournalId | undefined;
  readonly #byNumber = new Map<number, KnownDestination>();
  readonly #delta = new Uint32Array(2);
  readonly #identity = new Uint32Array(IDENTITY_WORDS);
  readonly #keptEnds: number;
  /** By number of the destination: words of the last entries that have ended. */
  readonly #lastEnded = new Map<number, { readonly words: Int32Array; count: number }>();

  /**
   * @param bytes of the journal: they limit its entries
   * @param keptEnds how many ended ones of a destination are known in their order, the last
   */
  constructor(bytes: number, keptEnds = 0) {
    this.#keptEnds = keptEnds;
    this.table = new ExportedTable(Math.floor(bytes / ENTRY_SIZE));
  }

  /** @returns false where the block makes no sense */
  take(block: Block): boolean {
    const { kind, words, at } = block;
    if (kind === FILE_ID) {
      this.id = [words[at], words[at + 1]];
      return true;
    }
    if (kind === DESTINATION) return this.#takeDestination(block);
    const destination = this.#byNumber.get(block.destination);
    if (kind === DONE) {
      if (!destination) return false;
      const { pending } = destination;
      let done = 0;
      while (done < pending.length && ((block.batch - pending[done].batch) | 0) >= 0) done++;
      pending.splice(0, done);
      return true;
    }
    if (kind === CARRIED) {
      if (!destination) return false;
      const [records, packets, octets] = [0, 2, 4].map(word => readNumber(words, at + word));
      this.#addPending(destination, { batch: block.batch, records, packets, octets });
      return true;
    }
    if (kind === WITHDRAWN) {
      if (!destination) return false;
      this.#withdraw(destination, block.batch, words[at]);
      return true;
    }
    if (kind === SUMMED) return destination !== undefined && this.#takeSummed(destination, block);
    if (kind === PENDING_SUMS) return destination !== undefined && this.#takePendingSums(destination, block);
    return this.#takeEntries(block, destination);
  }

  /** Entries of connections, each as it holds from now on. */
  #takeEntries(block: Block, destination: KnownDestination | undefined): boolean {
    const { kind, words, at } = block;
    const sum: Uncertain = { records: block.count, packets: 0, octets: 0 };
    const before = new Uint32Array(kind === PENDING ? block.count * ENTRY_WORDS : 0);
    for (let entry = at; entry < at + block.count * ENTRY_WORDS; entry += ENTRY_WORDS) {
      if (destinationOf(words[entry + ENTRY_WORDS - 1]) !== block.destination) return false;
      const { count } = this.table;
      const to = this.table.place(words, entry);
      // a new one has its last word already
      const wasEnded = this.table.count === count && this.table.isEnded(to);
      if (kind === PENDING) {
        this.#addDeltas(sum, words, entry + IDENTITY_WORDS, to + IDENTITY_WORDS);
        before.set(this.table.words.subarray(to, to + ENTRY_WORDS), entry - at);
        if (this.table.count > count) before[entry - at + LAST_WORD] = lastWord(0, NO_STATE, block.destination, false);
      }
      if (words[entry + LAST_WORD] & ENDED && !wasEnded) this.#noteEnded(to, block.destination);
      for (let word = IDENTITY_WORDS; word < ENTRY_WORDS; word++) this.table.words[to + word] = words[entry + word];
    }
    if (!destination) return false;
    if (kind === PENDING) this.#addPending(destination, { batch: block.batch, before, ...sum });
    return true;
  }

  /** The entries of these rows are to be kept, at whatever destination. */
  keepEnded({ u32, count }: Batch): void {
    for (let row = 0; row < count; row++) {
      const from = (row * ROW_SIZE) >> 2;
      if ((u32[from + PRESENT_WORD] & IDENTITY_FLAGS) !== IDENTITY_FLAGS) continue;
      this.#identity[0] = u32[from + ID_WORD];
      this.#identity[1] = u32[from + START_NS_WORD];
      this.#identity[2] = u32[from + START_NS_WORD + 1];
      for (const { number } of this.destinations) {
        const word = this.table.find(this.#identity, 0, number);
        if (word >= 0) this.table.mark(word);
      }
    }
  }

  /** The last that have ended are to be kept: their event may come again, or come late. */
  keepLastEnded(): void {
    for (const { words, count } of this.#lastEnded.values()) {
      for (let i = 0; i < Math.min(count, words.length); i++) this.table.mark(words[i]);
    }
  }

  #noteEnded(word: number, destination: number): void {
    if (this.#keptEnds === 0) return;
    let last = this.#lastEnded.get(destination);
    if (!last) this.#lastEnded.set(destination, (last = { words: new Int32Array(this.#keptEnds), count: 0 }));
    last.words[last.count++ % last.words.length] = word;
  }

  #takeDestination({ destination: number, words, at, count }: Block): boolean {
    const bytes = Buffer.from(words.buffer, (at + 4) * 4, count * ENTRY_SIZE - 16);
    const length = words[at + 2];
    if (length > bytes.length) return false;
    const known = this.#byNumber.get(number);
    if (!known && this.destinations.length === MOST_DESTINATIONS) return false;
    const { pending = [], batch = 0, sums = new Map<string, SumRows>() } = known ?? {};
    const destination: KnownDestination = {
      number,
      name: bytes.toString('utf8', 0, length),
      since: readNumber(words, at),
      pending,
      batch,
      sums,
    };
    this.#byNumber.set(number, destination);
    if (known) this.destinations[this.destinations.indexOf(known)] = destination;
    else this.destinations.push(destination);
    return true;
  }

  #addPending(destination: KnownDestination, pending: KnownDestination['pending'][number]): void {
    destination.pending.push(pending);
    destination.batch = pending.batch;
  }

  #takeSummed(destination: KnownDestination, block: Block): boolean {
    const { words, at, count } = block;
    const connections = words[at];
    if (connections >= count || (count - 1 - connections) % ROW_ENTRIES !== 0) return false;
    const entries = { ...block, at: at + ENTRY_WORDS, count: connections };
    if (!this.#takeEntries(entries, destination)) return false;
    for (let from = entries.at + connections * ENTRY_WORDS; from < at + count * ENTRY_WORDS; from += ROW_WORDS) {
      const key = keyText(words, from);
      const sum = destination.sums.get(key) ?? copyRow(words, from);
      sum.words.set(words.subarray(from, from + ROW_WORDS));
      if (isEmpty(sum, 0)) destination.sums.delete(key);
      else destination.sums.set(key, sum);
    }
    return true;
  }

  #takePendingSums(destination: KnownDestination, { words, at, count, batch }: Block): boolean {
    if (count % ROW_ENTRIES !== 0) return false;
    const pending = { batch, records: count / ROW_ENTRIES, packets: 0, octets: 0, sums: [] as SumRows[] };
    for (let from = at; from < at + count * ENTRY_WORDS; from += ROW_WORDS) {
      const sum = copyRow(words, from);
      const { packets, octets } = countsOf(sum);
      pending.packets += packets;
      pending.octets += octets;
      pending.sums.push(sum);
      destination.sums.delete(keyText(words, from));
    }
    this.#addPending(destination, pending);
    return true;
  }

  /** A batch whose entries before are not known any more stays pending, as does one in front of the first. */
  #withdraw(destination: KnownDestination, first: number, from: number): void {
    const isBehind = (batch: number): boolean => ((batch - first) | 0) >= 0;
    for (const { batch, before = new Uint32Array(0), sums = [] } of destination.pending.toReversed()) {
      if (!isBehind(batch)) continue;
      for (const sum of batch === first ? sums.slice(from) : sums) {
        // another one of its key may have been begun
        const key = keyText(sum.words, 0);
        const begun = destination.sums.get(key);
        if (begun) addSum(sum, 0, begun, 0);
        destination.sums.set(key, sum);
      }
      const sent = batch === first ? from * ENTRY_WORDS : 0;
      // backwards, as a connection may be among them twice
      for (let entry = before.length - ENTRY_WORDS; entry >= sent; entry -= ENTRY_WORDS)
        this.table.words.set(before.subarray(entry, entry + ENTRY_WORDS), this.table.place(before, entry));
    }
    const isKnown = ({ before, sums }: Pending): boolean => before !== undefined || sums !== undefined;
    destination.pending = destination.pending.filter(one => !isBehind(one.batch) || !isKnown(one));
  }

  #addDeltas(sum: Uncertain, words: Uint32Array, at: number, before: number): void {
    for (let word = 0; word < COUNTER_WORDS; word += 2) {
      subtract(words, at + word, this.table.words, before + word, this.#delta, 0);
      if (word & 2) sum.octets += readNumber(this.#delta, 0);
      else sum.packets += readNumber(this.#delta, 0);
    }
  }
}

/** The words of a DESTINATION block's payload, whole entries of them. */
export function destinationPayload({ name, since }: Pick<KnownDestination, 'name' | 'since'>): Uint32Array {
  const text = Buffer.from(name, 'utf8');
  const entries = Math.ceil((16 + text.length) / ENTRY_SIZE);
  const words = new Uint32Array(entries * ENTRY_WORDS);
  writeNumber(words, 0, since);
  words[2] = text.length;
  new Uint8Array(words.buffer).set(text, 16);
  return words;
}

/** A destination as a block of the journal. */
export function destinationBlock(destination: { number: number; name: string; since: number }): Uint8Array {
  const payload = destinationPayload(destination);
  const block = new EntryBlock(payload.length / ENTRY_WORDS);
  block.words.set(payload, HEAD_WORDS);
  block.count = block.capacity;
  return block.seal(DESTINATION, destination.number);
}
