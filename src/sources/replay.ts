import type { Decode } from '../netlink/decode.js';
import { Batch } from '../row/batch.js';
import { CtflowError } from '../common/errors.js';
import { type ConnectionFilter, filterWords } from '../row/filter.js';
import { EVENT_DESTROY, EVENT_WORD, ROW_SIZE } from '../row/layout.generated.js';
import { wholeMessages } from '../netlink/decode.js';
import { RecordingReader } from './recording.js';
import { DumpRows } from './dump-rows.js';
import type { DumpSummary, OnRows, Source } from './source.js';

const NANOSECONDS_A_MILLISECOND = 1_000_000n;
const NOTHING = new Uint8Array(0);

/** Rows of events that are decoded at once. */
const EVENTS = 256;

/** Plays a recording: each dump is the next recorded one, with its recorded time and the events before it. Needs no Linux. */
export class ReplaySource implements Source {
  readonly kind = 'replay';
  readonly #path: string;
  readonly #decode: Decode;
  readonly #words: Uint32Array;
  readonly #rows = new DumpRows();
  #reader: RecordingReader | undefined;
  #events: Batch | undefined;
  #closed = false;

  constructor(path: string, decode: Decode, filter: ConnectionFilter = {}) {
    this.#path = path;
    this.#decode = decode;
    this.#words = filterWords(filter);
  }

  /**
   * Plays the next recorded dump. NEW and UPDATE events are passed over: what they are about is in the next dump, or has a DESTROY.
   * @returns undefined when all are played
   * @throws CtflowError CTFLOW_RECORDING where the file cannot be read, is no recording or is damaged
   */
  async dump(onBatch: OnRows, onDestroys?: OnRows): Promise<DumpSummary | undefined> {
    this.#rows.begin(onBatch);
    try {
      const reader = await this.#open();
      const decoder = new DumpDecoder(this.#decode, reader.littleEndian, this.#words, this.#rows);
      const at = await reader.nextDump(
        (netlink, at) => decoder.decode(netlink, milliseconds(at)),
        onDestroys &&
          (async (netlink, at) => {
            // rows of the dump that were read before
            await this.#rows.deliver(milliseconds(at));
            await this.#deliverDestroys(netlink, reader.littleEndian, milliseconds(at), onDestroys);
          }),
      );
      if (at === undefined) return undefined;
      await this.#rows.deliver(milliseconds(at));
      return decoder.summary(milliseconds(at), reader.isWhole);
    } finally {
      this.#rows.end();
    }
  }

  async hasEvents(): Promise<boolean> {
    return (await this.#open()).hasEvents;
  }

  sysctl(): undefined {
    return undefined;
  }

  setSysctl(name: string): never {
    throw new CtflowError(
      'CTFLOW_USAGE',
      `A recording has no setting ${name}`,
      'Change it on the host that was recorded',
    );
  }

  close(): void {
    this.#closed = true;
    void this.#reader?.close().catch(() => {});
  }

  async #deliverDestroys(netlink: Uint8Array, littleEndian: boolean, at: number, onDestroys: OnRows): Promise<void> {
    const batch = (this.#events ??= new Batch(EVENTS));
    for (let position = 0; position < netlink.length;) {
      const decoded = this.#decode(netlink.subarray(position), littleEndian, this.#words, batch.bytes);
      if (decoded.consumed === 0) return;
      position += decoded.consumed;
      batch.count = decoded.rows;
      // a frame has events of one socket: DESTROY, or all others
      if (batch.count > 0 && batch.u32[EVENT_WORD] === EVENT_DESTROY) await onDestroys(batch, at);
    }
  }

  async #open(): Promise<RecordingReader> {
    if (!this.#closed) this.#reader ??= await RecordingReader.open(this.#path);
    if (this.#reader && !this.#closed) return this.#reader;
    this.close(); // it was closed while the file was opened
    throw new CtflowError('CTFLOW_RECORDING', `The replay of '${this.#path}' is closed`, 'Open it again');
  }
}

/** Decodes the pieces of one recorded dump into batches. */
class DumpDecoder {
  readonly #decode: Decode;
  readonly #littleEndian: boolean;
  readonly #words: Uint32Array;
  readonly #rows: DumpRows;
  /** The beginning of a message that goes on in the next piece. */
  #cut: Uint8Array = NOTHING;
  /** Where the next message begins is unknown: the rest of the dump cannot be read. */
  #lost = false;
  #done = false;
  #interrupted = false;
  #filtered = 0;
  #malformed = 0;
  #ignored = 0;
  #error: CtflowError | undefined;

  constructor(decode: Decode, littleEndian: boolean, words: Uint32Array, rows: DumpRows) {
    this.#decode = decode;
    this.#littleEndian = littleEndian;
    this.#words = words;
    this.#rows = rows;
  }

  /** @param at milliseconds since 1970 */
  async decode(piece: Uint8Array, at: number): Promise<void> {
    if (this.#lost) return;
    const netlink = this.#cut.length === 0 ? piece : Buffer.concat([this.#cut, piece]);
    const { end, lost } = wholeMessages(netlink, this.#littleEndian);
    this.#cut = lost ? NOTHING : Uint8Array.from(netlink.subarray(end));
    this.#lost = lost;
    for (let position = 0; position < end;) {
      const { batch } = this.#rows;
      const room = batch.bytes.subarray(batch.count * ROW_SIZE);
      const decoded = this.#decode(netlink.subarray(position, end), this.#littleEndian, this.#words, room);
      position += decoded.consumed;
      batch.count += decoded.rows;
      this.#filtered += decoded.filtered;
      this.#malformed += decoded.malformed;
      this.#ignored += decoded.ignored;
      this.#interrupted ||= decoded.interrupted;
      this.#done = decoded.done;
      if (decoded.error !== 0) {
        this.#error = new CtflowError(
          'CTFLOW_NETLINK',
          `The kernel ended the recorded dump with errno ${decoded.error}`,
          'Record again',
        );
      }
      if (batch.count === batch.capacity) await this.#rows.deliver(at);
    }
  }

  /** @param whole the recorder has seen the whole table */
  summary(startedAt: number, whole: boolean): DumpSummary {
    const truncated = this.#lost || this.#cut.length > 0 || !this.#done ? 1 : 0;
    const error = this.#error;
    return {
      startedAt,
      rows: this.#rows.count,
      complete: whole && !truncated && !this.#interrupted && !error,
      skipped: {
        filtered: this.#filtered,
        malformed: this.#malformed,
        ignored: this.#ignored,
        interrupted: this.#interrupted || !whole ? 1 : 0,
        truncated,
      },
      ...(error && { error }),
    };
  }
}

function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / NANOSECONDS_A_MILLISECOND);
}
