import { formatDestination } from '../common/destination-endpoint.js';
import { createTransport } from './create-transport.js';
import { destinationName, type DestinationOptions, knownOf, profileOf } from './destination-options.js';
import { describeError } from '../common/errors.js';
import { storeFilter } from '../filter/store-filter.js';
import type { Batcher } from './batchers/batcher.js';
import { FlowBatcher } from './batchers/flow-batcher.js';
import { LossClock } from './loss-clock.js';
import { OversizeLog } from './oversize-log.js';
import { Outage } from './outage.js';
import type { DestinationStats, Left, TemplatesResent } from './destination-stats.js';
import type { Flows } from '../record/flows.js';
import type { ExportSchedule } from '../schedule/export-schedule.js';
import type { ScheduleOptions } from '../schedule/schedule-options.js';
import type { Ignored, NotSent } from '../ipfix/options.js';
import { addCounts } from '../common/add-counts.js';
import { type Pacing, pacingOf, type PacingTimes } from './pacing/pacing.js';
import type { DestinationContext } from './destination-context.js';
import type { Logger } from '../common/logger.js';
import type { EndedProgress } from '../schedule/ended-queue.js';
import { sumUnexported, type Unexported } from '../store/unexported.js';
import { Session } from './session.js';
import type { DestinationJournal } from '../state/destination-journal.js';
import { SumBatcher } from './batchers/sum-batcher.js';
import { FileTransport } from '../transport/file.js';
import { CHECKED, UNANSWERED } from '../transport/dtls/transport.js';
import { RENEWALS } from '../transport/tcp.js';
import type { Transport } from '../transport/transport.js';

/** Connections looked at before the event loop gets its turn. */
const SLICE = 2048;
/** A collector that takes nothing for this long is tried again at the next export. */
const DRAIN_MS = 1_000;
/** An export at a rate pauses so often, for what else has its turn with exports. */
const PAUSE_MS = 250;
/** A collector that has ended connections to take and has taken nothing for this long is not waited for. */
const TAKES_MS = 1_000;
/** Profile nat: records of a connection that no other event has shown, at its end. */
const NAT_RECORDS = 3;
/** What was sent has at least this long to leave. */
const LEAST_GRACE_MS = 100;

/** One collector: a batcher for each kind of flows, the session and the transport. */
export class Destination {
  #options: DestinationOptions;
  /** Of connections first. */
  readonly #batchers: readonly Batcher[];
  readonly schedules: readonly ExportSchedule[];
  readonly #session: Session;
  readonly #transport: Transport;
  readonly #log: Logger;
  readonly journal: DestinationJournal | undefined;
  readonly #flows: readonly Flows[];
  readonly #settingsOf: (options: DestinationOptions, flows: Flows) => ScheduleOptions;
  readonly #onOpen: () => void;
  readonly #lost: () => Unexported;
  readonly #times: PacingTimes;
  /** Undefined where nothing holds it back. */
  #pacing: Pacing | undefined;
  /** What the one in whose place it came has counted. */
  #before: Pick<DestinationStats, 'session' | 'transport'> | undefined;
  #connected = false;
  /** The connection has lasted its time, and the next one is being made. */
  #renewing = false;
  /** A DTLS session has ended that all was well with. */
  #checking = false;
  /** When the collector took something last, or nothing waited for it. */
  #tookAt = 0;
  #draining = false;
  /** Records that were encoded, and never sent as it closed. */
  #neverSent = 0;
  readonly #oversize: OversizeLog;
  #optionsAt = 0;
  readonly #outage: Outage;
  #opening: Promise<void> | undefined;
  readonly #notSentAt = new LossClock();
  readonly #ignoredAt = new LossClock();

