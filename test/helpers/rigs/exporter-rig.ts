import type { Backend } from '../../../src/backend/backend.js';
import type { Endpoint } from '../../../src/common/endpoint.js';
import { DESTINATION_DEFAULTS, type DestinationOptions } from '../../../src/destination/destination-options.js';
import { Exporter, EXPORTER_DEFAULTS, type ExporterOptions } from '../../../src/exporter.js';
import { udp } from '../builders/connections.js';
import type { Facts } from '../builders/rows.js';
import type { Source } from '../../../src/sources/source.js';
import { listeningLogger } from '../fakes/listening-logger.js';
import type { Scope } from '../kernel/scope.js';

/** What differs from the usual options; `destination` of each destination, `each` of single ones in their order. */
interface Changed extends Partial<Omit<ExporterOptions, 'destinations' | 'source' | 'backend' | 'log'>> {
  destination?: Partial<DestinationOptions>;
  each?: readonly Partial<DestinationOptions>[];
}

interface ExporterRig {
  readonly exporter: Exporter;
  readonly lines: Record<string, unknown>[];
}

/** An exporter that polls every 20 ms and exports after 30, closed when the test is over. */
export function exporterRig(
  t: Scope,
  backend: Backend,
  source: Source,
  endpoints: Endpoint[],
  changed: Changed = {},
): ExporterRig {
  const { destination, each = [], ...options } = changed;
  const { log, lines } = listeningLogger();
  const exporter = new Exporter({
    ...EXPORTER_DEFAULTS,
    flowPollInterval: 20,
    maxConnections: 1_000,
    shutdownTimeout: 5_000,
    ...options,
    backend,
    source,
    destinations: endpoints.map((endpoint, i) => ({
      ...DESTINATION_DEFAULTS,
      activeFlowExportTimeout: 30,
      idleFlowExportTimeout: 3_600_000,
      reconnectInterval: 20,
      mtu: 1_400,
      observationDomain: 1,
      ...destination,
      ...each[i],
      endpoint,
    })),
    log,
  });
  t.teardown(async () => void (await exporter.close()));
  return { exporter, lines };
}

/** A start after that of any exporter here, however long a test is held up before it makes it. */
export const LATER = Date.now() + 3_600_000;

/** A UDP connection by its port. */
export const facts = (port: number, packets: number, started: number): Facts =>
  udp(port, started, [packets, packets * 100, 0, 0]);
