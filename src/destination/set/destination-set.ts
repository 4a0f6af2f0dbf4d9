import { CtflowError, describeError } from '../../common/errors.js';
import type { Logger } from '../../common/logger.js';
import type { EndedProgress } from '../../schedule/ended-queue.js';
import type { Destination } from '../destination.js';
import type { DestinationOptions } from '../destination-options.js';
import type { DestinationStats, TemplatesResent } from '../destination-stats.js';
import { newUnexported, sumUnexported } from '../../store/unexported.js';
import { drainAll } from './drain-all.js';
import { roomForEnded } from './ended-gate.js';
import { ExportLoop, type ExportLoopHooks } from './export-loop.js';

/** A destination and the loop that exports to it. */
interface Member {
  readonly destination: Destination;
  readonly loop: ExportLoop;
}

/** Makes a destination. @param opened to be called when its session is open */
export type MakeDestination = (opened: () => void) => Destination;

/** Connections of a destination that a flush has made due. */
export interface Flushed {
  readonly destination: string;
  readonly due: number;
}

/** What a command to resend templates did at a destination. */
export type ResentTemplates = TemplatesResent & { readonly destination: string };

export interface DestinationSetHooks extends ExportLoopHooks {
  /** There are others now, or their order is another. */
  changed: () => void;
  /** One that was removed exports no more. */
  left: (destination: Destination) => void;
}

/** The destinations of an exporter, each with a loop of its own. */
export class DestinationSet {
  readonly #log: Logger;
  readonly #hooks: DestinationSetHooks;
  readonly #longestWait: number;
  readonly #members: Member[] = [];
  /** Of these, those that are not open yet. */
  readonly #fresh = new Set<Member>();
  /** Destinations that are removed, while they still export. */
  readonly #leaving = new Map<Destination, Promise<void>>();
  /** What those have done that have left. */
  readonly removed = { destinations: 0, records: 0, lostRecords: 0, unexported: newUnexported() };

  /** @param longestWait milliseconds from one export to the next at most */
  constructor(hooks: DestinationSetHooks, longestWait: number, log: Logger) {
    this.#hooks = hooks;
    this.#longestWait = longestWait;
    this.#log = log;
  }

  add(make: MakeDestination): void {
    this.#members.push(this.#member(make));
  }

  /**
   * Adds one while others export; {@link openFresh} opens it.
   * @param before what connections have counted until now is not exported to it
   * @throws CtflowError as a {@link Destination}; nothing is added then
   */
  join(make: MakeDestination, before: boolean): void {
    const member = this.#member(make);
    member.destination.join(before);
    this.#members.push(member);
    this.#fresh.add(member);
    this.#hooks.changed();
  }

  /** Takes back {@link join}. */
  async discard(name: string): Promise<void> {
    const { destination } = this.#take(name);
    await destination.discard();
    this.#hooks.left(destination);
  }

  /** Exports to one what is open now, as ended by force, and removes it; that goes on when this returns. */
  remove(name: string, graceMs: number): void {
    const { destination, loop } = this.#take(name);
    loop.close();
    const left = async (): Promise<void> => {
      await loop.idle();
      const { records, ...left } = await destination.remove(graceMs);
      this.removed.unexported = sumUnexported([this.removed.unexported, left]);
      const what = 'destination removed';
      if (left.connections + records === 0) this.#log.info({ destination: name }, what);
      else this.#log.warn({ destination: name, ...left, records }, `${what}; not all connections were exported to it`);
    };
    const leaving = left()
      .catch((error: unknown) => this.#log.error({ destination: name }, describeError(error)))
      .finally(() => {
        this.#leaving.delete(destination);
        this.#countRemoved(destination.stats());
        this.#hooks.left(destination);
      });
    this.#leaving.set(destination, leaving);
  }

  /** Settles when one of this name that was removed exports no more. */
  whenLeft(name: string): Promise<void> {
    return this.#whenLeft(destination => destination.name === name);
  }

  /**
   * Another one takes the place of one whose session is closed, and goes on with what that has exported; {@link openFresh} opens it.
   * @throws CtflowError as a {@link Destination}; the one before goes on then
   */
  async replace(name: string, make: (before: Destination) => MakeDestination, graceMs: number): Promise<void> {
    const replaced = this.#members.find(({ destination }) => destination.name === name)!;
    const { destination: before, loop } = replaced;
    loop.close();
    await loop.idle();
    before.closeMessages();
    let member: Member;
    try {
      member = this.#member(make(before));
    } catch (error) {
      loop.reopen();
      throw error;
    }
    this.#members[this.#members.indexOf(replaced)] = member;
    this.#fresh.delete(replaced);
    this.#fresh.add(member);
    const lostRecords = await before.retire(graceMs);
    member.destination.countOn(before);
    if (lostRecords > 0) this.#log.warn({ destination: name, lostRecords }, 'records lost as the destination changed');
  }

  /** From now on those export that have come; one whose file or port another one has that is removed waits for that. */
  async openFresh(): Promise<void> {
    const fresh = [...this.#fresh];
    this.#fresh.clear();
    const open = async ({ destination, loop }: Member): Promise<void> => {
      await this.#whenLeft(({ options }) => areExclusive(options, destination.options));
      await destination.open();
      loop.start();
    };
    await Promise.all(fresh.map(open));
  }

  /** Records of all that there ever were. */
  get records(): number {
    const all = [...this.all, ...this.#leaving.keys()];
    return all.reduce((sum, destination) => sum + destination.stats().session.records, this.removed.records);
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
  async drain(graceMs: number): Promise<number> {
    this.#stop();
    const [left] = await Promise.all([drainAll(this.all, graceMs, this.#log), ...this.#leaving.values()]);
    return left;
  }

  /** Closes them at once; nothing more is exported. */
  async close(): Promise<void> {
    this.#stop();
    await Promise.all([...this.all.map(destination => destination.close()), ...this.#leaving.values()]);
  }

  /** Ended connections that all of a kind may hold, those that are being removed too. @param but without this one */
  endedQueues(nat: boolean, but?: string): number {
    const holders = [...this.all.filter(({ name }) => name !== but), ...this.#leaving.keys()];
    return holders.reduce((sum, { isNat, options }) => sum + (isNat === nat ? options.endedQueue : 0), 0);
  }

  #member(make: MakeDestination): Member {
    const destination = make(() => loop.exportNow());
    const loop = new ExportLoop(destination, this.#longestWait, this.#hooks, this.#log);
    return { destination, loop };
  }

  async #whenLeft(which: (destination: Destination) => boolean): Promise<void> {
    for (const [destination, leaving] of this.#leaving) if (which(destination)) await leaving;
  }

  #countRemoved({ session, transport, stale, evictedUnreported, endedOverflow }: DestinationStats): void {
    const { removed } = this;
    removed.destinations++;
    removed.records += session.records;
    removed.lostRecords += transport.lostRecords;
    removed.unexported = sumUnexported([removed.unexported, stale, evictedUnreported, endedOverflow]);
  }

  #take(name: string): Member {
    const [member] = this.#members.splice(
      this.#members.findIndex(({ destination }) => destination.name === name),
      1,
    );
    this.#fresh.delete(member);
    this.#hooks.changed();
    return member;
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

/** A file has one writer, and a local port one socket. */
function areExclusive(one: DestinationOptions, other: DestinationOptions): boolean {
  const [a, b] = [one.endpoint, other.endpoint];
  if (a.protocol === 'file' || b.protocol === 'file')
    return a.protocol === 'file' && b.protocol === 'file' && a.path === b.path;
  return one.localPort !== undefined && one.localPort === other.localPort;
}
