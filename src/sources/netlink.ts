import type { BytesRead, ConntrackSocket } from '../../native/binding.js';
import type { InterfaceName } from '../ipfix/interfaces.js';
import type { Decode } from '../netlink/decode.js';
import type { Batch } from '../row/batch.js';
import { type CpuClock, CpuMeter } from '../common/cpu.js';
import { CtflowError } from '../common/errors.js';
import { type ConnectionFilter, filterWords } from '../row/filter.js';
import { HOST_LITTLE_ENDIAN } from '../common/u64.js';
import { answerError, native, nativeError } from '../common/native-error.js';
import { DumpRows } from './dump-rows.js';
import { bucketsOf } from './hash-table.js';
import { NetlinkOwners } from './netlink-owners.js';
import { NetlinkRoutes } from './netlink-routes.js';
import type { DumpSummary, DumpTap, Flowtable, Source } from './source.js';
import type { TableStatistics } from './table-statistics.js';

/** Bytes of a read: some 2,000 entries. Waking this thread for each costs the reading thread some microseconds. */
const RAW_SIZE = 1 << 19;

/** The kernel's table through ctnetlink. */
export class NetlinkSource implements Source {
  readonly kind = 'netlink';
  readonly #socket: ConntrackSocket;
  #routes: NetlinkRoutes | undefined;
  #owners: NetlinkOwners | undefined;
  readonly #decode: Decode;
  readonly #words: Uint32Array;
  readonly #threadCpu: CpuClock;
  readonly #tap: DumpTap | undefined;
  readonly #rows = new DumpRows();
  readonly #buffers = [new Uint8Array(RAW_SIZE), new Uint8Array(RAW_SIZE)] as const;

  /** @param threadCpu of the thread that decodes; @param tap also gets the bytes of the dumps */
  constructor(socket: ConntrackSocket, decode: Decode, threadCpu: CpuClock, filter: ConnectionFilter, tap?: DumpTap) {
    this.#socket = socket;
    this.#decode = decode;
    this.#threadCpu = threadCpu;
    this.#tap = tap;
    this.#words = filterWords(filter);
  }

  /**
   * Walks the table once. While messages are decoded and `onBatch` works on their rows, the kernel fills the next on another thread.
   * @throws CtflowError CTFLOW_PERMISSION; CTFLOW_NETLINK where the source is closed; CTFLOW_USAGE where a dump is running
   */
  async dump(onBatch: (batch: Batch, at: number) => void | Promise<void>): Promise<DumpSummary> {
    this.#rows.begin(onBatch);
    try {
      return await this.#dump();
    } finally {
      this.#rows.end();
    }
  }

