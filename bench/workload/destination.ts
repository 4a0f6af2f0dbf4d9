import { OwnConnections } from '../../src/row/own-connections.js';
import type { Backend } from '../../src/backend/backend.js';
import { Destination } from '../../src/destination/destination.js';
import { DESTINATION_DEFAULTS, type DestinationOptions } from '../../src/destination/destination-options.js';
import { EXPORTER_DEFAULTS } from '../../src/exporter.js';
import { LEAST_POLL_INTERVAL } from '../../src/ingest/poll-interval.js';
import type { Flows } from '../../src/record/flows.js';
import type { FlowStore } from '../../src/store/flow-store.js';
import { createLogger } from '../../src/common/logger.js';
import { NameTable } from '../../src/record/name-table.js';
import { newUnexported } from '../../src/store/unexported.js';

export interface Collector {
  readonly host: string;
  readonly port: number;
  /** UDP where it is not said. */
  readonly protocol?: 'udp' | 'tcp';
  /** With --udp-segmentation. */
  readonly segment?: boolean;
}

/** A destination with the documented defaults at this collector; the export does not report on itself. */
export function destinationOptions(
  { host, port, protocol = 'udp', segment = false }: Collector,
  mtu: number,
): DestinationOptions {
  return {
    ...DESTINATION_DEFAULTS,
    endpoint: { protocol, host, port },
    observationDomain: 1,
    mtu,
    udpSegmentation: segment,
    optionsInterval: 0,
    // what is measured is work, not waiting
    maxRate: 'off',
    // each connection that ends has a record
    zeroDeltaRecords: true,
  };
}

/** One collector of a store, and what it was sent. */
export class MeasuredDestination {
  readonly #destination: Destination;

  private constructor(destination: Destination) {
    this.#destination = destination;
  }

  /** Of connections, of which nothing is known but their rows. */
  static open(backend: Backend, store: FlowStore, collector: Collector, mtu: number): Promise<MeasuredDestination> {
    return MeasuredDestination.openFor(backend, [{ store, extras: {} }], new NameTable(), collector, mtu);
  }

  /** @param flows connections first */
  static async openFor(
    backend: Backend,
    flows: readonly Flows[],
    names: NameTable,
    collector: Collector,
    mtu: number,
  ): Promise<MeasuredDestination> {
    let opened = (): void => {};
    const open = new Promise<void>(resolve => (opened = resolve));
    const destination = new Destination(destinationOptions(collector, mtu), {
      backend,
      flows,
      names,
      staleConnectionTimeout: EXPORTER_DEFAULTS.staleConnectionTimeout,
      pollInterval: () => LEAST_POLL_INTERVAL,
      polls: () => 0,
      own: new OwnConnections(),
      lost: newUnexported,
      log: createLogger('error'),
      opened,
    });
    await Promise.all([open, destination.open()]);
    return new MeasuredDestination(destination);
  }

  /** Exports what is due, and waits until the kernel has taken every message. */
  async export(): Promise<void> {
    await this.#destination.export();
    for (;;) {
      const { session, transport } = this.#destination.stats();
      if (transport.messages === session.messages) return;
      if (transport.lostRecords > 0) throw new Error(`the socket refused records: ${JSON.stringify(transport.errors)}`);
      await new Promise(resolve => setImmediate(resolve));
    }
  }

  /** Flow records sent so far. */
  get records(): number {
    return this.#destination.stats().session.records;
  }

  close(): Promise<void> {
    return this.#destination.close();
  }
}
