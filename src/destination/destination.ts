import type { Backend } from '../backend/backend.js';
import { formatEndpoint, type Endpoint } from '../common/endpoint.js';
import { FlowBatcher } from './flow-batcher.js';
import type { Flows } from '../record/flows.js';
import type { NotSent } from '../ipfix/options.js';
import { createProfile, type Profile } from '../ipfix/profile.js';
import type { Biflow } from '../ipfix/profile-standard.js';
import type { Logger } from '../common/logger.js';
import type { NameHolder, NameTable } from '../record/name-table.js';
import { sumUnreported, type Unreported } from '../store/unreported.js';
import { Session, type SessionCounts } from './session.js';
import type { DestinationMemory } from '../state/destination-memory.js';
import type { Uncertain } from '../state/journal-contents.js';
import { TcpTransport } from '../transport/tcp.js';
import type { Transport, TransportCounts } from '../transport/transport.js';
import { UdpTransport, type UdpOptions } from '../transport/udp.js';

/** Connections looked at before the event loop gets its turn. */
const SLICE = 2048;
/** A collector that takes nothing for this long gets its next turn later. */
const DRAIN_MS = 1_000;
/** What was sent gets this long to leave, however late it is. */
const LEAST_GRACE_MS = 100;

export interface DestinationOptions extends UdpOptions {
  endpoint: Endpoint;
  profile: Profile['name'];
  biflow: Biflow;
  /** Also mark and conntrack id (PEN 21373). */
  netfilterElements: boolean;
  /** Milliseconds, as all times here. */
  activeFlowExportTimeout: number;
  idleFlowExportTimeout: number;
  observationDomain: number;
  templateRefreshInterval: number;
  templateRefreshPackets: number;
  /** TCP: the first wait before another attempt. */
  reconnectInterval: number;
  /** TCP: octets that the collector's kernel holds unread at most. */
  collectorBuffer: number;
  /** Connections that are gone from the kernel and wait for this collector, at most. */
  endedQueue: number;
  /** How often the export itself is reported; 0 for never. */
  optionsInterval: number;
}

/** The documented defaults; Antrea's where Antrea has one. */
export const DESTINATION_DEFAULTS: Omit<DestinationOptions, 'endpoint' | 'observationDomain'> = {
  profile: 'standard',
  biflow: 'reverse',
  netfilterElements: false,
  activeFlowExportTimeout: 5_000,
  idleFlowExportTimeout: 15_000,
  mtu: 512,
  udpSegmentation: false,
  templateRefreshInterval: 600_000,
  templateRefreshPackets: 1_000,
  reconnectInterval: 60_000,
  collectorBuffer: 32 << 20,
  endedQueue: 131_072,
  optionsInterval: 60_000,
};

export interface DestinationStats {
  readonly endpoint: string;
  readonly connected: boolean;
  readonly session: SessionCounts;
  readonly transport: TransportCounts;
  /** Gone connections that no report reached in time. */
  readonly stale: Unreported;
  /** Connections that went at the limit without a report. */
  readonly evictedUnreported: Unreported;
  /** Gone connections that wait for the collector now. */
  readonly ended: number;
  /** Gone connections that fell out of that queue. */
  readonly endedOverflow: Unreported;
  /** What the exporter before was about to send when it was killed, and may be missing; where there is a state file. */
  readonly restartUncertain?: Uncertain;
}

/** What tells a destination from others, also after a restart. */
export function destinationName({ endpoint, observationDomain, profile }: DestinationOptions): string {
  return `${formatEndpoint(endpoint)} ${observationDomain} ${profile}`;
}

/** One collector: what it is told of each kind of flows, its session and its transport. */
export class Destination implements NameHolder {
  readonly #options: DestinationOptions;
  /** Of connections first. */
  readonly #batchers: readonly FlowBatcher[];
  readonly #session: Session;
  readonly #transport: Transport;
  readonly #log: Logger;
  readonly #memory: DestinationMemory | undefined;
  readonly #opened: () => void;
  readonly #lost: () => Unreported;
  #connected = false;
  #finishing = false;
  /** A record that no packet can hold has been logged. */
  #oversize = false;
  #optionsAt = 0;
  #firstLossAt = 0;
  #lastLossAt = 0;
  #lossesSeen = 0;

