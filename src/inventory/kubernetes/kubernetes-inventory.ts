import { Worker } from 'node:worker_threads';
import { CtflowError } from '../../common/errors.js';
import type { Logger } from '../../common/logger.js';
import type { NameTable } from '../../record/name-table.js';
import type { Inventory, InventoryChange, InventorySize } from '../inventory.js';
import { type Cluster, ClusterLookup } from './cluster-lookup.js';
import {
  type Changes,
  type Facts,
  type FromThread,
  type Kind,
  KINDS,
  WATCH_LIMITS,
  type WatchLimits,
  type WatchOptions,
  type WatchState,
} from './facts.js';
import { NodeTable } from './nodes.js';
import { PodTable } from './pods.js';
import { ServiceTable } from './services.js';

/** Milliseconds between two looks at the flows whose names are open, and how many times as long as such a look takes at least. */
const REVIEW_MS = 1_000;
const REST = 20;
/** Milliseconds for which the thread may go on after it was closed. */
const LAST_MS = 2_000;
/** Of the thread: the client alone takes some 50 MB, and 50,000 pods are read in pages. */
const MOST_MEMORY_MB = 1_024;

export interface KubernetesOptions {
  /** `in-cluster`: as the service account of the pod that ctflow runs in; else a kubeconfig file. */
  readonly config: string;
  /** This node, as the cluster calls it. */
  readonly node: string;
  /** All pods, or those of this node alone: of others the nodes are known by the prefixes of their pods. */
  readonly pods: 'all' | 'node';
  /** Prefixes of pods beside those of the nodes. */
  readonly podPrefixes?: readonly string[];
  /** Keys of labels of pods that are kept, or `all`; by default none. */
  readonly labels?: readonly string[];
  /** Waits and limits that differ from the usual ones. */
  readonly limits?: Partial<WatchLimits>;
}

/** A thread, as far as it is used here. */
export interface Watching {
  ref(): void;
  unref(): void;
  terminate(): Promise<number>;
  postMessage(message: 'taken' | 'close'): void;
  on(event: 'message', listener: (message: FromThread) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: () => void): unknown;
}

export interface KubernetesStats extends InventorySize {
  /** Kinds of objects of which all have been read, of 4. */
  readonly synced: number;
  /** Kinds of objects that are watched at present, of 4. */
  readonly watched: number;
  /** When something was last received of the kind that has been silent for the longest time, milliseconds since 1970; 0 for never. */
  readonly contactAt: number;
  /** Objects that were new, or different from before, or gone. */
  readonly changes: number;
  /** Times that all objects of a kind were read. */
  readonly lists: number;
  /** Watches that the server has accepted. */
  readonly watches: number;
  /** Requests that failed or were refused. */
  readonly errors: number;
  /** Objects without room. */
  readonly leftOut: number;
  /** Labels of pods that are asked for and found no room. */
  readonly labelsLeftOut: number;
  /** Answers that had been given and turned out wrong. */
  readonly corrected: number;
}

