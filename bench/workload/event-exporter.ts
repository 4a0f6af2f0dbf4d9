import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend } from '../../src/backend/backend.js';
import { createLogger } from '../../src/common/logger.js';
import { Exporter, EXPORTER_DEFAULTS, type ExporterStats } from '../../src/exporter.js';
import type { ProfileName } from '../../src/ipfix/profile.js';
import { CountingSink } from '../host/counting-sink.js';
import { COLLECTOR_PORT } from '../host/kernel-namespace.js';
import type { Case, Scene } from '../subject.js';
import { Arrivals } from './arrivals.js';
import { destinationOptions } from './destination.js';

/** No second poll while it is measured. */
const NO_POLL_MS = 2 ** 31 - 1;
/** To look costs CPU, which is not the cost of an event. */
const LOOK_MS = 50;
/** Milliseconds after which an event is taken for lost. */
const PATIENCE_MS = 30_000;
/** Where translated connections of IPv6 are measured. */
const NAT66 = [200, 201] as const;

/** An exporter that knows connections from their events alone, and a collector that counts. */
export class EventExporter {
  readonly #exporter: Exporter;
  readonly #sink: CountingSink;
  readonly #arrivals: Arrivals;

  private constructor(exporter: Exporter, sink: CountingSink, arrivals: Arrivals) {
    this.#exporter = exporter;
    this.#sink = sink;
    this.#arrivals = arrivals;
  }

  static async open({ family, sizes: { mtu } }: Scene, backend: Backend, profile: ProfileName): Promise<EventExporter> {
    const sink = await CountingSink.open(family, COLLECTOR_PORT);
    const { eventBuffer: receiveBuffer, holdEnded } = EXPORTER_DEFAULTS;
    const exporter = new Exporter({
      ...EXPORTER_DEFAULTS,
      flowPollInterval: NO_POLL_MS,
      backend,
      source: backend.openKernel({ filter: {} }),
      events: { kind: 'destroy', filter: {}, receiveBuffer, holdEnded, earlierHaveNone: false },
      destinations: [{ ...destinationOptions({ host: sink.host, port: sink.port, segment: true }, mtu), profile }],
      nat66Events: NAT66,
      log: createLogger('error'),
    });
    await exporter.open();
    return new EventExporter(exporter, sink, await Arrivals.at(sink));
  }

  get stats(): ExporterStats {
    return this.#exporter.stats();
  }

  /** Waits until so many records have been exported since it was opened. */
  async untilExported(records: number): Promise<void> {
    for (let waited = 0; this.stats.recordsExported < records; waited += LOOK_MS) {
      if (waited > PATIENCE_MS) throw new Error('events are missing');
      await sleep(LOOK_MS);
    }
  }

  /** As of {@link Case.check}: whether so many more records have arrived. */
  check(records: number): ReturnType<NonNullable<Case['check']>> {
    return this.#arrivals.check(records);
  }

  /** As of {@link Case.extra}. */
  extra(): ReturnType<NonNullable<Case['extra']>> {
    return { ...this.#arrivals.extra(), overrun: this.stats.events!.overrun };
  }

  async close(): Promise<void> {
    await this.#exporter.close();
    await this.#sink.close();
  }
}
