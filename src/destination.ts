import { Batch } from './batch.js';
import type { Backend } from './backend.js';
import { formatEndpoint, type Endpoint } from './endpoint.js';
import { ExportSchedule } from './export-schedule.js';
import { appendRecord, renumberNames } from './flow-record.js';
import type { FlowStore } from './flow-store.js';
import type { NotSent } from './ipfix/options.js';
import { createProfile, type Profile } from './ipfix/profile.js';
import type { Biflow } from './ipfix/profile-standard.js';
import { REPLY_COUNTERS, REVERSED, shapeOf } from './ipfix/shape.js';
import { RECORD_SIZE } from './layout.generated.js';
import type { Logger } from './logger.js';
import type { NameHolder, NameTable } from './name-table.js';
import type { RecordExtras } from './record-extras.js';
import type { Unreported } from './reported.js';
import { Session, type SessionCounts } from './session.js';
import { TcpTransport } from './transports/tcp.js';
import type { Transport, TransportCounts } from './transports/transport.js';
import { UdpTransport, type UdpOptions } from './transports/udp.js';

/** Records that are gathered before they are encoded. */
const BATCH_RECORDS = 512;
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
}

/** One collector: its schedule, its session, its transport, and the batches of records between them. */
export class Destination implements NameHolder {
  readonly #options: DestinationOptions;
  readonly #store: FlowStore;
  readonly #extras: readonly RecordExtras[];
  readonly #schedule: ExportSchedule;
  readonly #session: Session;
  readonly #transport: Transport;
  readonly #log: Logger;
  /** By the bits of a shape that make a difference to the template. */
  readonly #batches = new Map<number, Batch>();
  readonly #profile: Profile;
  readonly #uniflows: boolean;
  readonly #opened: () => void;
  readonly #lost: () => Unreported;
  #connected = false;
  #finishing = false;
  #optionsAt = 0;
  #firstLossAt = 0;
  #lastLossAt = 0;
  #lossesSeen = 0;

