import { CtflowError } from '../common/errors.js';
import type { Logger } from '../common/logger.js';
import type { EndedProgress } from '../schedule/ended-queue.js';
import type { Destination, TemplatesResent } from './destination.js';
import { drainAll } from './drain-all.js';
import { roomForEnded } from './ended-gate.js';
import { ExportLoop, type ExportLoopHooks } from './export-loop.js';

/** A destination and the loop that exports to it. */
interface Member {
  readonly destination: Destination;
  readonly loop: ExportLoop;
}

/** Connections of a destination that a flush has made due. */
export interface Flushed {
  readonly destination: string;
  readonly due: number;
}

/** What a command to resend templates did at a destination. */
export type ResentTemplates = TemplatesResent & { readonly destination: string };

/** The destinations of an exporter, each with a loop of its own. */
export class DestinationSet {
  readonly #log: Logger;
  readonly #hooks: ExportLoopHooks;
  readonly #longestWait: number;
  readonly #members: Member[] = [];

  /** @param longestWait milliseconds from one export to the next at most */
  constructor(hooks: ExportLoopHooks, longestWait: number, log: Logger) {
    this.#hooks = hooks;
    this.#longestWait = longestWait;
    this.#log = log;
  }

  /** @param make makes it; it is given what to call when its session is open */
  add(make: (opened: () => void) => Destination): void {
    const member = {
      destination: make(() => member.loop.exportNow()),
      get loop(): ExportLoop {
        return loop;
      },
    };
    const loop = new ExportLoop(member.destination, this.#longestWait, this.#hooks, this.#log);
    this.#members.push(member);
  }

  get all(): readonly Destination[] {
    return this.#members.map(({ destination }) => destination);
  }

  get endedProgress(): EndedProgress[] {
    return this.all.map(({ endedProgress }) => endedProgress);
  }

  /** As of {@link roomForEnded}. */
  get endedRoom(): number {
    return roomForEnded(this.all);
  }

  /** Ended connections that came to those of conntrack's connections. */
  get endedFlows(): number {
    return Math.max(0, ...this.all.filter(({ isNat }) => !isNat).map(({ endedProgress }) => endedProgress.pushed));
  }

  /** @throws CtflowError where a collector's name does not resolve */
  async open(): Promise<void> {
    const opened = await Promise.allSettled(this.all.map(destination => destination.open()));
    const refused = opened.find(result => result.status === 'rejected');
    if (refused) throw refused.reason;
  }

  /** From now on they export. */
  start(): void {
    for (const { loop } of this.#members) loop.start();
  }

  exportNow(): void {
    for (const { loop } of this.#members) loop.exportNow();
  }

  /** Connections have ended. */
  exportSoon(): void {
    for (const { loop } of this.#members) loop.exportSoon();
  }

  /** Connections have begun: events of a NAT are exported soon. */
  exportNatSoon(): void {
    for (const { loop, destination } of this.#members) if (destination.isNat) loop.exportSoon();
  }

  lookAgain(): void {
    for (const { loop } of this.#members) loop.lookAgain();
  }

  dropStale(): void {
    for (const { destination } of this.#members) destination.dropStale();
  }

  /**
   * Sends templates again now.
   * @param name of one; all where it is undefined
   * @throws CtflowError CTFLOW_USAGE where there is none of this name
   */
  resendTemplates(name: string | undefined): ResentTemplates[] {
    return this.#named(name).map(({ destination }) => ({
      destination: destination.name,
      ...destination.resendTemplates(),
    }));
  }

  /** Makes due what has news, and exports it. @throws as {@link resendTemplates} */
  flush(name: string | undefined): Flushed[] {
    return this.#named(name).map(({ destination, loop }) => {
      const due = destination.flush();
      loop.exportNow();
      return { destination: destination.name, due };
    });
  }

  /** Whether there is one of this name. @throws as {@link resendTemplates} */
  require(name: string | undefined): void {
    this.#named(name);
  }

  /** Exports everything that is open. @returns records that were left */
  drain(graceMs: number): Promise<number> {
    this.#stop();
    return drainAll(this.all, graceMs, this.#log);
  }

  /** Closes them at once; nothing more is exported. */
  async close(): Promise<void> {
    this.#stop();
    await Promise.all(this.all.map(destination => destination.close()));
  }

  /** No export begins any more. */
  #stop(): void {
    for (const { loop } of this.#members) loop.close();
  }

  #named(name: string | undefined): readonly Member[] {
    const found = this.#members.filter(({ destination }) => name === undefined || destination.name === name);
    if (found.length > 0 || name === undefined) return found;
    const names = this.all.map(destination => destination.name).join(', ');
    throw new CtflowError('CTFLOW_USAGE', `There is no destination '${name}'`, `There are: ${names}`);
  }
}
