import { Batch } from './batch.js';
import type { Backend } from './backend.js';
import { GONE, ROW_WORDS } from './connection-table.js';
import { formatEndpoint, type Endpoint } from './endpoint.js';
import { ExportSchedule } from './export-schedule.js';
import { appendRecord, renumberNames } from './flow-record.js';
import type { FlowStore } from './flow-store.js';
import type { NotSent } from './ipfix/options.js';
import { createProfile, type Profile } from './ipfix/profile.js';
import type { Biflow } from './ipfix/profile-standard.js';
import { REPLY_COUNTERS, REVERSED, shapeOf } from './ipfix/shape.js';
import { RECORD_SIZE, STATE } from './layout.generated.js';
import type { Logger } from './logger.js';
import type { NameHolder, NameTable } from './name-table.js';
import type { RecordExtras } from './record-extras.js';
import type { Unreported } from './reported.js';
import { Session, type SessionCounts } from './session.js';
import type { DestinationMemory } from './state/destination-memory.js';
import { EntryBlock } from './state/entry-block.js';
import type { Uncertain } from './state/journal-contents.js';
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
  /** What the exporter before was about to send when it was killed, and may be missing; where there is a state file. */
  readonly restartUncertain?: Uncertain;
}

/** Records of one shape that wait, and what is remembered of them when they are sent. */
interface Gathered {
  readonly records: Batch;
  readonly entries: EntryBlock | undefined;
  /** Records that become of each: two where the reply direction has one of its own. */
  readonly copies: number;
}

/** What tells a destination from others, also after a restart. */
export function destinationName({ endpoint, observationDomain, profile }: DestinationOptions): string {
  return `${formatEndpoint(endpoint)} ${observationDomain} ${profile}`;
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
  readonly #batches = new Map<number, Gathered>();
  readonly #memory: DestinationMemory | undefined;
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
      /** Where there is a state file. */
      memory?: DestinationMemory | undefined;
    },
  ) {
    const { endpoint } = options;
    this.#options = options;
    this.#store = shared.store;
    this.#extras = shared.extras;
    this.#opened = shared.opened;
    this.#lost = shared.lost;
    this.#memory = shared.memory;
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
      (slot, reason) => this.#take(slot, reason, true),
      shared.memory,
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
      settled: records => this.#memory?.settled(records),
      unsent: records => this.#memory?.unsent(records),
    });
  }

  /** Exports what is due now, in slices. */
  async exportDue(): Promise<void> {
    this.#sendOptions();
    while (this.#transport.ready && !this.#finishing) {
      const more = this.#schedule.reportDue((slot, reason) => this.#take(slot, reason), SLICE);
      this.#flush();
      if (!more && this.#transport.ready) break;
      await this.#turn(DRAIN_MS);
    }
    this.#memory?.flush();
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
    for (const { records } of this.#batches.values()) renumberNames(records, change);
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
      ...(this.#memory && { restartUncertain: this.#memory.uncertain }),
    };
  }

  /** Puts a record into the batch of its shape; a full batch is sent. @param last the slot is taken away */
  #take(slot: number, reason: number, last = false): boolean {
    if (!this.#transport.ready) return false;
    const { rows, bytes, flags } = this.#store.table;
    let shape = shapeOf(rows, bytes, slot);
    for (const extra of this.#extras) shape |= extra.shapeOf(slot);
    shape &= this.#profile.shapes;
    const gathered = this.#gathered(shape);
    const { records, entries } = gathered;
    appendRecord(records, this.#store.table, slot, this.#schedule.reported, reason, this.#extras);
    if (entries) {
      const row = slot * ROW_WORDS;
      this.#memory!.add(entries, rows, row, reason, bytes[row * 4 + STATE], last || (flags[slot] & GONE) !== 0);
    }
    if (records.count === records.capacity) this.#send(shape, gathered);
    return true;
  }

  #gathered(shape: number): Gathered {
    let gathered = this.#batches.get(shape);
    if (!gathered) {
      gathered = {
        records: new Batch(BATCH_RECORDS, RECORD_SIZE),
        entries: this.#memory && new EntryBlock(BATCH_RECORDS),
        copies: this.#uniflows && shape & REPLY_COUNTERS ? 2 : 1,
      };
      this.#batches.set(shape, gathered);
    }
    return gathered;
  }

  #flush(): void {
    for (const [shape, gathered] of this.#batches) if (gathered.records.count > 0) this.#send(shape, gathered);
  }

  #send(shape: number, { records, entries, copies }: Gathered): void {
    const { counts } = this.#session;
    const before = counts.oversize;
    if (entries) this.#memory!.sending(entries);
    this.#session.send(shape, records);
    // both directions of a connection are sent, or not, together
    if (copies === 2) this.#session.send(shape | REVERSED, records);
    records.count = 0;
    if (entries) this.#memory!.sent(counts.records + counts.optionsRecords);
    if (before === 0 && counts.oversize > 0) {
      this.#log.error(
        { mtu: this.#options.mtu },
        'flow records do not fit into a packet; they are dropped and counted',
      );
    }
  }

  #dropBatches(): void {
    for (const { records, entries, copies } of this.#batches.values()) {
      this.#transport.counts.lostRecords += records.count * copies;
      records.count = 0;
      if (entries) entries.count = 0;
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
    // IPFIX has no word for what may have been sent: it counts here
    if (this.#memory) unreported.push({ ...this.#memory.uncertain, connections: this.#memory.uncertain.records });
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