  /** One dump undecoded, see {@link readRawDump}. */
  async recordDump(onChunk: (netlink: Uint8Array) => void | Promise<void>): Promise<RawDumpSummary> {
    const buckets = bucketsOf(this);
    const summary = await readRawDump(this.#socket, this.#words, onChunk);
    return bucketsOf(this) === buckets ? summary : { ...summary, complete: false };
  }

  sysctl(name: string): string | undefined {
    return native(() => this.#socket.sysctl(name)) ?? undefined;
  }

  setSysctl(name: string, value: string): void {
    native(() => this.#socket.setSysctl(name, value));
  }

  localAddresses(): string[] {
    return native(() => this.#socket.localAddresses());
  }

  interfaces(): InterfaceName[] {
    const found = native(() => this.#socket.interfaces());
    return found.map(({ index, name, alias }) => ({ index, name, description: alias || name }));
  }

  statistics(): TableStatistics {
    return native(() => this.#socket.statistics());
  }

  flowtables(): Flowtable[] {
    return native(() => this.#socket.flowtables());
  }

  routes(ctmark: boolean): NetlinkRoutes {
    return (this.#routes ??= new NetlinkRoutes(native(() => this.#socket.routes(ctmark))));
  }

  owners(): NetlinkOwners {
    return (this.#owners ??= new NetlinkOwners(native(() => this.#socket.owners())));
  }

  close(): void {
    this.#routes?.close();
    this.#socket.close();
  }

  async #dump(): Promise<DumpSummary> {
    const startedAt = Date.now();
    const buckets = bucketsOf(this);
    native(() => this.#socket.startDump(this.#words));
    const tap = this.#tap?.beginDump() ? this.#tap : undefined;
    const skipped = { filtered: 0, malformed: 0, ignored: 0, interrupted: 0, truncated: 0, overrun: 0, resized: 0 };
    const { batch } = this.#rows;
    const decoding = new CpuMeter(this.#threadCpu);
    let reads = 0;
    let error: Error | undefined;
    let reading = this.#read(0);
    try {
      for (let turn = 0, more = true; more; turn ^= 1) {
        const read = await reading;
        if (read instanceof Error) {
          error = read;
          break;
        }
        more = !read.done;
        reads += read.cpu;
        if (more) reading = this.#read(turn ^ 1);
        else if (read.error !== 0) error = answerError(read.error);
        skipped.ignored += read.ignored;
        skipped.truncated += read.truncated;
        skipped.overrun += read.overrun;
        if (read.interrupted) skipped.interrupted = 1;
        tap?.dumped(this.#buffers[turn].subarray(0, read.bytes));
        for (let from = 0; from < read.bytes;) {
          const messages = this.#buffers[turn].subarray(from, read.bytes);
          decoding.resume();
          const decoded = this.#decode(messages, HOST_LITTLE_ENDIAN, this.#words, batch.bytes);
          decoding.pause();
          if (decoded.consumed === 0) {
            skipped.truncated++;
            break;
          }
          from += decoded.consumed;
          skipped.filtered += decoded.filtered;
          skipped.malformed += decoded.malformed;
          skipped.ignored += decoded.ignored;
          batch.count = decoded.rows;
          await this.#rows.deliver(read.at);
        }
      }
    } finally {
      await reading; // it writes into a buffer that the next dump uses
    }
    throwIfRefused(error);
    if (bucketsOf(this) !== buckets) skipped.resized = 1;
    const { interrupted, truncated, overrun, resized } = skipped;
    const complete = error === undefined && interrupted + truncated + overrun + resized === 0;
    const cpu = reads + decoding.spent;
    return { startedAt, rows: this.#rows.count, complete, skipped, cpu, ...(error && { error }) };
  }

  /** Never rejects, as it may do so before anybody waits. */
  async #read(turn: number): Promise<BytesRead | Error> {
    try {
      return await this.#socket.readRaw(this.#buffers[turn]);
    } catch (error) {
      return nativeError(error);
    }
  }
}

/** How one dump of raw bytes went. */
export interface RawDumpSummary {
  /** Milliseconds since 1970 when the dump began. */
  readonly startedAt: number;
  readonly bytes: number;
  /** The dump is whole: nothing failed, was lost or was interrupted. */
  readonly complete: boolean;
  readonly error?: Error;
}

/**
 * Reads one dump as the kernel sends it: whole netlink messages in the byte order of this host, NLMSG_DONE the last. A
 * chunk is valid until the promise that `onChunk` returns settles.
 * @param words see filterWords; only what the kernel filters is missing
 * @throws CtflowError as {@link NetlinkSource.dump}
 */
export async function readRawDump(
  socket: ConntrackSocket,
  words: Uint32Array,
  onChunk: (netlink: Uint8Array) => void | Promise<void>,
): Promise<RawDumpSummary> {
  const startedAt = Date.now();
  const out = new Uint8Array(RAW_SIZE);
  let bytes = 0;
  let whole = true;
  let error: Error | undefined;
  native(() => socket.startDump(words));
  for (let more = true; more;) {
    const read = await socket.readRaw(out).catch(nativeError);
    if (read instanceof Error) {
      error = read;
      break;
    }
    more = !read.done;
    if (read.error !== 0) error = answerError(read.error);
    if (read.interrupted || read.truncated > 0 || read.overrun > 0) whole = false;
    bytes += read.bytes;
    if (read.bytes > 0) await onChunk(out.subarray(0, read.bytes));
  }
  throwIfRefused(error);
  return { startedAt, bytes, complete: whole && error === undefined, ...(error && { error }) };
}

function throwIfRefused(error: Error | undefined): void {
  if (error instanceof CtflowError && error.code === 'CTFLOW_PERMISSION') throw error;
}
