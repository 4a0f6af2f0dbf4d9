import type { LogPrefix } from '../../../native/binding.js';
import type { Batch } from '../../../src/row/batch.js';
import { DeniedRules } from '../../../src/denied/denied-rules.js';
import { ConntrackCorrelator } from '../../../src/denied/conntrack-correlator.js';
import { DenyStore } from '../../../src/denied/deny-store.js';
import { ExportSchedule } from '../../../src/schedule/export-schedule.js';
import * as row from '../../../src/row/layout.generated.js';
import { NameTable } from '../../../src/record/name-table.js';
import { rows, type Facts } from './rows.js';
import { exportDue, updateExported } from '../rigs/export-due.js';
import { reportOf, type Report } from '../rigs/report.js';
import { StoreRig, type RigOptions } from '../rigs/store-rig.js';

/** A packet as NFLOG tells it: the facts of its tuple, and what goes with them. */
export interface Packet extends Facts {
  octets?: number;
  /** Number of the log prefix. */
  rule?: number;
  /** enum nf_inet_hooks. */
  hook?: number;
  /** Milliseconds since 1970; by default the rig's clock. */
  time?: number;
  /** Without a time of the kernel. */
  untimed?: true;
}

/** Rows as the reader makes them. @param now time of the packets that have none */
export function packetRows(now: number, ...packets: readonly Packet[]): Batch {
  const batch = rows(...packets);
  packets.forEach(({ octets = 40, rule = 1, hook = 1, time = now, untimed }, number) => {
    const at = number * row.ROW_SIZE;
    const word = (offset: number, value: number): void => void (batch.u32[(at + offset) >> 2] = value);
    batch.u32[(at + row.PRESENT) >> 2] |= row.HAS_ORIG_COUNTERS | (untimed ? 0 : row.HAS_START);
    batch.bytes[at + row.STATE] = hook;
    word(row.ORIG_PACKETS, 1);
    word(row.ORIG_OCTETS, octets);
    const nanoseconds = BigInt(Math.floor(time)) * 1_000_000n;
    word(row.START_NS, Number(nanoseconds & 0xffff_ffffn));
    word(row.START_NS + 4, Number(nanoseconds >> 32n));
    word(row.EVENT, row.EVENT_DENIED);
    word(row.RULE, rule);
    batch.u32[(at + row.HASH) >> 2] ^= Math.imul(rule, 0x9e3779b1);
  });
  return batch;
}

/** Of group 5. */
export const prefixOf = (prefix: string): LogPrefix => ({ group: 5, prefix });

export const PREFIXES = ['', 'ctflow:drop:in:prod/web:ssh', 'ctflow:reject:out:prod/db:all', 'plain'];

/** Connections and denied flows with their schedules, and both clocks in the hands of the test. */
export class DeniedRig extends StoreRig {
  readonly names = new NameTable();
  readonly rules = new DeniedRules(this.names, number => prefixOf(PREFIXES[number] ?? `rule ${number}`));
  readonly denied: DenyStore;
  readonly correlator: ConntrackCorrelator;
  readonly schedule: ExportSchedule;
  readonly exported: Report[] = [];
  readonly evicted: Report[] = [];

  constructor(options: RigOptions & { maxDenied?: number } = {}) {
    super(options);
    this.denied = new DenyStore(options.maxDenied ?? 64);
    this.correlator = new ConntrackCorrelator(this.store, this.denied, this.rules, () => this.now());
    this.schedule = new ExportSchedule(
      this.denied,
      {
        activeFlowExportTimeout: 5_000,
        idleFlowExportTimeout: 15_000,
        staleConnectionTimeout: 300_000,
        endedQueue: 1_000,
        zeroDeltas: 'none',
      },
      () => this.monotonic,
      (slot, reason) => this.#report(this.evicted, slot, reason),
    );
  }

  logged(...packets: readonly Packet[]): void {
    this.correlator.packets(packetRows(this.wall, ...packets));
  }

  /** A poll and what the correlator makes of it. */
  async matched(connections: readonly Facts[], complete = true): Promise<void> {
    this.correlator.beforeDump();
    this.poll(connections, complete);
    await this.correlator.afterPoll(complete);
  }

  endIdle(): void {
    this.denied.endIdle(15_000, this.monotonic);
  }

  /** What is due of denied flows now. */
  deniedDue(): Report[] {
    const before = this.exported.length;
    this.#export();
    return this.exported.slice(before);
  }

  /** Denied flows that a shutdown exports. */
  deniedAtEnd(): Report[] {
    const before = this.exported.length;
    this.schedule.endAll();
    this.#export();
    return this.exported.slice(before);
  }

  /** Packets and octets of exported denied flows. */
  sums(): [packets: bigint, octets: bigint] {
    const all = [...this.exported, ...this.evicted];
    return [all.reduce((sum, { deltas }) => sum + deltas[0], 0n), all.reduce((sum, { deltas }) => sum + deltas[1], 0n)];
  }

  #export(): void {
    exportDue(this.schedule, this.denied.table, this.monotonic, Number.MAX_SAFE_INTEGER, (slot, reason) =>
      this.#report(this.exported, slot, reason),
    );
  }

  #report(into: Report[], slot: number, reason: number): boolean {
    into.push(reportOf(this.denied.table, this.schedule.slots, slot, reason));
    updateExported(this.schedule.slots, this.denied.table, slot, reason);
    return true;
  }
}
