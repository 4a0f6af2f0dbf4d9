import type { Backend } from '../backend.js';
import type { Batch } from '../batch.js';
import { CtflowError } from '../errors.js';
import { type ConnectionFilter, filterWords } from '../filter.js';
import { ROW_SIZE } from '../layout.generated.js';
import { RecordingReader } from '../recording.js';
import { BatchPair } from './batch-pair.js';
import type { DumpSummary, Source } from './source.js';

const NANOSECONDS_A_MILLISECOND = 1_000_000n;
const LARGEST_MESSAGE = 1 << 20; // the kernel's are 32 KiB at most

/** Plays a recording: each dump is the next recorded one, with its recorded time. Needs no Linux. */
export class ReplaySource implements Source {
  readonly kind = 'replay';
  readonly #path: string;
  readonly #backend: Backend;
  readonly #words: Uint32Array;
  readonly #batches = new BatchPair();
  #reader: RecordingReader | undefined;
  #closed = false;

  constructor(path: string, backend: Backend, filter: ConnectionFilter = {}) {
    this.#path = path;
    this.#backend = backend;
    this.#words = filterWords(filter);
  }

  /**
   * Plays the next recorded dump.
   * @returns undefined when all are played
   * @throws CtflowError CTFLOW_RECORDING where the file cannot be read, is no recording or is damaged
   */
  async dump(onBatch: (batch: Batch, at: number) => void | Promise<void>): Promise<DumpSummary | undefined> {
    if (this.#closed)
      throw new CtflowError('CTFLOW_RECORDING', `The replay of '${this.#path}' is closed`, 'Open it anew');
    this.#reader ??= await RecordingReader.open(this.#path);
    const reader = this.#reader;
    const batches = this.#batches;
    batches.begin(onBatch);
    const decoder = new DumpDecoder(this.#backend, reader.littleEndian, this.#words, batches);
    try {
      const at = await reader.nextDump((netlink, at) => decoder.decode(netlink, milliseconds(at)));
      if (at === undefined) return undefined;
      await batches.handOver(milliseconds(at));
      return decoder.summary(milliseconds(at));
    } finally {
      await batches.settle();
    }
  }

  sysctl(): undefined {
    return undefined;
  }

  setSysctl(name: string): never {
    throw new CtflowError('CTFLOW_USAGE', `A recording has no setting ${name}`, 'Change it where the kernel runs');
  }

  close(): void {
    this.#closed = true;
    void this.#reader?.close().catch(() => {});
  }
}

/** Decodes the pieces of one recorded dump into batches. */
class DumpDecoder {
  readonly #backend: Backend;
  readonly #littleEndian: boolean;
  readonly #words: Uint32Array;
  readonly #batches: BatchPair;
  #cut: Uint8Array = new Uint8Array(0);
  #done = false;
  #interrupted = false;
  #filtered = 0;
  #malformed = 0;
  #ignored = 0;
  #error: CtflowError | undefined;

  constructor(backend: Backend, littleEndian: boolean, words: Uint32Array, batches: BatchPair) {
    this.#backend = backend;
    this.#littleEndian = littleEndian;
    this.#words = words;
    this.#batches = batches;
  }

  /** @param at milliseconds since 1970 */
  async decode(piece: Uint8Array, at: number): Promise<void> {
    const netlink = this.#cut.length === 0 ? piece : Buffer.concat([this.#cut, piece]);
    let position = 0;
    while (position < netlink.length) {
      const batch = this.#batches.current;
      const rows = batch.bytes.subarray(batch.count * ROW_SIZE);
      const decoded = this.#backend.decode(netlink.subarray(position), this.#littleEndian, this.#words, rows);
      if (decoded.consumed === 0) break;
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
          'Record anew',
        );
      }
      if (batch.count === batch.capacity) await this.#batches.handOver(at);
    }
    this.#cut = Uint8Array.from(netlink.subarray(position));
    if (this.#cut.length > LARGEST_MESSAGE) {
      this.#malformed++;
      this.#cut = new Uint8Array(0);
    }
  }

  summary(startedAt: number): DumpSummary {
    const truncated = this.#cut.length > 0 || !this.#done ? 1 : 0;
    const error = this.#error;
    return {
      startedAt,
      rows: this.#batches.rows,
      complete: !truncated && !this.#interrupted && !error && this.#malformed === 0,
      skipped: {
        filtered: this.#filtered,
        malformed: this.#malformed,
        ignored: this.#ignored,
        interrupted: this.#interrupted ? 1 : 0,
        truncated,
      },
      ...(error && { error }),
    };
  }
}

function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / NANOSECONDS_A_MILLISECOND);
}