  constructor(
    options: DestinationOptions,
    shared: {
      backend: Backend;
      store: FlowStore;
      /** Facts about the store's flows that its rows do not hold, and the names that they refer to. */
      extras: readonly RecordExtras[];
      names: NameTable;
      staleConnectionTimeout: number;
      /** What was lost on its way into the store; it is reported as not sent. */
      lost: () => Unreported;
      log: Logger;
      /** A session has begun: what is due can be exported. */
      opened: () => void;
    },
  ) {
    const { endpoint } = options;
    this.#options = options;
    this.#store = shared.store;
    this.#extras = shared.extras;
    this.#opened = shared.opened;
    this.#lost = shared.lost;
    this.#log = shared.log.child({ collector: formatEndpoint(endpoint) });
    this.#uniflows = options.profile === 'standard' && options.biflow === 'two-uniflows';
    this.#transport =
      endpoint.protocol === 'udp'
        ? new UdpTransport(endpoint, options, shared.backend.connectDatagram)
        : new TcpTransport(endpoint, {
            ...options,
            limitUnsent: (fd, octets) => shared.backend.limitUnsent(fd, octets),
          });
    this.#profile = createProfile(options.profile, options.biflow, options.netfilterElements);
    this.#session = new Session({
      backend: shared.backend,
      profile: this.#profile,
      names: shared.names,
      transport: this.#transport,
      observationDomain: options.observationDomain,
      templateRefreshInterval: options.templateRefreshInterval,
      templateRefreshPackets: options.templateRefreshPackets,
      monotonic: () => performance.now(),
      wall: () => Date.now(),
    });
    this.#schedule = new ExportSchedule(
      shared.store,
      { ...options, staleConnectionTimeout: shared.staleConnectionTimeout },
      () => performance.now(),
      (slot, reason) => this.#take(slot, reason),
    );
    shared.names.hold(this);
  }

  /** Opens the transport; it goes on trying by itself. */
  open(): Promise<void> {
    return this.#transport.open({
      opened: () => {
        this.#connected = true;
        this.#session.begin();
        this.#log.info('export session begins');
        this.#opened();
      },
      closed: (why, uncertain) => {
        if (this.#connected) this.#log.warn({ why, uncertain }, 'connection to the collector lost; trying again');
        else this.#log.warn({ why }, 'collector cannot be reached; trying again');
        this.#connected = false;
      },
      farewell: records => this.#session.farewell(records),
      settled: () => {},
    });
  }

  /** Exports what is due now, in slices. */
  async exportDue(): Promise<void> {
    this.#sendOptions();
    while (this.#transport.ready && !this.#finishing) {
      const more = this.#schedule.reportDue((slot, reason) => this.#take(slot, reason), SLICE);
      this.#flush();
      if (!more && this.#transport.ready) return;
      await this.#turn(DRAIN_MS);
    }
  }

  /**
   * Exports everything, open connections as ended by force, and closes.
   * @returns what could not be told any more
   */
  async finish(graceMs: number): Promise<Unreported> {
    this.#finishing = true;
    const deadline = performance.now() + graceMs;
    const left = (): number => deadline - performance.now();
    for (let from = 0; from >= 0 && this.#connected && left() > 0;) {
      if (this.#transport.ready) {
        from = this.#schedule.reportAll(from, SLICE, (slot, reason) => this.#take(slot, reason));
        this.#flush();
      }
      if (from >= 0) await this.#turn(Math.min(left(), DRAIN_MS));
    }
    this.#dropBatches();
    const unreported = this.#schedule.countUnreported();
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
    return this.#connected ? this.#schedule.nextDeadline() : Number.POSITIVE_INFINITY;
  }

  dropStale(): void {
    this.#schedule.dropStale();
  }

  renumber(change: (number: number) => number): void {
    for (const batch of this.#batches.values()) renumberNames(batch, change);
  }

  stats(): DestinationStats {
    return {
      endpoint: formatEndpoint(this.#options.endpoint),
      connected: this.#connected,
      session: this.#session.counts,
      transport: this.#transport.counts,
      stale: this.#schedule.stale,
      evictedUnreported: this.#schedule.evictedUnreported,
      ended: this.#schedule.ended,
      endedOverflow: this.#schedule.endedOverflow,
    };
  }

  /** Puts a record into the batch of its shape; a full batch is sent. */
  #take(slot: number, reason: number): boolean {
    if (!this.#transport.ready) return false;
    const { rows, bytes } = this.#store.table;
    let shape = shapeOf(rows, bytes, slot);
    for (const extra of this.#extras) shape |= extra.shapeOf(slot);
    shape &= this.#profile.shapes;
    this.#append(shape, slot, reason);
    if (this.#uniflows && shape & REPLY_COUNTERS) this.#append(shape | REVERSED, slot, reason);
    return true;
  }

  #append(shape: number, slot: number, reason: number): void {
    let batch = this.#batches.get(shape);
    if (!batch) this.#batches.set(shape, (batch = new Batch(BATCH_RECORDS, RECORD_SIZE)));
    appendRecord(batch, this.#store.table, slot, this.#schedule.reported, reason, this.#extras);
    if (batch.count === batch.capacity) this.#send(shape, batch);
  }

  #flush(): void {
    for (const [shape, batch] of this.#batches) if (batch.count > 0) this.#send(shape, batch);
  }

  #send(shape: number, batch: Batch): void {
    const { counts } = this.#session;
    const before = counts.oversize;
    this.#session.send(shape, batch);
    batch.count = 0;
    if (before === 0 && counts.oversize > 0) {
      this.#log.error(
        { mtu: this.#options.mtu },
        'flow records do not fit into a packet; they are dropped and counted',
      );
    }
  }

  #dropBatches(): void {
    for (const batch of this.#batches.values()) {
      this.#transport.counts.lostRecords += batch.count;
      batch.count = 0;
    }
  }

  #sendOptions(): void {
    const { optionsInterval } = this.#options;
    const now = performance.now();
    if (optionsInterval === 0 || !this.#transport.ready || now < this.#optionsAt) return;
    this.#optionsAt = now + optionsInterval;
    this.#session.sendOptions(this.#notSent());
  }

  #notSent(): NotSent | undefined {
    const { stale, evictedUnreported, endedOverflow } = this.#schedule;
    const unreported = [stale, evictedUnreported, endedOverflow, this.#lost()];
    const sum = (what: keyof Unreported): number => unreported.reduce((all, { [what]: n }) => all + n, 0);
    const flows = sum('connections') + this.#session.counts.oversize + this.#transport.counts.lostRecords;
    if (flows === 0) return undefined;
    const now = Date.now();
    this.#firstLossAt ||= now;
    if (flows !== this.#lossesSeen) this.#lastLossAt = now;
    this.#lossesSeen = flows;
    return {
      flows,
      packets: sum('packets'),
      octets: sum('octets'),
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