/** The inventory of a cluster, as its API server tells it. What is known stays in use while the server is away. */
export class KubernetesInventory implements Inventory<KubernetesStats> {
  readonly #log: Logger;
  readonly #thread: Watching;
  readonly #cluster: Cluster;
  readonly #states = new Map<Kind, WatchState>();
  readonly #lookups = new Set<ClusterLookup>();
  readonly #listeners = new Map<ClusterLookup, (change: InventoryChange) => Promise<void>>();
  #users = 1;
  #changes = 0;
  #changed = false;
  #reviewing: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(options: KubernetesOptions, thread: Watching, log: Logger) {
    this.#log = log;
    this.#thread = thread;
    this.#cluster = {
      pods: new PodTable(),
      nodes: new NodeTable(options.node, options.podPrefixes ?? []),
      services: new ServiceTable(),
      labelled: (options.labels ?? []).length > 0,
      contactAt: () => {
        const pods = this.#states.get('pods');
        return pods?.connected ? Date.now() : (pods?.contactAt ?? 0);
      },
    };
    thread.on('message', (message: FromThread) => this.#take(message));
    thread.on('error', error => this.#ended(error.message));
    thread.on('exit', () => this.#ended('its thread has ended'));
    this.#reviewAfter(REVIEW_MS);
  }

  /**
   * Loads the client on a thread, reads the configuration, and begins to watch. Names come as the server answers; it may be away.
   * @param signal gives up
   * @param watch where it watches: on a thread
   * @throws CtflowError CTFLOW_KUBERNETES where the client or the configuration cannot be used
   */
  static async open(
    options: KubernetesOptions,
    log: Logger,
    signal?: AbortSignal,
    watch: (options: WatchOptions) => Watching = onThread,
  ): Promise<KubernetesInventory> {
    const { config, node, pods, labels = [] } = options;
    const thread = watch({ config, node, pods, labels, limits: { ...WATCH_LIMITS, ...options.limits } });
    const end = (): void => void thread.terminate();
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
    const first = await new Promise<FromThread>(resolve => {
      const fail = (message: string): void => resolve({ type: 'failed', message, hint: 'Try again' });
      thread.on('message', resolve);
      thread.on('error', error => fail(error.message));
      thread.on('exit', () => fail('the thread ended'));
    }).finally(() => signal?.removeEventListener('abort', end));
    thread.unref();
    if (first.type !== 'ready') {
      end();
      const { message, hint } = first as { message: string; hint: string };
      throw new CtflowError('CTFLOW_KUBERNETES', `Kubernetes (${config}): ${message}`, hint);
    }
    log.info({ server: first.server, node, pods }, 'watching the API server');
    return new KubernetesInventory(options, thread, log);
  }

  lookup(names: NameTable): ClusterLookup {
    const lookup = new ClusterLookup(this.#cluster, names);
    this.#lookups.add(lookup);
    return lookup;
  }

  subscribe(names: NameTable, listener: (change: InventoryChange) => Promise<void>): () => void {
    const lookup = this.lookup(names);
    this.#listeners.set(lookup, listener);
    return () => void this.#listeners.delete(lookup);
  }

  /** For another user, who closes it too. */
  share(): this {
    this.#users++;
    return this;
  }

  stats(): KubernetesStats {
    const { pods, nodes, services } = this.#cluster;
    const states = [...this.#states.values()];
    const sum = (count: (state: WatchState) => number): number => states.reduce((all, one) => all + count(one), 0);
    return {
      pods: pods.size,
      nodes: nodes.size,
      services: services.size,
      podPrefixes: nodes.podPrefixes,
      synced: sum(({ synced }) => Number(synced)),
      watched: sum(({ connected }) => Number(connected)),
      contactAt: states.length < KINDS.length ? 0 : Math.min(...states.map(({ contactAt }) => contactAt)),
      changes: this.#changes,
      lists: sum(({ lists }) => lists),
      watches: sum(({ watches }) => watches),
      errors: sum(({ errors }) => errors),
      leftOut: sum(({ leftOut }) => leftOut),
      labelsLeftOut: pods.labelsLeftOut,
      corrected: [...this.#lookups].reduce((all, { corrected }) => all + corrected, 0),
    };
  }

  async close(): Promise<void> {
    if (this.#closed || --this.#users > 0) return;
    this.#closed = true;
    clearTimeout(this.#reviewing);
    const ended = new Promise<void>(resolve => this.#thread.on('exit', resolve));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    this.#thread.postMessage('close');
    const late = setTimeout(() => void this.#thread.terminate(), LAST_MS);
    this.#thread.ref();
    await ended;
    clearTimeout(late);
  }

  #take(message: FromThread): void {
    if (message.type === 'changes') {
      this.#apply(message.changes);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      this.#thread.postMessage('taken');
    } else if (message.type === 'state') this.#takeState(message.state);
    else if (message.type === 'trouble')
      this.#log.warn(
        { kind: message.kind, error: message.message },
        'the API server cannot be read; what is known stays',
      );
  }

  #apply({ facts, gone }: Changes): void {
    const now = Date.now();
    for (const one of facts) if (this.#set(one, now)) this.#changes++;
    for (const one of gone) {
      this.#changes++;
      if (one.kind === 'pods') this.#cluster.pods.remove(one, now);
      else if (one.kind === 'nodes') this.#cluster.nodes.remove(one.uid);
      else if (one.kind === 'services') this.#cluster.services.removeService(one, now);
      else this.#cluster.services.removeEndpoints(one.uid);
    }
    this.#changed = true;
  }

  /** @returns whether it is something new */
  #set(facts: Facts, now: number): boolean {
    const { pods, nodes, services } = this.#cluster;
    if (facts.kind === 'nodes') return nodes.set(facts);
    if (facts.kind === 'pods') pods.set(facts, now);
    else if (facts.kind === 'services') services.setService(facts);
    else services.setEndpoints(facts);
    return true;
  }

  #takeState(state: WatchState): void {
    const before = this.#states.get(state.kind);
    this.#states.set(state.kind, state);
    if (state.leftOut > 0 && !before?.leftOut)
      this.#log.warn(
        { kind: state.kind },
        'the cluster has more objects than there is room for; the others have no names',
      );
    if (before?.synced || !state.synced) return;
    const all = KINDS.every(kind => this.#states.get(kind)?.synced);
    if (!all) return;
    this.#cluster.nodes.complete();
    this.#changed = true;
    const { pods, nodes, services, podPrefixes } = this.stats();
    this.#log.info({ pods, nodes, services, podPrefixes }, 'the cluster is known');
  }

  /** Flows whose names were open, or may have been wrong, are looked up again; seldom enough to cost little. */
  #reviewAfter(milliseconds: number): void {
    this.#reviewing = setTimeout(() => void this.#review(), milliseconds).unref();
  }

  async #review(): Promise<void> {
    const began = performance.now();
    const postponed = [...this.#lookups].some(lookup => lookup.postponed);
    if (this.#changed || postponed) {
      this.#changed = false;
      for (const lookup of this.#lookups) lookup.postponed = false;
      const { pods, services } = this.#cluster;
      const reviewFrom = Math.min(pods.takeEnds(), services.takeEnds());
      const changedPods = pods.takeChanged();
      for (const [lookup, listener] of this.#listeners) await listener({ lookup, reviewFrom, changedPods });
    }
    this.#cluster.pods.tidy(Date.now());
    this.#cluster.services.tidy(Date.now());
    if (!this.#closed) this.#reviewAfter(Math.max(REVIEW_MS, (performance.now() - began) * REST));
  }

  #ended(message: string): void {
    if (this.#closed) return;
    for (const [kind, state] of this.#states) this.#states.set(kind, { ...state, connected: false });
    this.#log.error({ error: message }, 'Kubernetes is no longer watched; what is known stays');
  }
}

function onThread(options: WatchOptions): Watching {
  return new Worker(new URL('thread.js', import.meta.url), {
    workerData: options,
    resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB },
  });
}
