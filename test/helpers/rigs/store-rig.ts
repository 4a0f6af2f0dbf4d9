import { ConnectionStore, type StoreOptions } from '../../../src/store/connection-store.js';
import type { Moment } from '../../../src/store/poll-history.js';
import type { ExportHistory } from '../../../src/schedule/export-state.js';
import { ExportSchedule } from '../../../src/schedule/export-schedule.js';
import type { ScheduleOptions } from '../../../src/schedule/schedule-options.js';
import type { FlowExtras } from '../../../src/encoder/columns.js';
import { Filter } from '../../../src/filter/filter.js';
import { storeFilter } from '../../../src/filter/store-filter.js';
import { NameTable } from '../../../src/record/name-table.js';
import { KernelTimeouts } from '../../../src/store/kernel-timeouts.js';
import { exportDue, updateExported } from './export-due.js';
import { reportOf, type Report } from './report.js';
import { TcpHistory } from '../../../src/store/tcp-history.js';
import { rows, type Facts } from '../builders/rows.js';

/** The kernel's own values, seconds (nf_conntrack_proto_*.c). */
export const KERNEL_DEFAULTS: Readonly<Record<string, number>> = {
  nf_conntrack_tcp_timeout_syn_sent: 120,
  nf_conntrack_tcp_timeout_syn_recv: 60,
  nf_conntrack_tcp_timeout_established: 432_000,
  nf_conntrack_tcp_timeout_fin_wait: 120,
  nf_conntrack_tcp_timeout_close_wait: 60,
  nf_conntrack_tcp_timeout_last_ack: 30,
  nf_conntrack_tcp_timeout_time_wait: 120,
  nf_conntrack_tcp_timeout_close: 10,
  nf_conntrack_tcp_timeout_max_retrans: 300,
  nf_conntrack_tcp_timeout_unacknowledged: 300,
  nf_conntrack_udp_timeout: 30,
  nf_conntrack_udp_timeout_stream: 120,
  nf_conntrack_icmp_timeout: 30,
  nf_conntrack_icmpv6_timeout: 30,
  nf_conntrack_sctp_timeout_established: 210,
  nf_conntrack_gre_timeout: 30,
  nf_conntrack_gre_timeout_stream: 180,
  nf_conntrack_generic_timeout: 600,
};

/** The kernel's timeouts as they are by default, some of them changed. */
export function kernelTimeouts(changed: Readonly<Record<string, number>> = {}): KernelTimeouts {
  const all: Record<string, number> = { ...KERNEL_DEFAULTS, ...changed };
  return new KernelTimeouts(name => (all[name] === undefined ? undefined : `${all[name]}\n`));
}

export type { Report };

/** A collector of a rig: the records that it got, and whether it takes any now. */
export interface RigDestination {
  readonly schedule: ExportSchedule;
  readonly reports: Report[];
  /** What was handed over when the slot had to go at once. */
  readonly evicted: Report[];
  takes: boolean;
}

export interface RigOptions extends Partial<
  Pick<StoreOptions, 'maxConnections' | 'endedRoom' | 'firstSight' | 'filter'>
> {
  /** One schedule each; by default one with Antrea's defaults. */
  destinations?: (Partial<ScheduleOptions> & { expression?: string; history?: ExportHistory })[];
  timeouts?: KernelTimeouts;
  /** NEW and UPDATE events are listened to. */
  changes?: true;
}

/** A store with its schedules and both clocks in the hands of the test. */
export class StoreRig {
  wall = 1_700_000_000_000;
  monotonic = 50_000;
  timeouts: KernelTimeouts;
  readonly store: ConnectionStore;
  readonly destinations: readonly RigDestination[];
  /** Where NEW and UPDATE events are listened to. */
  readonly history: TcpHistory | undefined;
  readonly #extras: FlowExtras = {};

