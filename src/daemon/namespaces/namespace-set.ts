import { watch, type FSWatcher } from 'node:fs';
import { CtflowError, describeError } from '../../common/errors.js';
import { NAMESPACES } from '../../common/host.js';
import type { Logger } from '../../common/logger.js';
import type { DestinationsChanged } from '../../destination/set/destination-changes.js';
import type { Flushed, ResentTemplates } from '../../destination/set/destination-set.js';
import type { DestinationOptions } from '../../destination/destination-options.js';
import type { ExporterStats } from '../../exporter.js';
import type { NamespaceFigures } from '../metrics/process-metrics.js';
import { now, type Moment } from '../../store/poll-history.js';
import { mergeStats, nameIn, noStats, sayOf } from './merged-stats.js';
import { findNamespaces, type NamedNamespace } from './namespace-names.js';
import type { Pipeline, PipelineConfig } from './pipeline.js';

/** Milliseconds from one look at the names to the next, where the folder says nothing. */
const LOOK_MS = 5_000;
/** Milliseconds from the first sign of a change to the look: a name is mounted in several steps. */
const SETTLE_MS = 50;
/** A namespace that is gone is waited for so many milliseconds where all are read. */
const RETIRE_MS = 60_000;
/** Milliseconds until a namespace that cannot be read is tried again. */
const RETRY_MS = 60_000;
/** Milliseconds from one warning about a name to the next. */
const REPEAT_MS = 300_000;
/** Names and namespaces that are remembered; the oldest are forgotten first. */
const MOST_REMEMBERED = 1_024;
/** Where one of these is the reason, no other namespace can be read either. */
const FATAL = new Set(['CTFLOW_BACKEND_LACKS', 'CTFLOW_PERMISSION', 'CTFLOW_USAGE']);

export interface NamespaceSetOptions {
  readonly backend: ExporterStats['backend'];
  /** Names, or `all`; undefined for one pipeline, whatever it reads. */
  readonly wanted: readonly string[] | undefined;
  /** So many at once. */
  readonly most: number;
  /** Those that are gone for long are closed. */
  readonly retires: boolean;
  /** @param left when this run has left the namespace, where it has read it before */
  readonly make: (namespace: NamedNamespace, left: Moment | undefined) => Promise<Pipeline>;
  /** One more is there, and about to open. */
  readonly made?: () => void;
  readonly log: Logger;
  readonly retireMs?: number;
}

/** The exporters of all network namespaces that are read: one each, as they come and go. */
export class NamespaceSet {
  readonly #options: NamespaceSetOptions;
  readonly #log: Logger;
  readonly #pipelines = new Map<string, Pipeline>();
  /** Which namespace each has read last, as of {@link NamedNamespace}. */
  readonly #identities = new Map<string, string>();
  /** When namespaces were left, by their identity. */
  readonly #left = new Map<string, Moment>();
  /** Those that are being closed. */
  readonly #closing = new Map<string, Promise<void>>();
  /** Namespaces that could not be opened, and when that is tried again. */
  readonly #retryAt = new Map<string, number>();
  readonly #warnedAt = new Map<string, number>();
  readonly #retired = { retired: 0, unexported: 0 };
  /** What those that are closed have counted. */
  #earlier: ExporterStats;
  #opened = false;
  #ready = false;
  /** Namespaces beyond the limit, at the last look. */
  #refused = 0;
  #looking: Promise<void> | undefined;
  #again = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  #settling: NodeJS.Timeout | undefined;
  #watcher: FSWatcher | undefined;