  /**
   * @param predecessor in whose place it comes, after its {@link closeMessages}: it goes on with what that one has exported
   * @throws CtflowError where a file for TLS cannot be used, or the store can have no more; the predecessor is as it was then
   */
  constructor(options: DestinationOptions, shared: DestinationContext, predecessor?: Destination) {
    const { endpoint, interfaces } = options;
    this.#options = options;
    this.#onOpen = shared.opened;
    this.#lost = shared.lost;
    this.journal = shared.journal;
    const collector = formatDestination(endpoint);
    this.#log = shared.log.child({ ...(this.name !== collector && { destination: this.name }), collector });
    this.#oversize = new OversizeLog(this.#log);
    this.#transport = createTransport(endpoint, options, shared.backend, {
      own: shared.own,
      tlsFailed: error => this.#log.warn(`${describeError(error)}; what was read before stays in use`),
    });
    this.#outage = new Outage(this.#log, this.#transport.counts, () => performance.now(), endpoint.protocol === 'file');
    const names = interfaces === 'none' ? undefined : shared.interfaces;
    this.#session = new Session({
      backend: shared.backend,
      profile: profileOf(options, { observationDomain: options.observationDomain, ...knownOf(shared.flows) }),
      names: shared.names,
      transport: this.#transport,
      observationDomain: options.observationDomain,
      sampling: options.optionsInterval === 0 ? 'none' : options.deprecatedSampling ? 'deprecated' : 'current',
      domainName: options.optionsInterval === 0 ? undefined : options.observationDomainName,
      interfaceNames: typeof interfaces === 'string' ? names : names?.only(interfaces.ingress, interfaces.egress),
      sentInFront: records => this.journal?.sentInFront(records),
      templateRefreshInterval: options.templateRefreshInterval,
      templateRefreshPackets: options.templateRefreshPackets,
      monotonic: () => performance.now(),
      wall: () => Date.now(),
    });
    this.#settingsOf = (options, flows) => ({
      ...options,
      staleConnectionTimeout: shared.staleConnectionTimeout,
      zeroDeltas: options.zeroDeltaRecords ? 'all' : this.#session.profile.zeroDeltas,
      filter: options.filter && storeFilter(options.filter, flows, shared.names),
    });
    this.#flows = shared.flows;
    const { aggregateKeys: keys, aggregateInterval: interval, aggregateLimit: limit } = options;
    // none of the functions here may hold the predecessor
    const schedules = predecessor?.schedules;
    this.#batchers = shared.flows.map((flows, kind) => {
      const settings = this.#settingsOf(options, flows);
      const journal = kind === 0 ? shared.journal : undefined;
      if (!keys) return new FlowBatcher(flows, settings, this.#session, journal, schedules?.[kind]);
      const aggregation = { keys, interval, limit };
      return new SumBatcher(flows, { ...settings, aggregation, denied: kind > 0 }, this.#session, journal);
    });
    this.schedules = this.#batchers.map(({ schedule }) => schedule);
    if (!keys) this.#dropSums();
    this.#times = shared;
    this.#pacing = pacingOf(options, this.#times, this.#batchers, this.#session);
    if (predecessor) this.countOn(predecessor);
  }

  /** Opens the transport, which connects again by itself; once, and not after {@link close}. */
  open(): Promise<void> {
    return (this.#opening ??= this.#transport.open({
      opened: () => {
        this.#connected = true;
        this.#session.open();
        if (!this.#checking) this.#outage.over();
        this.#renewing = this.#checking = false;
        this.#onOpen();
      },
      closed: (why, uncertain) => {
        if (why in RENEWALS) this.#log.info({ uncertain }, RENEWALS[why]);
        // each minute, and nothing is wrong
        else if (why !== CHECKED) this.#outage.failed(this.#connected, why, uncertain);
        this.#connected = false;
        this.#checking = why === CHECKED;
        this.#renewing = this.#checking || why === UNANSWERED || why in RENEWALS;
      },
      emptyMessage: records => this.#session.emptyMessage(records),
      settled: records => {
        this.#tookAt = performance.now();
        this.journal?.settled(records);
      },
      probe: () => this.#session.probe(),
      erred: () => this.#session.templatesLost(),
      unsegmented: reason =>
        this.#log.info({ reason }, 'the kernel does not segment UDP bursts here: each datagram is sent by itself'),
      undelivered: messages => this.#session.lose(messages),
      lost: messages => {
        this.journal?.withdraw();
        const records = this.#session.lose(messages);
        this.#neverSent += records;
        return records;
      },
    }));
  }

  /**
   * Exports what is due now, in slices.
   * @returns whether it has only paused, as it takes long, and is to be called again
   */
  async export(): Promise<boolean> {
    const end = performance.now() + PAUSE_MS;
    let paused = false;
    this.#sendOptions();
    // sums need no collector
    while (!this.#draining && this.#take()) await new Promise(resolve => setImmediate(resolve));
    this.#pacing?.begin();
    while (!paused && this.#transport.ready && !this.#draining && this.#exportSlice()) {
      await this.#turn(DRAIN_MS);
      paused = this.#pacing !== undefined && performance.now() > end;
    }
    this.journal?.writeNotes();
    return paused;
  }

  /**
   * Exports everything, open connections as ended by force, and closes.
   * @returns what could not be exported any more
   */
  async drain(graceMs: number): Promise<Left> {
    this.#draining = true;
    const deadline = performance.now() + graceMs;
    const left = (): number => deadline - performance.now();
    for (const batcher of this.#batchers) batcher.endAll();
    void this.open();
    if (!this.#connected) await this.#transport.tryNow(graceMs);
    this.#pacing?.shutDown(graceMs);
    // a connection that is renewed is there again at once
    while ((this.#connected || this.#renewing) && left() > 0 && (!this.#transport.ready || this.#exportSlice())) {
      await this.#turn(Math.min(left(), DRAIN_MS));
    }
    const dropped = this.#batchers.reduce((sum, batcher) => sum + batcher.drop(), 0);
    this.#transport.counts.lostRecords += dropped;
    const unexported = sumUnexported(this.#batchers.map(({ schedule }) => schedule.countUnexported()));
    if (this.#options.optionsInterval > 0 && this.#transport.ready)
      this.#session.sendOptions(this.#notSent(unexported), this.#ignored());
    await this.#transport.close(Math.max(left(), LEAST_GRACE_MS));
    return { ...unexported, records: dropped + this.#neverSent };
  }

  /** It was added while connections are open. @param before what they have counted is not to be exported */
  join(before: boolean): void {
    for (const schedule of this.schedules) schedule.join(before);
    this.journal?.flush();
  }

  /** Takes other timeouts, another filter and another rate; all else must be the same. */
  change(options: DestinationOptions): void {
    if (options.maxRate !== this.#options.maxRate)
      this.#pacing = pacingOf(options, this.#times, this.#batchers, this.#session);
    this.#options = options;
    for (const [kind, flows] of this.#flows.entries())
      this.#batchers[kind].schedule.change(this.#settingsOf(options, flows));
  }

  /** Opens another session where the files for TLS are others than those of this one. */
  renewWithFiles(): void {
    this.#transport.renewWithFiles?.();
  }

  /** It is removed while others go on: as {@link drain}, of what is open now. */
  async remove(graceMs: number): Promise<Left> {
    for (const schedule of this.schedules) schedule.takeNoMore();
    const left = await this.drain(graceMs);
    this.#leave();
    return left;
  }

  /** It is removed before it has exported anything. */
  async discard(): Promise<void> {
    await this.close();
    this.#leave();
  }

  /** Its messages are closed, as another may come in its place. */
  closeMessages(): void {
    for (const batcher of this.#batchers) {
      // of evicted connections alone
      if (this.#transport.ready) batcher.export(0);
      else {
        const dropped = batcher.drop();
        this.#neverSent += dropped;
        this.#transport.counts.lostRecords += dropped;
      }
    }
  }

  /**
   * Closes its session in order, and exports nothing more: another has come in its place, and is not open yet.
   * @returns records that were encoded and never left
   */
  async retire(graceMs: number): Promise<number> {
    this.#draining = true;
    await this.close(graceMs);
    this.journal?.begin();
    return this.#neverSent;
  }

  /** Its counts go on from those of the one in whose place it has come. */
  countOn(predecessor: Destination): void {
    this.#before = predecessor.stats();
    Object.assign(this.#session.lost, predecessor.#session.lost);
  }

  /** While it drains: connections that are still to be exported. */
  countLeft(): number {
    return this.#batchers.reduce((sum, { left }) => sum + left, 0);
  }

  /** Nothing more is exported. @param graceMs for what has been */
  async close(graceMs = 0): Promise<void> {
    this.#connected = false;
    if (this.#opening) await this.#transport.close(graceMs);
    this.#opening ??= Promise.resolve();
  }

  get options(): DestinationOptions {
    return this.#options;
  }

  /** As of {@link destinationName}. */
  get name(): string {
    return destinationName(this.#options);
  }

  /** Monotonic milliseconds; Infinity where nothing is due or nothing can be sent. */
  nextDeadline(): number {
    return Math.min(...this.#batchers.map(batcher => batcher.nextDeadline(this.#connected)));
  }

  /** Of conntrack's connections alone. */
  get endedProgress(): EndedProgress {
    return this.#batchers[0].schedule.endedProgress;
  }

  /** Of conntrack's connections, those that have ended and wait for their last record. */
  get endedWaiting(): number {
    return this.#batchers[0].schedule.ended;
  }

  /** As of ExportSchedule, of conntrack's connections alone. */
  get endedRoom(): number {
    const { endedRoom } = this.#batchers[0].schedule;
    return this.isNat ? Math.floor(endedRoom / NAT_RECORDS) : endedRoom;
  }

  /** Whether the collector takes what is exported: one that is frozen or away does not. */
  takesEnded(): boolean {
    const now = performance.now();
    if (this.#options.aggregateKeys) return true;
    if (this.#batchers[0].schedule.ended === 0) this.#tookAt = now;
    return this.#connected && now - this.#tookAt < TAKES_MS;
  }

  /** Its records are events of a NAT. */
  get isNat(): boolean {
    return this.#options.profile === 'nat';
  }

  /** Sends templates again now, where they may be lost. */
  resendTemplates(): TemplatesResent {
    const { unreliable, ready } = this.#transport;
    if (!unreliable) return { skipped: 'a connection or a file has each template once, and none is lost' };
    return this.#connected && ready ? { templates: this.#session.refresh() } : { skipped: 'not connected' };
  }

  /** Makes everything due that has news. @returns how many connections */
  flush(): number {
    return this.#batchers.reduce((sum, batcher) => sum + batcher.flush(), 0);
  }

  dropStale(): void {
    for (const schedule of this.schedules) schedule.dropStale();
  }

  stats(): DestinationStats {
    const { schedules } = this;
    return {
      name: this.name,
      endpoint: formatDestination(this.#options.endpoint),
      connected: this.#connected,
      session: addCounts(this.#before?.session, this.#session.counts)!,
      transport: addCounts(this.#before?.transport, this.#transport.counts)!,
      ...(this.#transport.segments !== undefined && { udpSegmentation: this.#transport.segments }),
      ...(this.#transport.collectorExpires !== undefined && { certificateExpires: this.#transport.collectorExpires }),
      ...(this.#transport instanceof FileTransport && { removedFiles: this.#transport.removedFiles }),
      stale: sumUnexported(schedules.map(({ stale }) => stale)),
      evictedUnreported: sumUnexported(schedules.map(({ evictedUnreported }) => evictedUnreported)),
      ended: schedules.reduce((sum, { ended }) => sum + ended, 0),
      endedOverflow: sumUnexported(schedules.map(({ endedOverflow }) => endedOverflow)),
      ...(this.#options.filter && { filtered: sumUnexported(schedules.map(({ filtered }) => filtered)) }),
      ...(this.#batchers[0] instanceof SumBatcher && { aggregation: this.#batchers[0].stats }),
      ...(this.journal && { restartUncertain: this.journal.uncertain }),
      ...(this.#outage.last && { lastError: this.#outage.last }),
    };
  }

  #leave(): void {
    for (const schedule of this.schedules) schedule.leave();
    this.journal?.flush();
  }

  /** @returns whether more is due, now or once the transport is ready again */
  #exportSlice(): boolean {
    const taking = this.#take();
    let more = this.#pacing?.burst() ?? false;
    if (!this.#pacing) for (const batcher of this.#batchers) more = batcher.export(SLICE) || more;
    this.#oversize.look(this.#session.counts, this.#session.limit);
    return taking || more || !this.#transport.ready;
  }

  /** @returns whether more is due */
  #take(): boolean {
    let more = false;
    for (const batcher of this.#batchers) more = batcher.take(SLICE) || more;
    return more;
  }

  /** An earlier run has summed up connections, and this one does not: its records have no place for them. */
  #dropSums(): void {
    const { lost } = this.#session;
    const sums = this.journal?.dropSums();
    if (!sums || sums.records === 0) return;
    lost.flows += sums.records;
    lost.packets += sums.packets;
    lost.octets += sums.octets;
    this.#log.warn(
      sums,
      'sums that the previous run had not exported are dropped: this destination aggregates no more',
    );
  }

  #sendOptions(): void {
    const { optionsInterval } = this.#options;
    const now = performance.now();
    if (optionsInterval === 0 || !this.#transport.ready || now < this.#optionsAt) return;
    this.#optionsAt = now + optionsInterval;
    this.#session.sendOptions(this.#notSent(), this.#ignored());
  }

  /** Records that this destination dropped, and connections that it dropped without one. @param left at the end */
  #notSent(left?: Unexported): NotSent | undefined {
    const { stale, evictedUnreported, endedOverflow } = this.stats();
    const { lost } = this.#session;
    const unexported = [stale, evictedUnreported, endedOverflow, { ...lost, connections: lost.flows }];
    if (left) unexported.push(left);
    // IPFIX has no count for records that may or may not have been sent
    if (this.journal) unexported.push({ ...this.journal.uncertain, connections: this.journal.uncertain.records });
    const { connections: flows, packets, octets } = sumUnexported(unexported);
    const times = this.#notSentAt.look(flows, Date.now());
    return times && { flows, packets, octets, ...times };
  }

  /** What the exporter never saw, or saw too late to be in any record. */
  #ignored(): Ignored | undefined {
    const { connections, packets, octets } = this.#lost();
    const times = this.#ignoredAt.look(connections + packets, Date.now());
    return times && { packets, octets, ...times };
  }

  /** Gives the event loop its turn, and waits for the next burst and for the transport. */
  async #turn(drainMs: number): Promise<void> {
    const wait = this.#pacing?.wait ?? 0;
    await new Promise(resolve => (wait > 0 ? setTimeout(resolve, wait) : setImmediate(resolve)));
    await this.#transport.untilReady(drainMs);
  }
}
