import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { Batch } from '../row/batch.js';
import { CpuMeter, processCpu } from '../common/cpu.js';
import { CtflowError, errnoOf } from '../common/errors.js';
import { type ConnectionFilter, filterWords } from '../row/filter.js';
import { ROW_SIZE } from '../row/layout.generated.js';
import { ProcfsLineParser } from './procfs-line.js';
import { rowMatches } from '../row/filter.js';
import type { InterfaceName } from '../ipfix/interfaces.js';
import { readInterfaces } from './sysfs.js';
import { DumpRows } from './dump-rows.js';
import { bucketsOf } from './hash-table.js';
import type { DumpSummary, Source } from './source.js';
import { procfsStatistics, type TableStatistics } from './table-statistics.js';

const NF_CONNTRACK = '/proc/net/nf_conntrack';
const SYSCTLS = '/proc/sys/net/netfilter';
const CHUNK = 1 << 16; // far more than the longest line
const NEWLINE = 0x0a;
/** Milliseconds after which the event loop gets its turn. */
const TURN_MS = 2;

/** The kernel's table as the text of /proc/net/nf_conntrack, of the network namespace that ctflow runs in. */
export class ProcfsSource implements Source {
  readonly kind = 'procfs';
  readonly #path: string;
  readonly #words: Uint32Array;
  readonly #rows = new DumpRows();
  readonly #chunk = Buffer.alloc(CHUNK);
  readonly #row = new Batch(1);
  readonly #parser = new ProcfsLineParser(this.#row);
  #closed = false;

  /** @param path another file of the same format */
  constructor(filter: ConnectionFilter, path: string = NF_CONNTRACK) {
    this.#path = path;
    this.#words = filterWords(filter);
  }

  /**
   * Reads the file once, a chunk at a time; the event loop gets its turn in between.
   * @throws CtflowError CTFLOW_PERMISSION, CTFLOW_KERNEL_SETTING (conntrack is not there), CTFLOW_PROCFS
   */
  async dump(onBatch: (batch: Batch, at: number) => void | Promise<void>): Promise<DumpSummary> {
    if (this.#closed) throw new CtflowError('CTFLOW_PROCFS', `The source ${this.#path} is closed`, 'Open it again');
    this.#rows.begin(onBatch);
    try {
      const file = openTable(this.#path);
      try {
        return await this.#read(file);
      } finally {
        closeSync(file);
      }
    } finally {
      this.#rows.end();
    }
  }

  sysctl(name: string): string | undefined {
    try {
      return readFileSync(sysctlPath(name), 'latin1').trim();
    } catch {
      return undefined;
    }
  }

  setSysctl(name: string, value: string): void {
    writeFileSync(sysctlPath(name), value);
  }

  localAddresses(): string[] {
    return Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address));
  }

  interfaces(): InterfaceName[] {
    return readInterfaces();
  }

  statistics(): TableStatistics {
    return procfsStatistics(name => this.sysctl(name));
  }

  close(): void {
    this.#closed = true;
  }

  async #read(file: number): Promise<DumpSummary> {
    const startedAt = Date.now();
    const buckets = bucketsOf(this);
    const skipped = { filtered: 0, malformed: 0, truncated: 0, resized: 0 };
    const { batch } = this.#rows;
    const chunk = this.#chunk;
    let now = startedAt;
    let turn = startedAt;
    let filled = 0;
    let skipping = false; // within a line that is longer than the chunk
    let error: CtflowError | undefined;
    const cpu = new CpuMeter(processCpu);
    const deliver = async (): Promise<void> => {
      cpu.pause();
      await this.#rows.deliver(now);
      cpu.resume();
    };
    cpu.resume();
    for (;;) {
      if (now - turn >= TURN_MS) {
        cpu.pause();
        await setImmediate();
        cpu.resume();
        turn = Date.now();
      }
      let read = 0;
      // The kernel counts the ages from the moment when the read begins. An awaited read may come back much later.
      const began = Date.now();
      try {
        read = this.#closed ? 0 : readSync(file, chunk, filled, CHUNK - filled, null);
      } catch (cause) {
        error = tableError(this.#path, cause);
      }
      if (read === 0) break;
      now = began;
      filled += read;
      let at = 0;
      for (let end = lineEnd(chunk, at, filled); end >= 0; end = lineEnd(chunk, at, filled)) {
        if (skipping) skipping = false;
        else if (!this.#parser.parse(chunk, at, end, now)) skipped.malformed++;
        else if (!rowMatches(this.#row, this.#words)) skipped.filtered++;
        else {
          batch.bytes.set(this.#row.bytes, batch.count++ * ROW_SIZE);
          if (batch.count === batch.capacity) await deliver();
        }
        at = end + 1;
      }
      chunk.copyWithin(0, at, filled);
      filled -= at;
      if (filled === CHUNK) {
        if (!skipping) skipped.malformed++;
        skipping = true;
        filled = 0;
      }
    }
    // The kernel ends each line: what has no end is cut.
    if (filled > 0 || this.#closed) skipped.truncated = 1;
    await deliver();
    cpu.pause();
    if (bucketsOf(this) !== buckets) skipped.resized = 1;
    const complete = !error && skipped.truncated + skipped.resized === 0;
    return { startedAt, rows: this.#rows.count, complete, skipped, cpu: cpu.spent, ...(error && { error }) };
  }
}

function sysctlPath(name: string): string {
  if (!/^[a-z0-9_]+$/.test(name)) {
    throw new CtflowError(
      'CTFLOW_USAGE',
      `'${name}' is not a setting of conntrack`,
      'Name a file of /proc/sys/net/netfilter',
    );
  }
  return `${SYSCTLS}/${name}`;
}

/** Where the first newline stands from `from` on; -1 where there is none before `to`. */
function lineEnd(chunk: Buffer, from: number, to: number): number {
  const end = chunk.indexOf(NEWLINE, from);
  return end < to ? end : -1;
}

function openTable(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw tableError(path, error);
  }
}

function tableError(path: string, cause: unknown): CtflowError {
  const errno = errnoOf(cause);
  if (errno === 'EACCES' || errno === 'EPERM') {
    return new CtflowError(
      'CTFLOW_PERMISSION',
      `${path} cannot be read (${errno})`,
      'Run as root or with CAP_DAC_READ_SEARCH; CAP_NET_ADMIN is not enough',
      cause,
    );
  }
  if (errno === 'ENOENT') {
    return new CtflowError(
      'CTFLOW_KERNEL_SETTING',
      `${path} does not exist`,
      process.platform === 'linux'
        ? 'Load connection tracking with modprobe nf_conntrack (the kernel needs CONFIG_NF_CONNTRACK_PROCFS)'
        : 'Connection tracking needs Linux; on other systems replay a recording with --source replay:FILE',
      cause,
    );
  }
  return new CtflowError('CTFLOW_PROCFS', `${path} cannot be read (${errno})`, 'Check that /proc is mounted', cause);
}
