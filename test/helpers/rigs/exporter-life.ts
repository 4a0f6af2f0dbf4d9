import { fstatSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import type { Batch } from '../../../src/row/batch.js';
import { filterWords } from '../../../src/row/filter.js';
import { ConnectionStore } from '../../../src/store/connection-store.js';
import { GONE } from '../../../src/store/connection-table.js';
import { ExportSchedule } from '../../../src/schedule/export-schedule.js';
import { MessageBatch } from '../../../src/destination/message-batch.js';
import { FallbackEncoder } from '../../../src/encoder/flow-encoder.js';
import { LAST } from '../../../src/encoder/request.js';
import { EVENT_DESTROY, OP_U8, PROTOCOL } from '../../../src/row/layout.generated.js';
import type { DestinationJournal } from '../../../src/state/destination-journal.js';
import type { Journal } from '../../../src/state/journal.js';
import { udp } from '../builders/connections.js';
import { DestroyLogWriter, endsRecord } from '../builders/destroy-log-writer.js';
import { openJournal } from '../builders/journals.js';
import { nanoseconds, rows, type Facts } from '../builders/rows.js';
import { exportDue } from './export-due.js';
import { reportOf, type Report } from './report.js';
import { kernelTimeouts } from './store-rig.js';

const BATCH = 4;
const LIMIT = 100;
const NO_NAMES = { bytes: new Uint8Array(0), ends: new Uint32Array(0) };

/** A connection of a kernel that counts on, whoever listens. */
export interface KernelConnection {
  readonly port: number;
  readonly started: number;
  packets: number;
}

export function factsOf({ port, started, packets }: KernelConnection): Facts {
  return udp(port, started, [packets, packets * 100, packets, packets * 50], { id: port });
}

/** What is left on the disk by one that was killed. */
interface Left {
  atDeath?: Buffer;
  endsAtDeath?: Buffer | undefined;
  sequenceAtDeath?: Buffer | undefined;
}

/** How a life begins, and what it is given. */
export interface LifeOptions {
  death?: Death | undefined;
  maxConnections?: number;
  /** It hears of ends, and writes them down; room for so many. */
  ends?: number;
  keptEnds?: number;
  /** Its destinations; those that export a record for each connection by default. */
  line?: MakeLine;
}

/** When the process is killed: during this write to its disk, counted from 0, of which a part is made. */
export interface Death {
  readonly write: number;
  readonly part: number;
}

/** A destination whose transport settles when it is told to. */
export interface LifeLine {
  readonly journal: DestinationJournal;
  readonly schedule: ExportSchedule;
  /** Sends what is due. */
  export(): void;
  /** Everything is due. */
  endAll(): void;
  settle(most?: number): void;
  close(): void;
}

/** Makes the destinations of a life. */
export type MakeLine = (life: ExporterLife, journal: DestinationJournal, told: Report[]) => LifeLine;

class Line implements LifeLine {
  readonly journal: DestinationJournal;
  readonly schedule: ExportSchedule;
  readonly #life: ExporterLife;
  readonly #told: Report[];
  readonly #closed = new MessageBatch(LIMIT);
  readonly #encoder: FallbackEncoder;
  /** Of the records that are encoded and not sent. */
  #reports: Report[] = [];
  /** What the transport has, the oldest first. */
  readonly #queue: Report[] = [];
  #sent = 0;

  constructor(life: ExporterLife, journal: DestinationJournal, told: Report[]) {
    this.#life = life;
    this.journal = journal;
    this.#told = told;
    const options = {
      activeFlowExportTimeout: 0,
      idleFlowExportTimeout: 100,
      staleConnectionTimeout: 100_000,
      endedQueue: 64,
      zeroDeltas: 'none',
    } as const;
    const evict = (slot: number, reason: number): boolean => this.take(slot, reason, true);
    this.schedule = new ExportSchedule(life.store, options, () => life.now, evict, journal);
    this.#encoder = new FallbackEncoder({
      columns: life.store.table.columns({}),
      exported: this.schedule.slots.bytes,
      output: this.#closed,
      shapes: 0,
      uniflows: false,
      zeroDeltas: false,
      journal: journal.number,
    });
    journal.closeMessages = () => {
      this.send();
      return true;
    };
    this.#encoder.define(0, [{ id: 256, plan: Uint32Array.of(OP_U8, PROTOCOL, 1, 0), reserve: 0 }]);
  }

  readonly take = (slot: number, reason: number, last = false): boolean => {
    const { table } = this.#life.store;
    this.#reports.push(reportOf(table, this.schedule.slots, slot, reason));
    const flag = last || (table.flags[slot] & GONE) !== 0 ? LAST : 0;
    this.#encoder.encode(Uint32Array.of(slot), Uint8Array.of(reason | flag), 0, 1, LIMIT, NO_NAMES);
    if (this.#reports.length === BATCH) this.send();
    return true;
  };

  export(): void {
    this.journal.writeNotes();
    exportDue(this.schedule, this.#life.store.table, this.#life.now, 1_000, this.take);
    this.send();
  }

  endAll(): void {
    this.schedule.endAll();
  }

  send(): void {
    if (this.#reports.length === 0) return;
    this.#encoder.close();
    this.journal.sending(this.#closed.takeEntries(), this.#sent);
    this.#closed.clear();
    this.#queue.push(...this.#reports);
    this.#sent += this.#reports.length;
    this.#reports = [];
    this.journal.sent(this.#sent);
  }

  /** The collector gets so many of the records that were sent. */
  settle(most = Infinity): void {
    if (this.#life.killed) return;
    const out = this.#queue.splice(0, most);
    this.#told.push(...out);
    this.journal.settled(out.length);
  }

  /** The transport closes; what it still has never leaves. */
  close(): void {
    if (this.#queue.length > 0) this.journal.withdraw();
  }
}

/** One life of an exporter with a state file: everything between the kernel's table and the collectors but the bytes. */
export class ExporterLife {
  readonly store: ConnectionStore;
  readonly lines: readonly LifeLine[];
  readonly log: Record<string, unknown>[];
  readonly journal: Journal;
  /** Both clocks. */
  now: number;
  readonly #path: string;
  readonly #file: Left;
  #pen: DestroyLogWriter | undefined;
  /** Rows that were written down and wait for the store. */
  #heard: Batch[] = [];

  private constructor(
    path: string,
    now: number,
    opened: Awaited<ReturnType<typeof openJournal>>,
    told: Report[][],
    file: Left,
    maxConnections: number,
    line: MakeLine,
  ) {
    this.#path = path;
    this.#file = file;
    this.now = now;
    this.journal = opened.journal;
    this.log = opened.lines;
    this.store = new ConnectionStore({ maxConnections, firstSight: 'baseline', born: this.at() });
    this.store.expectExported(this.journal);
    this.lines = told.map((one, i) => line(this, this.journal.destination(`collector ${i}`, now), one));
  }

  /** @param told where what the collectors are told goes, a list each */
  static async begin(
    path: string,
    now: number,
    told: Report[][],
    { death, maxConnections = 64, ends, keptEnds = 0, line = (...all) => new Line(...all) }: LifeOptions = {},
  ): Promise<ExporterLife> {
    const file: Left = {};
    let writes = 0;
    const lives: ExporterLife[] = [];
    const opened = await openJournal(path, {
      wall: () => lives[0]?.now ?? now,
      compactAbove: 1_000,
      keptEnds,
      ...(ends !== undefined && { endsCapacity: ends }),
      write: (fd, bytes) => {
        if (
          death &&
          !file.atDeath &&
          writes++ >= death.write &&
          fstatSync(fd).ino === statSync(path, { throwIfNoEntry: false })?.ino
        ) {
          file.atDeath = Buffer.concat([readFileSync(path), bytes.subarray(0, Math.floor(bytes.length * death.part))]);
          file.endsAtDeath = readBeside(path, 'ends');
          file.sequenceAtDeath = readBeside(path, 'seq');
        }
        return writeSync(fd, bytes);
      },
    });
    const life = new ExporterLife(path, now, opened, told, file, maxConnections, line);
    lives.push(life);
    await life.#recover(ends !== undefined);
    return life;
  }

  get killed(): boolean {
    return this.#file.atDeath !== undefined;
  }

  at(): { wall: number; monotonic: number } {
    return { wall: this.now, monotonic: this.now };
  }

  /** The last event of a connection is read and written down; it has been told to nobody yet. */
  hear(connection: KernelConnection): void {
    const row = rows({ ...factsOf(connection), event: EVENT_DESTROY, stop: nanoseconds(this.now) });
    this.#pen!.append(row);
    this.#heard.push(row);
  }

  /** The store is told of what was heard. */
  deliver(): void {
    for (const row of this.#heard.splice(0)) {
      this.store.applyDestroys(row, this.at());
      this.journal.destroyLog.delivered(row.count);
    }
  }

  /** It is killed now. @param torn the part of a record that was being written */
  kill(torn: number): void {
    this.#file.atDeath = readFileSync(this.#path);
    this.#file.endsAtDeath = readBeside(this.#path, 'ends');
    this.#file.sequenceAtDeath = readBeside(this.#path, 'seq');
    if (!this.#pen || !this.#file.endsAtDeath) return;
    const part = endsRecord(this.#pen.place, rows(factsOf({ port: 999, started: this.now, packets: 9 })).bytes);
    const at = this.#pen.offset();
    const ends = Buffer.alloc(Math.max(this.#file.endsAtDeath.length, at + torn));
    ends.set(this.#file.endsAtDeath);
    ends.set(part.subarray(0, torn), at);
    this.#file.endsAtDeath = ends;
  }

  async #recover(listens: boolean): Promise<void> {
    const { destroyLog } = this.journal;
    await destroyLog.replay(filterWords({}), batch => this.store.applyDestroys(batch, this.at()));
    const place = listens ? destroyLog.open() : undefined;
    if (!place) return;
    this.#pen = new DestroyLogWriter(place);
    destroyLog.setWriter(this.#pen);
    this.store.expectEvents(true);
  }

  #settleEnds(): void {
    this.journal.settleDestroys(this.lines.map(({ schedule }) => schedule.endedProgress));
  }

  async poll(connections: readonly KernelConnection[]): Promise<void> {
    // the drain before a sweep
    this.deliver();
    this.store.beginPoll(this.at(), kernelTimeouts());
    if (connections.length > 0) this.store.merge(rows(...connections.map(factsOf)), this.at());
    for (let from = 0; from >= 0;) from = this.store.sweep(from, 100, this.at());
    this.store.endPoll(true);
    await this.journal.afterPoll(true);
    this.#settleEnds();
  }

  /** @param settle what was sent is out of the transports' hands at once */
  async export(settle: boolean, only: readonly number[] = [...this.lines.keys()]): Promise<void> {
    for (const line of only.map(i => this.lines[i % this.lines.length])) {
      line.export();
      if (settle) line.settle();
      line.journal.writeNotes();
    }
    this.#settleEnds();
    // a journal that is written anew goes on
    await new Promise(resolve => setImmediate(resolve));
  }

  /** The orderly end, or, where it was killed, what that leaves. @param takes records that each collector takes at the end */
  async end(connections: readonly KernelConnection[], takes = Infinity): Promise<void> {
    if (!this.killed) await this.poll(connections);
    if (!this.killed) this.store.endKeptOut();
    for (const line of this.lines) {
      line.endAll();
      if (!this.killed) line.export();
      if (!this.killed) line.settle(takes);
      if (!this.killed) line.close();
    }
    await this.journal.close(true);
    await new Promise(resolve => setImmediate(resolve));
    const { atDeath, endsAtDeath, sequenceAtDeath } = this.#file;
    if (!atDeath) return;
    writeFileSync(this.#path, atDeath);
    writeFileSync(`${this.#path}.seq`, sequenceAtDeath!);
    if (endsAtDeath) writeFileSync(`${this.#path}.ends`, endsAtDeath);
    else rmSync(`${this.#path}.ends`, { force: true });
  }
}

function readBeside(path: string, name: string): Buffer | undefined {
  return statSync(`${path}.${name}`, { throwIfNoEntry: false }) && readFileSync(`${path}.${name}`);
}
