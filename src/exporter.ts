import { ConnectionStore } from './store/connection-store.js';
import { ConnectionPolicies } from './denied/connection-policies.js';
import { DeniedPackets } from './denied/denied-packets.js';
import { DestinationFactory } from './destination/set/destination-factory.js';
import type { ExporterOptions } from './destination/exporter-options.js';
import type { ExporterStats } from './destination/exporter-stats.js';
import type { DestinationOptions } from './destination/destination-options.js';
import { ConnectionOutcomes } from './ingest/connection-outcomes.js';
import { ConntrackEvents, type EventsOptions } from './ingest/conntrack-events.js';
import { closeParts, type Part } from './common/parts.js';
import { after, TimeLimit } from './common/time-limit.js';
import { EventsFeed } from './ingest/events-feed.js';
import { describeError } from './common/errors.js';
import { DestinationChanges, type DestinationsChanged } from './destination/set/destination-changes.js';
import { endOpen } from './destination/set/end-open.js';
import { endedRoom } from './schedule/ended-room.js';
import { DestinationSet, type Flushed, type ResentTemplates } from './destination/set/destination-set.js';
import { filterWords } from './row/filter.js';
import type { Flows, StoredFlows } from './record/flows.js';
import { FlowtableWatch } from './ingest/flowtable-watch.js';
import { KernelWatch } from './ingest/kernel-watch.js';
import { FlowKnowledge } from './inventory/flow-knowledge.js';
import type { Logger } from './common/logger.js';
import { KernelTimeouts } from './store/kernel-timeouts.js';
import { NameTable } from './record/name-table.js';
import { eventKind, isNat, NatLog } from './record/nat-log.js';
import { PollInterval } from './ingest/poll-interval.js';
import { PollTurns } from './ingest/poll-turns.js';
import { Poller } from './ingest/poller.js';
import { OwnConnections } from './row/own-connections.js';
import { now } from './store/poll-history.js';
import { isOfKernel } from './sources/source.js';
import { recordedDestroys } from './ingest/recorded-events.js';
import { NamespaceFollower, type NamespaceOptions } from './ingest/namespace-follower.js';
import { TcpHistory } from './store/tcp-history.js';
import { newUnexported, sumUnexported, type Unexported } from './store/unexported.js';

export { EXPORTER_DEFAULTS, type ExporterOptions } from './destination/exporter-options.js';
export type { ExporterStats };

/** What {@link Exporter.reload} takes; what is not given stays as it is. */
export type ReloadOptions = Pick<ExporterOptions, 'destinations'> &
  Partial<Pick<ExporterOptions, 'flowPollInterval' | 'pollBudget' | 'shutdownTimeout'>>;

/** Share of the time for a shutdown after which the last poll is no longer waited for, and in which the last events are hurried. */
const LAST_POLL = 1 / 2;
const LAST_EVENTS = [3 / 4, 7 / 8] as const;
/** The same for a network namespace that is gone, milliseconds. */
const LEAVE_MS = [10_000, 12_000] as const;
/** Milliseconds that a destination has which is removed, or a session that is closed for another. */
const CHANGE_MS = 10_000;
/** The same as a share of the time for a shutdown, which waits for it. */
const CHANGE = 1 / 3;

/**
 * Runs the data path: polls the source into the store, lets each destination export what is due, and at the end exports
 * everything that is open.
 */
export class Exporter {
  /** Resolves when a replay has played to its end. */
  readonly ended: Promise<void>;
  /** All that is stored, to be looked at between two polls. */
  readonly stored: StoredFlows;
  #options: ExporterOptions;
  /** For the shutdown. */
  readonly #time: TimeLimit;
  readonly #log: Logger;
  readonly #store: ConnectionStore;
  readonly #destinations: DestinationSet;
  readonly #changes: DestinationChanges;
  readonly #interval: PollInterval;
  readonly #poller: Poller;
  readonly #turns: PollTurns;
  readonly #names: NameTable;
  readonly #own: OwnConnections;
  readonly #denied: DeniedPackets | undefined;
  readonly #nat: NatLog | undefined;
  readonly #eventKind: EventsOptions['kind'] | undefined;
  readonly #outcomes: ConnectionOutcomes | undefined;
  readonly #known: FlowKnowledge;
  /** Closed last to first. */
  readonly #parts: Part[];
  readonly #events = new EventsFeed(options => this.#createEvents(options));
  #follower: NamespaceFollower | undefined;
  #closing = false;
  #left = 0;
  #end!: () => void;