  constructor(options: RigOptions = {}) {
    const { maxConnections = 64, endedRoom, firstSight = 'baseline', destinations = [{}], filter } = options;
    this.timeouts = options.timeouts ?? kernelTimeouts();
    this.store = new ConnectionStore({ maxConnections, endedRoom, firstSight, filter, born: this.now() });
    if (options.changes) {
      const history = (this.history = new TcpHistory(this.store.table.capacity));
      this.store.expectChanges(history);
      this.#extras = { states: history.states };
    }
    this.destinations = destinations.map(({ expression, history, ...changed }) => {
      const flows = { store: this.store, extras: this.#extras };
      const filter = expression === undefined ? undefined : new Filter(expression, 'run');
      const scheduleOptions = {
        activeFlowExportTimeout: 5_000,
        idleFlowExportTimeout: 15_000,
        staleConnectionTimeout: 300_000,
        endedQueue: 131_072,
        zeroDeltas: 'none' as const,
        filter: filter && storeFilter(filter, flows, new NameTable()),
        ...changed,
      };
      const reports: Report[] = [];
      const evicted: Report[] = [];
      const schedule = new ExportSchedule(
        this.store,
        scheduleOptions,
        () => this.monotonic,
        (slot, reason) => {
          if (!destination.takes) return false;
          evicted.push(this.#report(destination, slot, reason));
          updateExported(destination.schedule.slots, this.store.table, slot, reason);
          return true;
        },
        history,
      );
      const destination: RigDestination = { schedule, reports, evicted, takes: true };
      return destination;
    });
  }

  now(): Moment {
    return { wall: this.wall, monotonic: this.monotonic };
  }

  /** Lets time pass; the wall clock may go its own way. */
  advance(milliseconds: number, wall: number = milliseconds): void {
    this.monotonic += milliseconds;
    this.wall += wall;
  }

  /** A dump that shows these connections. */
  poll(connections: readonly Facts[], complete = true): void {
    this.store.beginPoll(this.now(), this.timeouts);
    this.store.merge(rows(...connections), this.now());
    if (complete) for (let from = 0; from >= 0;) from = this.store.sweep(from, 7, this.now());
    this.store.endPoll(complete);
    for (const { schedule } of this.destinations) schedule.dropStale();
  }

  /** Rows of the dump that has begun. */
  merge(connections: readonly Facts[]): void {
    this.store.merge(rows(...connections), this.now());
  }

  /** As {@link poll}, with these things done between the request and the first row. */
  pollAfter(meanwhile: () => void, connections: readonly Facts[], complete = true): void {
    this.store.beginDump();
    meanwhile();
    this.poll(connections, complete);
  }

  /** DESTROY events of these connections. */
  destroy(...connections: readonly Facts[]): void {
    this.store.applyDestroys(rows(...connections), this.now());
  }

  /** NEW and UPDATE events. */
  receive(...events: readonly Facts[]): void {
    this.store.applyEvents(rows(...events), this.now());
  }

  /** What is due now at a destination, in its order; it is remembered in `reports` too. */
  due(which = 0, budget = Number.MAX_SAFE_INTEGER): Report[] {
    const destination = this.destinations[which];
    const before = destination.reports.length;
    this.#export(destination, budget);
    return destination.reports.slice(before);
  }

  /** Lets so many milliseconds pass, then reports what is due. */
  after(milliseconds: number, which = 0): Report[] {
    this.advance(milliseconds);
    return this.due(which);
  }

  /** What a shutdown reports. */
  all(which = 0, budget = 3): Report[] {
    const destination = this.destinations[which];
    const before = destination.reports.length;
    destination.schedule.endAll();
    while (destination.takes && this.#export(destination, budget));
    return destination.reports.slice(before);
  }

  #export(destination: RigDestination, budget: number): boolean {
    const { schedule, reports, takes } = destination;
    return exportDue(schedule, this.store.table, this.monotonic, budget, (slot, reason) => {
      if (takes) reports.push(this.#report(destination, slot, reason));
      return takes;
    });
  }

  #report(destination: RigDestination, slot: number, reason: number): Report {
    return reportOf(this.store.table, destination.schedule.slots, slot, reason, this.#extras);
  }
}