  constructor(options: NamespaceSetOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#earlier = noStats(options.backend);
    this.ended = new Promise(resolve => (this.#end = resolve));
  }

  /** Resolves when a recording has played to its end. */
  readonly ended: Promise<void>;
  #end!: () => void;

  /** In the order in which they were opened. */
  get all(): readonly Pipeline[] {
    return [...this.#pipelines.values()];
  }

  /** How many are read, and what has become of the others. */
  figures(): NamespaceFigures {
    return { read: this.#pipelines.size, refused: this.#refused, ...this.#retired };
  }

  /**
   * Opens what is there, and goes on by itself.
   * @throws CtflowError where none could be opened
   */
  async open(): Promise<void> {
    if (!this.#options.wanted) {
      await this.#open({ name: '', identity: '' });
      void this.all[0].exporter.ended.then(this.#end);
      this.#opened = true;
      return;
    }
    let failure: unknown;
    await this.#look(error => (failure ??= error));
    if (failure !== undefined && (this.#pipelines.size === 0 || isFatal(failure))) throw failure;
    if (this.#pipelines.size === 0) this.#log.warn('none of these network namespaces is there; ctflow waits for them');
    this.#opened = true;
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  /** Looks soon which namespaces there are. */
  look(): void {
    void this.#look(() => {});
  }

  /** The namespace that has this name here. @throws CtflowError CTFLOW_USAGE where it is not read; the first one where no name is given */
  find(netns: string | undefined): Pipeline {
    const found = netns === undefined ? this.all[0] : this.#pipelines.get(netns);
    if (found) return found;
    const names = [...this.#pipelines.keys()].join(', ') || 'none';
    throw netns === undefined
      ? new CtflowError('CTFLOW_CONTROL', 'No network namespace is read now', 'Try again when there is one')
      : new CtflowError('CTFLOW_USAGE', `Network namespace '${netns}' is not read`, `Those that are: ${names}`);
  }

  stats(): ExporterStats {
    return mergeStats(
      this.all.map(({ netns, exporter }) => ({ netns, stats: exporter.stats() })),
      this.#earlier,
    );
  }

  get ready(): boolean {
    return this.waitsFor().length === 0;
  }

  /** What is missing until each that was there at the start has begun its work, in words. */
  waitsFor(): readonly string[] {
    if (this.#ready) return [];
    if (!this.#opened && (this.#options.wanted || this.#pipelines.size === 0)) return ['the exporter'];
    const missing = this.all.flatMap(({ netns, readiness }) => readiness.waitsFor().map(what => sayOf(netns, what)));
    this.#ready = this.#opened && missing.length === 0;
    return missing;
  }

  get destinations(): readonly DestinationOptions[] {
    return this.all[0]?.exporter.destinations ?? [];
  }

  /** As of Exporter, in all namespaces. */
  resendTemplates(name: string | undefined): ResentTemplates[] {
    return this.all.flatMap(({ netns, exporter }) =>
      exporter.resendTemplates(name).map(one => ({ ...one, destination: nameIn(netns, one.destination) })),
    );
  }

  /** As of Exporter, in all namespaces. */
  async flush(name: string | undefined): Promise<Flushed[]> {
    const flushed = await Promise.all(
      this.all.map(async ({ netns, exporter }) =>
        (await exporter.flush(name)).map(one => ({ ...one, destination: nameIn(netns, one.destination) })),
      ),
    );
    return flushed.flat();
  }

  /**
   * Takes other settings in all namespaces, or in none.
   * @param before the settings as they are
   * @throws as Pipeline.reload
   */
  async reload(config: PipelineConfig, before: PipelineConfig): Promise<DestinationsChanged> {
    await this.#looking;
    const done: Pipeline[] = [];
    let changed: DestinationsChanged | undefined;
    try {
      for (const pipeline of this.all) {
        changed = unite(changed, await pipeline.reload(config));
        done.push(pipeline);
      }
    } catch (error) {
      for (const pipeline of done) await pipeline.reload(before);
      throw error;
    }
    return changed ?? { added: [], removed: [], changed: [], needRestart: [] };
  }

  /**
   * Closes all, each as Exporter.close.
   * @returns records that were left unexported
   */
  async close(): Promise<number> {
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#settling);
    this.#watcher?.close();
    await this.#looking;
    const closed = await Promise.allSettled([
      ...[...this.#closing.values()].map(async closing => closing.then(() => 0)),
      ...this.all.map(({ close }) => close()),
    ]);
    const failed = closed.find(one => one.status === 'rejected');
    if (failed) throw failed.reason;
    return closed.reduce((sum, one) => sum + (one.status === 'fulfilled' ? one.value : 0), this.#retired.unexported);
  }

  /** One look at a time. */
  async #look(failed: (error: unknown) => void): Promise<void> {
    if (this.#looking) {
      this.#again = true;
      return this.#looking;
    }
    const look = async (): Promise<void> => {
      do {
        this.#again = false;
        await this.#openAndRetire(failed);
      } while (this.#again && !this.#closed);
    };
    this.#looking = look().finally(() => (this.#looking = undefined));
    await this.#looking;
  }

  async #openAndRetire(failed: (error: unknown) => void): Promise<void> {
    this.#watch();
    const { wanted, most } = this.#options;
    const there = findNamespaces(wanted!);
    this.#retire(there);
    const readAs = new Map<string, string>();
    let refused = 0;
    // the namespace of a name may be read by another one's exporter, until that one is gone
    for (const { name, identity } of there)
      if (this.#pipelines.has(name)) {
        readAs.set(identity, name);
        this.#identities.set(name, identity);
      }
    for (const namespace of there) {
      const { name, identity } = namespace;
      if (this.#closed) return;
      if (this.#pipelines.has(name) || this.#closing.has(name) || readAs.has(identity)) continue;
      if (performance.now() < (this.#retryAt.get(`${name} ${identity}`) ?? 0)) continue;
      if (this.#pipelines.size + this.#closing.size >= most) {
        refused++;
        this.#warn(name, `the network namespace is not read: there are ${most} already (--max-namespaces)`);
        continue;
      }
      try {
        await this.#open(namespace);
      } catch (error) {
        failed(error);
        remember(this.#retryAt, `${name} ${identity}`, performance.now() + RETRY_MS);
        this.#warn(name, `${describeError(error)}; ctflow tries again`);
      }
    }
    this.#refused = refused;
  }

  async #open(namespace: NamedNamespace): Promise<void> {
    const { name, identity } = namespace;
    const pipeline = await this.#options.make(namespace, this.#left.get(identity));
    this.#pipelines.set(name, pipeline);
    this.#identities.set(name, identity);
    this.#options.made?.();
    try {
      await pipeline.exporter.open();
      this.#warnedAt.delete(name);
    } catch (error) {
      this.#pipelines.delete(name);
      pipeline.unwatch();
      await pipeline.close().catch(() => {}); // the exporter has closed itself
      throw error;
    }
  }

  /** Closes those whose namespace does not come back; where there is no room for others, at once. */
  #retire(there: readonly NamedNamespace[]): void {
    const { retires, most, retireMs = RETIRE_MS } = this.#options;
    if (!retires) return;
    const crowded = there.some(({ name }) => !this.#pipelines.has(name)) && this.#pipelines.size >= most;
    for (const [name, pipeline] of this.#pipelines) {
      const since = pipeline.exporter.withoutNamespaceSince;
      if (since === undefined || (!crowded && performance.now() - since < retireMs)) continue;
      this.#pipelines.delete(name);
      this.#remember(this.#identities.get(name)!, since);
      const closing = this.#close(name, pipeline).finally(() => {
        this.#closing.delete(name);
        if (!this.#closed) this.look();
      });
      this.#closing.set(name, closing);
    }
  }

  /** @param since monotonic milliseconds */
  #remember(identity: string, since: number): void {
    const { wall, monotonic } = now();
    remember(this.#left, identity, { wall: wall - (monotonic - since), monotonic: since });
  }

  async #close(name: string, pipeline: Pipeline): Promise<void> {
    try {
      const unexported = await pipeline.close();
      this.#retired.unexported += unexported;
      if (unexported === 0) pipeline.forget();
      this.#log.info({ netns: name, unexported }, 'the network namespace is gone: its exporter is closed');
    } catch (error) {
      this.#log.error({ netns: name }, describeError(error));
    }
    this.#retired.retired++;
    pipeline.unwatch();
    this.#earlier = mergeStats(
      [{ netns: name, stats: { ...pipeline.exporter.stats(), destinations: [] } }],
      this.#earlier,
    );
  }

  #warn(name: string, message: string): void {
    const now = performance.now();
    if (now - (this.#warnedAt.get(name) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return;
    remember(this.#warnedAt, name, now);
    this.#log.warn({ netns: name }, message);
  }

  /** The folder comes with the first name. */
  #watch(): void {
    if (this.#watcher || this.#closed) return;
    try {
      this.#watcher = watch(NAMESPACES, { persistent: false }, () => {
        this.#settling ??= setTimeout(() => {
          this.#settling = undefined;
          this.look();
        }, SETTLE_MS).unref();
      });
      this.#watcher.on('error', () => {
        this.#watcher?.close();
        this.#watcher = undefined;
      });
    } catch {
      // looked at again and again
    }
  }
}

function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MOST_REMEMBERED) map.delete(map.keys().next().value!);
}

/** What each has said of the same destinations. */
function unite(one: DestinationsChanged | undefined, other: DestinationsChanged): DestinationsChanged {
  if (!one) return other;
  const both = (key: 'added' | 'removed' | 'changed'): string[] => [...new Set([...one[key], ...other[key]])];
  const known = new Set(one.needRestart.map(({ destination }) => destination));
  return {
    added: both('added'),
    removed: both('removed'),
    changed: both('changed'),
    needRestart: [...one.needRestart, ...other.needRestart.filter(({ destination }) => !known.has(destination))],
  };
}

function isFatal(error: unknown): boolean {
  return error instanceof CtflowError && FATAL.has(error.code);
}
