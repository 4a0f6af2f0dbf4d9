import { setTimeout as sleep } from 'node:timers/promises';
import { BackOff, spread } from '../../transport/back-off.js';
import { type Api, ApiRefusal, type Query, type Status } from './api.js';
import type { Changes, Facts, Gone, Kind, WatchLimits, WatchState } from './facts.js';

const GONE = 410;

/** A list, or an object, as far as it is read here. */
interface List {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly ApiObject[];
}

interface ApiObject {
  readonly metadata?: { readonly uid?: string };
}

export interface Resource {
  readonly kind: Kind;
  readonly path: string;
  readonly query?: Query;
  /** @param at when it was received; undefined where there is nothing to know of it */
  readonly facts: (object: never, at: number) => Facts | undefined;
}

export interface ReflectorHooks {
  /** Settles when there is room for more. */
  readonly changes: (changes: Changes) => Promise<void>;
  readonly state: (state: WatchState) => void;
  readonly trouble: (kind: Kind, message: string) => void;
}

/**
 * Follows the objects of one kind: reads all of them in pages, watches from there on, and goes on from the last version after each end.
 * What is known stays while the server is away. Where it has forgotten that version (410), all are read again, and what is no longer
 * there is gone since the last contact.
 */
export class Reflector {
  readonly #resource: Resource;
  readonly #api: Api;
  readonly #limits: WatchLimits;
  readonly #hooks: ReflectorHooks;
  readonly #signal: AbortSignal;
  readonly #backOff: BackOff;
  readonly #known = new Set<string>();
  /** From where a watch goes on; undefined where all has to be read. */
  #version: string | undefined;
  #state: WatchState;

  constructor(resource: Resource, api: Api, limits: WatchLimits, hooks: ReflectorHooks, signal: AbortSignal) {
    this.#resource = resource;
    this.#api = api;
    this.#limits = limits;
    this.#hooks = hooks;
    this.#signal = signal;
    this.#backOff = new BackOff(limits.firstWait, limits.longestWait);
    const counts = { lists: 0, watches: 0, errors: 0, leftOut: 0 };
    this.#state = { kind: resource.kind, synced: false, connected: false, contactAt: 0, ...counts };
  }

  /** Until the signal. */
  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      let wait: number;
      const began = performance.now();
      try {
        if (this.#version === undefined) await this.#list();
        await this.#watch();
        if (performance.now() - began > this.#limits.firstWait) this.#backOff.reset();
        // a server that ends watches at once is not asked again at once
        wait = this.#backOff.failing ? this.#backOff.next() : this.#limits.firstWait / 4;
      } catch (error) {
        if (this.#signal.aborted) return;
        if (performance.now() - began > this.#limits.longestWait) this.#backOff.reset();
        wait = this.#failed(error);
      }
      this.#say({ connected: false });
      await sleep(spread(wait), undefined, { signal: this.#signal }).catch(() => {});
    }
  }

  /** @returns milliseconds to wait */
  #failed(error: unknown): number {
    const { message } = error as Error;
    const refusal = error instanceof ApiRefusal ? error : undefined;
    const wait = Math.max(this.#backOff.next(), refusal?.retryAfter ?? 0);
    if (refusal?.status === GONE) {
      // no failure: it happens to whoever has been away
      this.#version = undefined;
      return wait;
    }
    this.#say({ errors: this.#state.errors + 1 });
    this.#hooks.trouble(this.#resource.kind, message);
    return wait;
  }

  async #list(): Promise<void> {
    const { path, query, kind } = this.#resource;
    const before = this.#state.contactAt;
    const seen = new Set<string>();
    let page: string | undefined;
    let leftOut = 0;
    do {
      const all = { ...query, limit: this.#limits.page, continue: page };
      const list = (await this.#api.get(path, all, this.#limits.listSilence, this.#signal)) as List;
      const at = Date.now();
      const facts: Facts[] = [];
      for (const object of list.items ?? []) {
        const known = this.#resource.facts(object as never, at);
        if (!known) continue;
        if (seen.size < this.#limits.most) {
          seen.add(known.uid);
          this.#known.add(known.uid);
          facts.push(known);
        } else leftOut++;
      }
      await this.#hooks.changes({ facts, gone: [] });
      page = list.metadata?.continue || undefined;
      this.#version = list.metadata?.resourceVersion;
    } while (page !== undefined);
    const gone: Gone[] = [];
    for (const uid of this.#known) {
      if (seen.has(uid)) continue;
      this.#known.delete(uid);
      gone.push({ kind, uid, at: before });
    }
    await this.#hooks.changes({ facts: [], gone });
    this.#say({ synced: true, lists: this.#state.lists + 1, contactAt: Date.now(), leftOut });
  }

  async #watch(): Promise<void> {
    const { path, query } = this.#resource;
    const { watchSeconds, watchSilence } = this.#limits;
    const all = {
      ...query,
      resourceVersion: this.#version,
      allowWatchBookmarks: 'true',
      timeoutSeconds: Math.ceil(spread(watchSeconds)),
    };
    for await (const events of this.#api.watch(path, all, watchSilence, this.#signal)) {
      const at = Date.now();
      const facts: Facts[] = [];
      const gone: Gone[] = [];
      for (const { type, object } of events) {
        if (type === 'ERROR') throw refusalOf(object as Status);
        if (type !== 'BOOKMARK') this.#take(type === 'DELETED', object as ApiObject, at, facts, gone);
        this.#version = object.metadata?.resourceVersion ?? this.#version;
      }
      if (facts.length > 0 || gone.length > 0) await this.#hooks.changes({ facts, gone });
      if (this.#state.connected) this.#say({ contactAt: at });
      else this.#say({ contactAt: at, connected: true, watches: this.#state.watches + 1 });
      if (events.length > 0) this.#backOff.reset();
    }
  }

  #take(deleted: boolean, object: ApiObject, at: number, facts: Facts[], gone: Gone[]): void {
    const known = this.#resource.facts(object as never, at);
    const uid = known?.uid ?? object.metadata?.uid ?? '';
    if (known) {
      if (!this.#known.has(uid) && this.#known.size >= this.#limits.most) {
        this.#say({ leftOut: this.#state.leftOut + 1 });
        return;
      }
      this.#known.add(uid);
      facts.push(known);
    }
    if ((deleted || !known) && this.#known.delete(uid)) gone.push({ kind: this.#resource.kind, uid, at });
  }

  #say(change: Partial<WatchState>): void {
    const next = { ...this.#state, ...change };
    this.#state = next;
    this.#hooks.state(next);
  }
}

function refusalOf({ code = 0, message = '' }: Status): ApiRefusal {
  return new ApiRefusal(code, `${code}: ${message}`);
}