  constructor(options: ExporterOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#time = new TimeLimit(options.shutdownTimeout);
    const { beside } = options;
    const born = beside?.born ?? now();
    this.#own = beside?.own ?? new OwnConnections();
    this.#names = new NameTable(beside?.nameLimits);
    const queues = (some: readonly DestinationOptions[]): number[] => some.map(({ endedQueue }) => endedQueue);
    const ofNat = options.destinations.filter(isNat);
    const ofFlows = options.destinations.filter(one => !isNat(one));
    this.#store = new ConnectionStore({
      maxConnections: options.maxConnections,
      endedRoom: endedRoom(options.maxConnections, queues(ofFlows), options.spareEnded),
      room: beside?.room,
      firstSight: options.firstSight,
      filter: options.filter,
      born,
    });
    this.#interval = new PollInterval({ ...options, byEvents: () => this.#events.isReceiving });
    const cost = { cpu: options.backend.threadCpu, interval: this.#interval };
    const destroys = recordedDestroys(this.#store, () => this.#destinations);
    const resynced = (): void => this.#destinations.exportNow();
    this.#poller = new Poller(options.source, this.#store, this.#log, resynced, cost, destroys);
    this.#turns = new PollTurns(this.#interval, () => this.#pollInTurn());
    const beforeMerge = async (): Promise<void> => this.#destinations.lookAgain();
    this.#poller.addHook({ beforeMerge, afterPoll: () => this.#names.tidy() });
    const flowtables = new FlowtableWatch(options.source, this.#log);
    this.#poller.addHook(flowtables);
    this.#store.expectFlowtables(() => flowtables.uncounted);
    if (isOfKernel(options.source)) {
      this.#poller.addHook(new KernelWatch(options.source, options.events !== undefined, this.#store, this.#log));
    }
    const known = (this.#known = new FlowKnowledge(options, this.#names, this.#log));
    this.#poller.addHook(known);
    const { backend, denied, spareEnded } = options;
    if (denied) {
      const otherRules = (options.labels?.length ?? 0) + (options.marks?.length ?? 0);
      const more = { ...denied, spareEnded, otherRules };
      this.#denied = DeniedPackets.create(backend, more, this.#store, this.#names, options.destinations, this.#log);
    }
    if (ofNat.length > 0)
      this.#nat = new NatLog(this.#store, endedRoom(0, queues(ofNat), spareEnded), options.nat66Events);
    let extras = known.ofConnections(this.#store);
    this.#eventKind = options.events && eventKind(options.events.kind, options.destinations);
    if (this.#eventKind === 'new' || this.#eventKind === 'all') {
      const history = new TcpHistory(this.#store.table.capacity);
      this.#store.expectChanges(history, this.#nat);
      if (options.tcpStateHistory) extras = { ...extras, states: history.states };
      if (this.#eventKind === 'all') {
        extras = { ...extras, handshakes: true };
        this.#outcomes = new ConnectionOutcomes(this.#store, history.states, extras, this.#names);
      }
    }
    const rules = this.#denied?.connectionExtras;
    if (options.labels ?? options.marks)
      extras = { ...extras, ...new ConnectionPolicies(this.#store, options, this.#names, rules).extras };
    else if (rules) extras = { ...extras, ...rules };
    const flows: Flows[] = [{ store: this.#store, extras }];
    if (this.#denied) flows.push(this.#denied.flows(store => known.of(store)));
    this.stored = { flows, names: this.#names, polledAt: () => this.#store.polledAt };
    // of connections whose counters were set to zero it is not known how many packets are lost
    const zeroed = (): Unexported => ({ ...newUnexported(), connections: this.#store.counts.counterResets });
    const lost = (): Unexported =>
      sumUnexported([this.#events.lost(this.#store.counts.late), this.#denied?.lost() ?? newUnexported(), zeroed()]);
    const timing = { polls: () => this.#poller.counts.polls, pollInterval: () => this.#interval.current };
    if (options.excludeSelf) this.#excludeOwn(true);
    const { interfaces } = known;
    const shared = { ...options, flows, interfaces, names: this.#names, lost, ...timing, own: this.#own };
    const factory = new DestinationFactory(shared, options, this.#nat?.events);
    const { source, state, inventory, kubernetes, geoip, dns } = options;
    const hooks = {
      before: () => this.#beforeExport(),
      after: () => this.#settleDestroys(),
      changed: () => state?.destroyLog.begin(),
      left: factory.left,
    };
    this.#destinations = new DestinationSet(hooks, this.#interval.current, this.#log);
    for (const destination of options.destinations) this.#destinations.add(factory.make(destination, born.wall));
    this.#changes = new DestinationChanges(this.#destinations, {
      make: (destination, predecessor) => factory.make(destination, Date.now(), predecessor),
      before: options.firstSight === 'baseline',
      graceMs: () => Math.min(this.#time.milliseconds * CHANGE, CHANGE_MS),
      limits: {
        // one is on its way into the queues
        room: this.#store.table.endedRoom - 1,
        natRoom: (this.#nat?.events.table.endedRoom ?? 1) - 1,
        flows: ofFlows.length > 0 || ofNat.length === 0,
        interfaces: interfaces !== undefined,
        routes: known.routed,
      },
      log: this.#log,
    });
    if (state) this.#store.expectExported(state);
    const destinations: Part = {
      drain: () => this.#drainDestinations(),
      close: async drained => {
        if (!drained) await this.#destinations.close();
      },
    };
    // what is left goes to the next run
    const isLeft = (): boolean => this.#left + this.#events.untaken > 0;
    const journal = state && { close: (drained: boolean) => state.close(drained && !isLeft()) };
    const parts = [source, journal, destinations, this.#denied, inventory, kubernetes, geoip, dns, known];
    this.#parts = parts.filter(part => part !== undefined);
    this.ended = new Promise(resolve => (this.#end = resolve));
  }

  /**
   * Opens the destinations, polls for the first time, and goes on by itself.
   * @throws CtflowError where the source cannot be read, or a collector's name does not resolve; everything is closed then
   */
  async open(): Promise<void> {
    try {
      await this.#destinations.open();
      const { events, state } = this.#options;
      await this.#recover();
      if (events) {
        this.#events.open(events);
        this.#parts.push({
          drain: () => this.#events.drain(this.#time.up(LAST_EVENTS[0]), this.#time.up(LAST_EVENTS[1])),
          close: () => this.#events.close(),
        });
        this.#poller.addHook(this.#events);
      }
      if (state) {
        this.#poller.addHook(state);
        this.#poller.addHook({ afterPoll: () => this.#settleDestroys() });
      }
      if (this.#denied) {
        this.#denied.open();
        this.#poller.addHook(this.#denied.pollHook);
      }
      for (const hook of this.#options.pollHooks ?? []) this.#poller.addHook(hook);
      // what is due leaves while the first dump is still being read
      this.#destinations.start();
      if (!(await this.#poller.poll())) this.#end();
    } catch (error) {
      await this.#close(false).catch((second: unknown) => this.#log.error(describeError(second)));
      throw error;
    }
    if (this.#closing) return;
    if (this.#options.namespace) this.#follow(this.#options.namespace);
    this.#destinations.exportNow();
    this.#turns.start();
  }

  /**
   * Polls once more, exports every open connection with reason 4, and closes everything that it was given.
   * @returns records that were left, as the time was up or a collector could not be reached
   * @throws what a part could not do; everything is closed nevertheless
   */
  async close(): Promise<number> {
    if (!this.#closing) await this.#close(true);
    return this.#left;
  }

  stats(): ExporterStats {
    const destinations = this.#destinations.all.map(destination => destination.stats());
    const { removed } = this.#destinations;
    const { pendingEvents } = this.#store;
    const events = this.#events.stats();
    return {
      backend: this.#options.backend.name,
      connections: this.#store.size,
      poll: this.#poller.stats(this.#turns.behind),
      store: this.#store.counts,
      ...(events && { events }),
      ...(this.#follower && { namespacesLeft: this.#follower.left }),
      ...(pendingEvents && {
        pendingEvents: {
          count: pendingEvents.count,
          overflow: pendingEvents.overflow,
          expired: pendingEvents.expired,
          resyncs: this.#poller.resyncs,
        },
      }),
      ...(this.#options.state && { state: this.#options.state.stats() }),
      ...(this.#denied && { denied: this.#denied.stats() }),
      ...(this.#nat && { nat: this.#nat.counts }),
      ...(this.#outcomes && { outcomes: this.#outcomes.counts }),
      recordsExported: this.#destinations.records,
      destinations,
      ...(removed.destinations > 0 && { removed: { ...removed } }),
      ...this.#known.stats(),
      names: { count: this.#names.count, overflow: this.#names.overflow },
    };
  }

  /**
   * Sends templates again now, where they may be lost.
   * @param name of a destination; all where it is undefined
   * @throws CtflowError CTFLOW_USAGE where there is none of this name
   */
  resendTemplates(name?: string): ResentTemplates[] {
    return this.#destinations.resendTemplates(name);
  }

  /**
   * Polls, and exports what has news without waiting for a timeout.
   * @param name of a destination; all where it is undefined
   * @returns how many connections were due at each
   * @throws CtflowError CTFLOW_USAGE where there is none of this name
   */
  async flush(name?: string): Promise<Flushed[]> {
    this.#destinations.require(name);
    await this.poll();
    return this.#destinations.flush(name);
  }

  /** Polls now, unless a poll is under way; a recording goes on at its own pace. */
  async poll(): Promise<void> {
    if (this.#options.source.kind !== 'replay' && !this.#poller.isPolling) await this.#pollInTurn();
  }

  /**
   * Takes other settings. Destinations are added, removed and changed by name, while all others export; one that is removed gets what is
   * open as ended by force, as at the end. One call waits for the other.
   * @throws CtflowError where a destination cannot be made, CTFLOW_CONTROL once the exporter closes; all is as it was then
   */
  async reload(options: ReloadOptions): Promise<DestinationsChanged> {
    const changed = await this.#changes.change(options.destinations);
    const { destinations } = this;
    this.#options = { ...this.#options, ...options };
    const { flowPollInterval, pollBudget, shutdownTimeout } = this.#options;
    this.#interval.change({ flowPollInterval, pollBudget, destinations });
    this.#turns.again();
    this.#time.milliseconds = shutdownTimeout;
    if (this.#denied) this.#denied.destinations = destinations;
    return changed;
  }

  /** Since when there is no network namespace of the name, monotonic milliseconds; undefined while one is read. */
  get withoutNamespaceSince(): number | undefined {
    return this.#follower?.outsideSince;
  }

  /** As they are now. */
  get destinations(): readonly DestinationOptions[] {
    return this.#destinations.all.map(({ options }) => options);
  }

  /** Ended connections that the previous run received and did not export come before anything new. */
  async #recover(): Promise<void> {
    const { state, events, source } = this.#options;
    if (!state) return;
    this.#store.expectTimeouts(new KernelTimeouts(name => source.sysctl(name)));
    await state.destroyLog.replay(filterWords(events?.filter ?? {}), batch => this.#store.applyDestroys(batch, now()));
    const recovered = Math.max(this.#nat?.counts.deleted ?? 0, this.#destinations.endedFlows);
    state.destroyLog.recovered = recovered;
    if (recovered > 0) this.#log.info({ recovered }, 'exporting ended connections recovered from the previous run');
  }

  #excludeOwn(on: boolean): void {
    this.#store.excludeOwn(on ? (row, from) => this.#own.has(row, from) : undefined);
  }

  #createEvents(events: EventsOptions): ConntrackEvents {
    const { backend, state } = this.#options;
    const hooks = {
      onChanges: () => this.#destinations.exportNatSoon(),
      onDestroys: () => this.#destinations.exportSoon(),
      roomForEnded: () => this.#destinations.endedRoom,
      onLoss: () => this.#poller.resync(),
    };
    const all = { ...events, kind: this.#eventKind! };
    return new ConntrackEvents(backend, all, this.#store, this.#log, hooks, state?.destroyLog);
  }

  /** Looks at each poll, and when names of namespaces come and go, which namespace has the name. */
  #follow({ watch, source, enter }: NamespaceOptions): void {
    const leave = async (): Promise<void> => {
      await this.#pollLast().catch(error => this.#poller.failed(error));
      await this.#events.leave(after(LEAVE_MS[0]), after(LEAVE_MS[1]));
      await this.#denied?.drain();
      // rows that came after the end of their connections would begin them again
      while (this.#poller.isPolling) await this.#poller.idle();
      source.close();
      this.#denied?.endAll();
      const endSlice = (from: number, slots: number): number => this.#store.endAll(from, slots, now());
      await endOpen(endSlice, this.#destinations.all, () => this.#destinations.exportNow());
    };
    const enterAnother = async (since: number | undefined): Promise<void> => {
      const { events, identity, excludeSelf } = enter();
      this.#excludeOwn(excludeSelf);
      this.#store.comeBack(since);
      try {
        this.#options.state?.beginAnew(identity);
        if (events) this.#events.open(events);
        this.#denied?.open();
      } catch (error) {
        await this.#events.leave(after(LEAVE_MS[0]), after(LEAVE_MS[1]));
        this.#denied?.close();
        source.close();
        throw error;
      }
    };
    this.#follower = new NamespaceFollower(watch, { leave, enter: enterAnother }, this.#log);
    this.#parts.unshift(watch);
    watch.watch(() => {
      if (!watch.isSame && !this.#closing) void this.#pollInTurn();
    });
  }

  async #pollInTurn(): Promise<void> {
    this.#destinations.dropStale();
    if (this.#follower && !(await this.#follower.follow())) return;
    const played = await this.#poller.pollInTurn();
    if (played === false) {
      this.#turns.close();
      this.#end();
    } else if (played) this.#destinations.exportNow();
  }

  /** Denied packets that were received belong into the records. */
  async #beforeExport(): Promise<void> {
    this.#denied?.endIdle();
    await this.#denied?.receiveAll();
  }

  #settleDestroys(): void {
    this.#options.state?.settleDestroys(this.#destinations.endedProgress);
  }

  async #close(drain: boolean): Promise<void> {
    this.#closing = true;
    this.#turns.close();
    this.#poller.close();
    this.#time.begin();
    await Promise.race([Promise.all([this.#changes.close(), this.#follower?.settled()]), this.#time.up(CHANGE)]);
    // without time it would be cut off in the middle, and warn of that
    if (drain && this.#time.milliseconds > 0) {
      const polled = this.#pollLast(() => this.#time.left(LAST_POLL) > 0);
      await Promise.race([polled.catch(error => this.#poller.failed(error)), this.#time.up(LAST_POLL)]);
    }
    const [error, ...others] = await closeParts(this.#parts, drain);
    this.#store.table.leaveRoom();
    for (const other of others) this.#log.error(describeError(other));
    if (error !== undefined) throw error;
  }

  /** Denied packets first, so that the poll shows which connections have counted them. */
  async #pollLast(hasTime = (): boolean => true): Promise<void> {
    await this.#denied?.leave();
    const isOpen = (): boolean => this.#options.namespace?.source.isOpen !== false;
    if (isOpen()) await this.#poller.pollLast(() => isOpen() && hasTime());
  }

  async #drainDestinations(): Promise<void> {
    this.#store.endKeptOut();
    this.#left = await this.#destinations.drain(this.#time.left());
  }
}
