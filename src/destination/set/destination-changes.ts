import { CtflowError } from '../../common/errors.js';
import type { Logger } from '../../common/logger.js';
import { isNat } from '../../record/nat-log.js';
import type { DestinationSet, MakeDestination } from './destination-set.js';
import type { Destination } from '../destination.js';
import { destinationName, type DestinationOptions } from '../destination-options.js';

/** What became of the destinations, by name. */
export interface DestinationsChanged {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  /** As they were, each with why the change needs a restart. */
  readonly needRestart: readonly { readonly destination: string; readonly why: string }[];
}

/** What the run was begun with, and cannot have another way. */
export interface ChangeLimits {
  /** Ended connections that all of them together may hold. */
  readonly room: number;
  /** The same of events of a NAT; 0 where there are none. */
  readonly natRoom: number;
  /** A destination may have flows. */
  readonly flows: boolean;
  /** Names of interfaces are read, and routes looked up. */
  readonly interfaces: boolean;
  readonly routes: boolean;
}

export interface ChangeContext {
  make: (options: DestinationOptions, before?: Destination) => MakeDestination;
  /** What connections have counted until now is not exported to a destination that is added. */
  before: boolean;
  /** Milliseconds for one that is removed, or whose session is closed. */
  graceMs: () => number;
  limits: ChangeLimits;
  log: Logger;
}

/** These change without another session. */
const IN_PLACE = new Set(['activeFlowExportTimeout', 'idleFlowExportTimeout', 'filter', 'maxRate']);

/** Adds, removes and changes destinations while they export. What is the same is not touched. */
export class DestinationChanges {
  readonly #set: DestinationSet;
  readonly #context: ChangeContext;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(set: DestinationSet, context: ChangeContext) {
    this.#set = set;
    this.#context = context;
  }

  /**
   * One change waits for the other.
   * @param after all that are to be there
   * @throws CtflowError as a Destination, CTFLOW_CONTROL once it is closed; all are as they were then
   */
  change(after: readonly DestinationOptions[]): Promise<DestinationsChanged> {
    const changed = this.#last.then(() => this.#change(after));
    this.#last = changed.catch(() => {});
    return changed;
  }

  /** None begins any more. Settles when none is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
  }

  async #change(after: readonly DestinationOptions[]): Promise<DestinationsChanged> {
    this.#throwIfClosed();
    const { make, before, log } = this.#context;
    const graceMs = this.#context.graceMs();
    const set = this.#set;
    const added: string[] = [];
    const changed: string[] = [];
    const needRestart: { destination: string; why: string }[] = [];
    const undo: (() => Promise<void> | void)[] = [];
    const wanted = new Map(after.map(options => [destinationName(options), options]));
    const removed = set.all.map(({ name }) => name).filter(name => !wanted.has(name));
    const replaced: [string, DestinationOptions][] = [];
    try {
      for (const [name, options] of wanted) {
        const known = set.all.find(one => one.name === name);
        const keys = known ? differences(known.options, options) : [];
        // the state file has one place for a name
        if (!known) await set.whenLeft(name);
        this.#throwIfClosed();
        if (known && keys.length === 0) continue;
        const why = this.#reasonAgainst(options, known, keys);
        if (why !== undefined) needRestart.push({ destination: name, why });
        else if (!known) {
          set.join(make(options), before);
          undo.unshift(() => set.discard(name));
          added.push(name);
        } else {
          changed.push(name);
          if (!isInPlace(keys, options)) replaced.push([name, options]);
          else {
            const old = known.options;
            undo.unshift(() => known.change(old));
            known.change(options);
          }
        }
      }
      const results = await Promise.allSettled(
        replaced.map(async ([name, options]) => {
          const old = set.all.find(one => one.name === name)!.options;
          await set.replace(name, former => make(options, former), graceMs);
          undo.unshift(() => set.replace(name, former => make(old, former), graceMs));
        }),
      );
      const failed = results.find(result => result.status === 'rejected');
      if (failed) throw failed.reason;
    } catch (error) {
      for (const step of undo) await step();
      await set.openFresh();
      throw error;
    }
    for (const name of removed) set.remove(name, graceMs);
    for (const destination of set.all) destination.renewWithFiles();
    await set.openFresh();
    set.exportNow();
    log.debug({ added, removed, changed, needRestart }, 'destinations are read again');
    return { added, removed, changed, needRestart };
  }

  #throwIfClosed(): void {
    if (this.#closed) throw new CtflowError('CTFLOW_CONTROL', 'ctflow is stopping', 'Start it again');
  }

  #reasonAgainst(
    options: DestinationOptions,
    known: Destination | undefined,
    keys: readonly string[],
  ): string | undefined {
    const { limits } = this.#context;
    const nat = isNat(options);
    if (known && known.isNat !== nat) return 'profile nat and others are not exchanged while ctflow runs';
    if (nat && limits.natRoom === 0) return 'no destination had profile nat when ctflow started';
    if (!nat && !limits.flows) return 'all destinations had profile nat when ctflow started';
    if (options.interfaces !== 'none' && !limits.interfaces) return 'no destination had interfaces when ctflow started';
    if (options.interfaces === 'route' && !limits.routes)
      return 'no destination had interfaces by routes when ctflow started';
    const aggregates = (known?.options.aggregateKeys ?? options.aggregateKeys) !== undefined;
    if (known && !isInPlace(keys, options) && aggregates)
      return 'where connections are summed up only timeouts, filter and rate change while ctflow runs';
    const room = nat ? limits.natRoom : limits.room;
    const others = this.#set.endedQueues(nat, known?.name);
    return others + options.endedQueue > room ? 'there is no room for its queue of ended connections' : undefined;
  }
}

function isInPlace(keys: readonly string[], { fields = [] }: DestinationOptions): boolean {
  // they stand in its records
  if (keys.some(key => key.endsWith('Timeout')) && fields.some(name => /^flow(Active|Idle)Timeout$/.test(name)))
    return false;
  return keys.every(key => IN_PLACE.has(key));
}

/** The keys of what differs. */
function differences(one: DestinationOptions, other: DestinationOptions): string[] {
  const text = (value: unknown): string | undefined =>
    JSON.stringify(value, (_, inner: unknown) => (isFilter(inner) ? inner.text : inner));
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].filter(
    key => text(Reflect.get(one, key)) !== text(Reflect.get(other, key)),
  );
}

function isFilter(value: unknown): value is { readonly text: string } {
  return typeof value === 'object' && value !== null && 'text' in value && 'fields' in value;
}
