import type { ExecutionContext } from 'ava';
import type { Backend } from '../../../src/backend/backend.js';
import { DESTINATION_DEFAULTS, type DestinationOptions } from '../../../src/destination/destination-options.js';
import { Exporter, EXPORTER_DEFAULTS, type ExporterOptions } from '../../../src/exporter.js';
import { udp } from '../builders/connections.js';
import { eventually } from '../eventually.js';
import { type CollectorSocket, flows } from '../fakes/collector-socket.js';
import { FakeSource } from '../fakes/fake-source.js';
import { listeningLogger } from '../fakes/listening-logger.js';

/** Connections of a {@link ReloadRig}. */
export const MANY = 40;
/** After the start of any exporter here. */
const LATER = Date.now() + 3_600_000;

export function packetsAt(collector: CollectorSocket): number {
  return flows(collector).reduce((sum, record) => sum + Number(record.get('packetDeltaCount')), 0);
}

/** An exporter of connections that all count the same. */
export class ReloadRig {
  readonly exporter: Exporter;
  readonly lines: Record<string, unknown>[];
  readonly #source: FakeSource;
  /** When the connections began, milliseconds since 1970. */
  started = LATER;
  #packets: number;

  constructor(
    t: ExecutionContext,
    backend: Backend,
    destinations: DestinationOptions[],
    changed: Partial<ExporterOptions> = {},
    packets = 0,
  ) {
    this.#packets = packets;
    const { log, lines } = listeningLogger();
    this.lines = lines;
    this.#source = new FakeSource([{ connections: [] }]);
    this.exporter = new Exporter({
      ...EXPORTER_DEFAULTS,
      flowPollInterval: 20,
      maxConnections: 1_000,
      spareEnded: 2_000,
      backend,
      source: this.#source,
      destinations,
      log,
      ...changed,
    });
    t.teardown(() => this.exporter.close().catch(() => {}));
  }

  /** Each connection has counted so many more packets. */
  count(packets: number): void {
    this.#packets += packets;
    const all = Array.from({ length: MANY }, (_, i) =>
      udp(i + 1, this.started, [this.#packets, this.#packets * 100, 0, 0]),
    );
    this.#source.next({ connections: all });
  }

  async end(): Promise<void> {
    this.#source.next({ connections: [] });
    await eventually('all have ended', () => this.exporter.stats().connections === 0);
  }
}

/** A destination that exports at once. */
export function to(
  name: string,
  { endpoint }: Pick<CollectorSocket, 'endpoint'>,
  changed: Partial<DestinationOptions> = {},
): DestinationOptions {
  return {
    ...DESTINATION_DEFAULTS,
    activeFlowExportTimeout: 30,
    idleFlowExportTimeout: 3_600_000,
    reconnectInterval: 20,
    endedQueue: 1_000,
    observationDomain: 1,
    name,
    endpoint,
    ...changed,
  };
}
