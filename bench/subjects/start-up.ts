import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend } from '../../src/backend/backend.js';
import { createLogger } from '../../src/common/logger.js';
import { Exporter, EXPORTER_DEFAULTS } from '../../src/exporter.js';
import { Companion } from '../host/companion.js';
import { CountingSink } from '../host/counting-sink.js';
import { same } from '../same.js';
import type { Case, Scene, Subject, Times } from '../subject.js';
import { destinationOptions } from '../workload/destination.js';
import { KernelTable } from '../workload/kernel-table.js';

const LOOK_MS = 1;
/** No second poll while it is looked at. */
const NO_POLL_MS = 3_600_000;

/** How long a collector waits after the exporter has started. */
export const startUp: Subject = {
  name: 'start-up',
  summary: 'from the start of an exporter to its first record, beside a dump that is thrown away',
  connections: 100_000,
  kernel: true,
  companion: true,
  samples: 10,
  async cases({ backends, family, sizes: { connections, mtu } }: Scene): Promise<Case[]> {
    const table = await KernelTable.open(family);
    await table.begin(connections);
    const rawDump = await Companion.start('raw-dump');
    const sink = await CountingSink.open(family);
    const floor: Case = {
      name: 'raw dump',
      backend: 'kernel',
      parameters: { connections },
      items: 1,
      operation: () => rawDump.ask<Times>('dump'),
      async close() {
        await rawDump.close();
        await sink.close();
        await table.close();
      },
    };
    const ours = backends.map(backend => startCase(backend, sink, connections, mtu));
    return [...ours, floor];
  },
};

function startCase(backend: Backend, sink: CountingSink, connections: number, mtu: number): Case {
  let exporter: Exporter;
  let opened: Promise<void>;
  return {
    name: 'first record',
    backend: backend.name,
    parameters: { connections },
    items: 1,
    prepare() {
      exporter = new Exporter({
        ...EXPORTER_DEFAULTS,
        flowPollInterval: NO_POLL_MS,
        firstSight: 'total',
        backend,
        source: backend.openKernel({ filter: {} }),
        // due as soon as it is seen: what is measured is work, not waiting
        destinations: [{ ...destinationOptions(sink, mtu), activeFlowExportTimeout: 10 }],
        log: createLogger('error'),
      });
    },
    async operation() {
      opened = exporter.open();
      while (exporter.stats().recordsExported === 0) await sleep(LOOK_MS);
    },
    async check() {
      await opened;
      // connections to collectors of earlier operations are there too
      same('connections that lack', Math.max(connections - exporter.stats().connections, 0), 0);
      await exporter.close();
      return undefined;
    },
  };
}
