import { OwnConnections } from '../../../src/row/own-connections.js';
import type { ExecutionContext } from 'ava';
import type { Backend } from '../../../src/backend/backend.js';
import { ConnectionStore } from '../../../src/store/connection-store.js';
import type { Moment } from '../../../src/store/poll-history.js';
import { Destination } from '../../../src/destination/destination.js';
import { DESTINATION_DEFAULTS, type DestinationOptions } from '../../../src/destination/destination-options.js';
import type { Endpoint } from '../../../src/common/endpoint.js';

import { udp } from '../builders/connections.js';
import { eventually } from '../eventually.js';
import { listeningLogger } from '../fakes/listening-logger.js';
import { rows, type Facts } from '../builders/rows.js';
import { kernelTimeouts } from '../rigs/store-rig.js';
import { NameTable } from '../../../src/record/name-table.js';
import { newUnexported } from '../../../src/store/unexported.js';

export const BORN = Date.now();

/** A destination on a store that the test fills. */
export class Rig {
  readonly store: ConnectionStore;
  readonly destination: Destination;
  readonly lines: Record<string, unknown>[];
  opened = 0;
  polls = 0;
  /** What events have lost. */
  lost = newUnexported();

  constructor(
    backend: Backend,
    endpoint: Endpoint,
    changed: Partial<DestinationOptions> & { maxConnections?: number; stale?: number } = {},
  ) {
    const { maxConnections = 20_000, stale = 300_000, ...options } = changed;
    const { log, lines } = listeningLogger();
    this.lines = lines;
    this.store = new ConnectionStore({ maxConnections, firstSight: 'total', born: now() });
    this.destination = new Destination(
      {
        ...DESTINATION_DEFAULTS,
        activeFlowExportTimeout: 0,
        idleFlowExportTimeout: 3_600_000,
        reconnectInterval: 20,
        optionsInterval: 0,
        observationDomain: 7,
        ...options,
        endpoint,
      },
      {
        backend,
        flows: [{ store: this.store, extras: {} }],
        names: new NameTable(),
        staleConnectionTimeout: stale,
        pollInterval: () => 100,
        polls: () => this.polls,
        own: new OwnConnections(),
        lost: () => this.lost,
        log,
        opened: () => this.opened++,
      },
    );
  }

  poll(...connections: Facts[]): void {
    this.store.beginPoll(now(), kernelTimeouts());
    this.store.merge(rows(...connections), now());
    for (let from = 0; from >= 0;) from = this.store.sweep(from, 1_000, now());
    this.store.endPoll(true);
    this.polls++;
  }

  messages(): unknown[] {
    return this.lines.map(({ msg }) => msg);
  }
}

export function now(): Moment {
  return { wall: Date.now(), monotonic: performance.now() };
}

export const many = (count: number, packets: number): Facts[] =>
  Array.from({ length: count }, (_, i) => udp(i + 1, BORN - 10, [packets, packets * 100, packets, packets * 50]));

/** Records, delta packets and delta octets of both directions. */
export function sums(records: readonly { get(name: string): unknown }[]): number[] {
  const sum = (...names: string[]): number =>
    records.reduce((all, record) => names.reduce((n, name) => n + Number(record.get(name) ?? 0), all), 0);
  return [
    records.length,
    sum('packetDeltaCount', 'reversePacketDeltaCount'),
    sum('octetDeltaCount', 'reverseOctetDeltaCount'),
  ];
}

/** Exports until a collector that does not read takes no more. @returns polls */
export async function fill(rig: Rig, connections: number): Promise<number> {
  for (let polls = 1, stuck = 0; ; polls++) {
    rig.poll(...many(connections, polls));
    await rig.destination.export();
    await new Promise(resolve => setTimeout(resolve, 20));
    const { session, transport } = rig.destination.stats();
    stuck = transport.records < session.records + session.optionsRecords ? stuck + 1 : 0;
    if (stuck === 3) return polls;
  }
}

export async function begin(t: ExecutionContext, rig: Rig): Promise<void> {
  t.teardown(() => rig.destination.close());
  await rig.destination.open();
  await eventually('a session', () => rig.destination.stats().connected);
  t.is(rig.opened, 1);
}
