import type { Backend } from '../../src/backend/backend.js';
import type { EventsOptions } from '../../src/ingest/conntrack-events.js';
import { EXPORTER_DEFAULTS } from '../../src/exporter.js';
import type { Source } from '../../src/sources/source.js';
import { Companion } from '../host/companion.js';
import { GeneratedSource } from '../workload/generated-source.js';
import { KernelTable } from '../workload/kernel-table.js';
import type { SoakOptions } from './options.js';

/** Where the connections of a long run are. */
export interface SoakTable {
  readonly source: Source;
  readonly events?: EventsOptions;
  /** What happens between two polls. */
  change(): Promise<void>;
  /** A poll has shown what the last change brought, so that the next one may take it away. */
  shown(): boolean;
  /** Seconds of CPU of this process that are not the exporter's. */
  madeUp(): number;
  /** A dump whose bytes are thrown away, by another process: its seconds of CPU; undefined where there is no kernel. */
  rawDump?(): Promise<number>;
  close(): Promise<void>;
}

/** Connections that are made up as they are read. */
export function replayedTable({ initial, fresh, dying, duration, interval, traffic, family }: SoakOptions): SoakTable {
  const most = initial + fresh * Math.ceil(duration / interval);
  const source = new GeneratedSource(family, initial, most);
  return {
    source,
    change: async () => source.change(fresh, dying, traffic),
    shown: () => source.shown,
    madeUp: () => source.cpu,
    close: async () => {},
  };
}

/** Real flows in the kernel's table; their ends come as events where the backend has them. */
export async function kernelTable(backend: Backend, options: SoakOptions): Promise<SoakTable> {
  const { initial, fresh, dying, traffic, family } = options;
  const table = await KernelTable.open(family);
  const rawDump = await Companion.start('raw-dump');
  await table.begin(initial);
  const { eventBuffer: receiveBuffer, holdEnded } = EXPORTER_DEFAULTS;
  const events: EventsOptions = { kind: 'destroy', filter: {}, receiveBuffer, holdEnded, earlierHaveNone: false };
  return {
    source: backend.openKernel({ filter: {} }),
    ...(backend.name === 'native' && { events }),
    async change() {
      await table.end(dying);
      await table.count(traffic);
      await table.begin(fresh);
    },
    // who ends is the oldest, and was there at the first poll
    shown: () => true,
    madeUp: () => 0,
    rawDump: async () => (await rawDump.ask<{ cpu: number }>('dump')).cpu,
    async close() {
      await rawDump.close();
      await table.close();
    },
  };
}
