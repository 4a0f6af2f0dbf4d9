import { ConnectionStore } from '../../src/store/connection-store.js';
import { DESTINATION_DEFAULTS } from '../../src/destination/destination-options.js';
import { EXPORTER_DEFAULTS } from '../../src/exporter.js';
import { createLogger } from '../../src/common/logger.js';
import { Poller } from '../../src/ingest/poller.js';
import { CountingSink } from '../host/counting-sink.js';
import { same } from '../same.js';
import type { Case, Scene, Subject } from '../subject.js';
import { Arrivals } from '../workload/arrivals.js';
import { CaseClock } from '../workload/clock.js';
import { MeasuredDestination } from '../workload/destination.js';
import { GeneratedSource } from '../workload/generated-source.js';
import { now } from '../workload/now.js';

/** Polls after which everything that grows with the connections has grown. */
const POLLS = 4;

/**
 * Resident memory of everything that connections need with one destination: rows, index, lists, what was reported, batches. The
 * source makes them up and needs next to none. Of the backends the first one: both in one process would share it.
 */
export const memory: Subject = {
  name: 'memory',
  summary: 'resident memory against the number of connections, everything included, one destination',
  connections: [100_000, 250_000, 500_000, 1_000_000],
  companion: true,
  samples: POLLS,
  async cases({ backends: [backend], family, sizes: { connections, mtu } }: Scene): Promise<Case[]> {
    const clock = new CaseClock();
    clock.take();
    const most = Math.max(connections, EXPORTER_DEFAULTS.maxConnections);
    const store = new ConnectionStore({ maxConnections: most, firstSight: 'total', born: now() });
    const source = new GeneratedSource(family, connections, connections);
    const poller = new Poller(source, store, createLogger('error'));
    const sink = await CountingSink.open(family);
    const destination = await MeasuredDestination.open(backend, store, sink, mtu);
    const arrivals = await Arrivals.at(sink);
    globalThis.gc!();
    const before = process.memoryUsage.rss();
    let rss = 0;
    let sent = 0;
    return [
      {
        name: 'poll and export',
        backend: backend.name,
        parameters: { connections, mtu },
        items: connections,
        prepare() {
          source.change(0, 0, 1);
          sent = destination.records;
        },
        async operation() {
          await poller.poll();
          clock.forward(DESTINATION_DEFAULTS.activeFlowExportTimeout);
          await destination.export();
        },
        check() {
          rss = process.memoryUsage.rss();
          const records = destination.records - sent;
          // where an operation takes longer than the active timeout, some are due once more
          if (records < connections) same('records exported', records, connections);
          return arrivals.check(records);
        },
        extra() {
          globalThis.gc!();
          const growth = process.memoryUsage.rss() - before;
          return { ...arrivals.extra(), rss, bytesAConnection: Math.round(growth / connections) };
        },
        async close() {
          await destination.close();
          await sink.close();
        },
      },
    ];
  },
};
