import { readFileSync } from 'node:fs';
import { RunningCommand } from '../test/helpers/kernel/command.js';
import { eventually } from '../test/helpers/eventually.js';
import { freeze } from '../test/helpers/kernel/freeze.js';
import type { PrivateNamespace } from '../test/helpers/kernel/namespace.js';
import { unreadEvents } from '../test/helpers/fakes/unread.js';

/** A busy machine may take long to start a process, or to end one with much to send; milliseconds. */
const PATIENCE = 120_000;

/** No run takes as long; milliseconds. */
const LONGEST = 3_600_000;

/** What an exporter said when it ended. */
export interface ExporterEnd {
  /** Of its log's last line; undefined where it was killed. */
  readonly stats: ExporterStatistics | undefined;
  /** What it said of itself at its end: what it exported, and what it knows to be lost. */
  readonly summary: string | undefined;
  /** Messages of its log above the level of information. */
  readonly complaints: readonly string[];
  /** Bytes that it had in memory at most, in its life so far. */
  readonly peakMemory: number;
}

/** The part of the exporter's statistics that the proof reads; src/exporter.ts has all of it. */
export interface ExporterStatistics {
  readonly recordsExported: number;
  readonly store: {
    readonly repeated: number;
    readonly eventless: number;
    readonly counterResets: number;
    readonly ambiguous: { readonly connections: number };
  };
  readonly poll: { readonly polls: number; readonly skipped: Readonly<Record<string, number>> };
  readonly events?: {
    readonly guard: string;
    readonly lost: number;
    readonly overrun: number;
    readonly changes?: { readonly overrun: number };
  };
  readonly pendingEvents?: { readonly resyncs: number };
  readonly nat?: {
    readonly created: number;
    readonly deleted: number;
    readonly lateFromPoll: number;
    readonly lateFromDestroy: number;
  };
  readonly destinations: readonly {
    readonly endedOverflow?: { readonly connections: number };
    readonly aggregation?: { readonly overflowed: number };
    readonly transport: { readonly uncertainRecords?: number };
  }[];
}

/** `ctflow run` in the router. */
export class ExporterProcess {
  readonly #command: RunningCommand;
  #peak = 0;

  private constructor(command: RunningCommand) {
    this.#command = command;
  }

  /**
   * Resolves when it has polled once.
   * @param onListening called when it listens to events, and waited for
   * @param before a command that starts it
   */
  static async start(
    router: PrivateNamespace,
    flags: readonly string[],
    onListening?: () => Promise<void>,
    before: readonly string[] = [],
  ): Promise<ExporterProcess> {
    const always = ['--backend', 'native', '--observation-domain', '1'];
    const command = new RunningCommand(router, ['run', ...always, ...flags], 'network', LONGEST, before);
    const says = (message: string) => (): boolean => {
      if (!command.running) throw new Error(`the exporter does not run: ${command.stderr.slice(-2000)}`);
      return command.messages().includes(message);
    };
    if (onListening) {
      await eventually('the exporter listens', says('receiving DESTROY events'), PATIENCE);
      await onListening();
    }
    await eventually('the exporter runs', says('ctflow runs'), PATIENCE);
    return new ExporterProcess(command);
  }

  get pid(): number {
    return this.#command.pid;
  }

  /** Its log so far, an object for each line. */
  log(): Record<string, unknown>[] {
    return this.#command.log();
  }

  /** Bytes that it had in memory at most. */
  peakMemory(): number {
    if (this.#command.running) {
      const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
      this.#peak = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
    }
    return this.#peak;
  }

  /** It goes no further; the kernel's events stay unread. */
  freeze(): Promise<void> {
    return freeze(this.pid);
  }

  /** As {@link unreadEvents}. */
  unread(): number {
    return unreadEvents(this.pid);
  }

  /** @throws where it does not end well after SIGTERM */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<ExporterEnd> {
    const peakMemory = this.peakMemory();
    const finished = await this.#command.stop(signal);
    if (signal === 'SIGTERM' && finished.code !== 0) {
      throw new Error(`the exporter ended with ${finished.signal ?? finished.code}: ${finished.stderr.slice(-2000)}`);
    }
    const log = this.#command.log();
    const stopped = log.find(({ msg }) => msg === 'stopped');
    const stats = stopped as unknown as ExporterStatistics | undefined;
    const summary = stopped && String(stopped['summary']);
    const complaints = log.filter(({ level }) => level === 'warn' || level === 'error').map(({ msg }) => String(msg));
    return { stats, summary, complaints, peakMemory };
  }
}