  constructor(
    options: DestinationOptions,
    shared: {
      backend: Backend;
      /** Connections first. */
      flows: readonly Flows[];
      /** The names that the augmenters of flows refer to. */
      names: NameTable;
      staleConnectionTimeout: number;
      /** What was lost on its way into the store; it is reported as not sent. */
      lost: () => Unreported;
      log: Logger;
      /** A session has begun: what is due can be exported. */
      opened: () => void;
      /** What is remembered of connections, where there is a state file. */
      memory?: DestinationMemory | undefined;
    },
  ) {
    const { endpoint } = options;
    this.#options = options;
    this.#opened = shared.opened;
    this.#lost = shared.lost;
    this.#memory = shared.memory;
    this.#log = shared.log.child({ collector: formatEndpoint(endpoint) });
    this.#transport =
      endpoint.protocol === 'udp'
        ? new UdpTransport(endpoint, options, shared.backend.connectDatagram)
        : new TcpTransport(endpoint, {
            ...options,
            limitUnsent: (fd, octets) => shared.backend.limitUnsent(fd, octets),
          });
    this.#session = new Session({
      backend: shared.backend,
      profile: createProfile(options.profile, options.biflow, options.netfilterElements),
      names: shared.names,
      transport: this.#transport,
      observationDomain: options.observationDomain,
      templateRefreshInterval: options.templateRefreshInterval,
      templateRefreshPackets: options.templateRefreshPackets,
      monotonic: () => performance.now(),
      wall: () => Date.now(),
    });
    const schedule = { ...options, staleConnectionTimeout: shared.staleConnectionTimeout };
    this.#batchers = shared.flows.map(
      (flows, kind) => new FlowBatcher(flows, schedule, this.#session, kind === 0 ? shared.memory : undefined),
    );
    shared.names.hold(this);
  }

  /** Opens the transport; it goes on trying by itself. */
  open(): Promise<void> {
    return this.#transport.open({
      opened: () => {
        this.#connected = true;
        this.#session.begin();
        this.#log.info('export session started');
        this.#opened();
      },
      closed: (why, uncertain) => {
        if (this.#connected) this.#log.warn({ why, uncertain }, 'connection to the collector lost; reconnecting');
        else this.#log.warn({ why }, 'collector unreachable; retrying');
        this.#connected = false;
      },
      farewell: records => this.#session.farewell(records),
      settled: records => this.#memory?.settled(records),
      unsent: () => this.#memory?.unsent(),
    });
  }

  /** Exports what is due now, in slices. */
  async exportDue(): Promise<void> {
    this.#sendOptions();
    while (this.#transport.ready && !this.#finishing && this.#exportSlice()) await this.#turn(DRAIN_MS);
    this.#memory?.flush();
  }

  /**
   * Exports everything, open connections as ended by force, and closes.
   * @returns what could not be exported any more
   */
  async finish(graceMs: number): Promise<Unreported> {
    this.#finishing = true;
    const deadline = performance.now() + graceMs;
    const left = (): number => deadline - performance.now();
    for (const { schedule } of this.#batchers) schedule.endAll();
    while (this.#connected && left() > 0 && this.#exportSlice()) await this.#turn(Math.min(left(), DRAIN_MS));
    for (const batcher of this.#batchers) this.#transport.counts.lostRecords += batcher.drop();
    const unreported = sumUnreported(this.#batchers.map(({ schedule }) => schedule.countUnreported()));
    if (this.#options.optionsInterval > 0 && this.#transport.ready) this.#session.sendOptions(this.#notSent());
    await this.#transport.close(Math.max(left(), LEAST_GRACE_MS));
    return unreported;
  }

  /** Closes without a word to the collector. */
  close(): Promise<void> {
    this.#connected = false;
    return this.#transport.close(0);
  }

  /** Milliseconds on the monotonic clock; Infinity where nothing is due or nothing can be sent. */
  nextDeadline(): number {
    if (!this.#connected) return Number.POSITIVE_INFINITY;
    return Math.min(...this.#batchers.map(({ schedule }) => schedule.nextDeadline()));
  }

  /** Ended connections on their way, those of the kernel alone. */
  get endedWaiting(): { readonly pushed: number; readonly settled: number } {
    return this.#batchers[0].schedule.endedWaiting;
  }

  dropStale(): void {
    for (const { schedule } of this.#batchers) schedule.dropStale();
  }

  renumber(change: (number: number) => number): void {
    for (const batcher of this.#batchers) batcher.renumber(change);
  }

  stats(): DestinationStats {
    const schedules = this.#batchers.map(({ schedule }) => schedule);
    return {
      endpoint: formatEndpoint(this.#options.endpoint),
      connected: this.#connected,
      session: this.#session.counts,
      transport: this.#transport.counts,
      stale: sumUnreported(schedules.map(({ stale }) => stale)),
      evictedUnreported: sumUnreported(schedules.map(({ evictedUnreported }) => evictedUnreported)),
      ended: schedules.reduce((sum, { ended }) => sum + ended, 0),
      endedOverflow: sumUnreported(schedules.map(({ endedOverflow }) => endedOverflow)),
      ...(this.#memory && { restartUncertain: this.#memory.uncertain }),
    };
  }

  /** @returns whether more is due, now or when the transport takes records again */
  #exportSlice(): boolean {
    let more = false;
    for (const batcher of this.#batchers) more = batcher.export(SLICE) || more;
    if (!this.#oversize && this.#session.counts.oversize > 0) {
      this.#oversize = true;
      this.#log.error(
        { mtu: this.#options.mtu },
        'flow records are larger than the MTU allows; they are dropped and counted',
      );
    }
    return more || !this.#transport.ready;
  }

  #sendOptions(): void {
    const { optionsInterval } = this.#options;
    const now = performance.now();
    if (optionsInterval === 0 || !this.#transport.ready || now < this.#optionsAt) return;
    this.#optionsAt = now + optionsInterval;
    this.#session.sendOptions(this.#notSent());
  }

  #notSent(): NotSent | undefined {
    const { stale, evictedUnreported, endedOverflow } = this.stats();
    const unreported = [stale, evictedUnreported, endedOverflow, this.#lost()];
    // IPFIX has no word for what may have been sent: it counts here
    if (this.#memory) unreported.push({ ...this.#memory.uncertain, connections: this.#memory.uncertain.records });
    const { connections, packets, octets } = sumUnreported(unreported);
    const flows = connections + this.#session.counts.oversize + this.#transport.counts.lostRecords;
    // packets of no flow are those that were denied and never came
    if (flows + packets === 0) return undefined;
    const now = Date.now();
    this.#firstLossAt ||= now;
    if (flows + packets !== this.#lossesSeen) this.#lastLossAt = now;
    this.#lossesSeen = flows + packets;
    return {
      flows,
      packets,
      octets,
      first: this.#firstLossAt,
      last: this.#lastLossAt,
    };
  }

  /** Lets the event loop turn, and the transport take what it was given. */
  async #turn(drainMs: number): Promise<void> {
    await new Promise(resolve => setImmediate(resolve));
    await this.#transport.drained(drainMs);
  }
}
