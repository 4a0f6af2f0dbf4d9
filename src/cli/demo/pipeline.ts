import { pino } from 'pino';
import type { Backend } from '../../backend/backend.js';
import { Collector } from '../../collector/collector.js';
import type { Endpoint } from '../../common/endpoint.js';
import { DESTINATION_DEFAULTS } from '../../destination/destination-options.js';
import { Exporter, EXPORTER_DEFAULTS } from '../../exporter.js';
import type { Source } from '../../sources/source.js';
import { FlowBoard } from './flow-board.js';
import { pause } from './pause.js';
import type { DemoReport } from './report.js';
import type { Stage } from './stage.js';
import type { Count } from './traffic/loopback-count.js';

/** Short, so that there is something to see; milliseconds. */
const TIMEOUTS = { activeFlowExportTimeout: 2000, idleFlowExportTimeout: 4000 };
/** Loopback counts a burst that the kernel has not yet cut as one packet, and its count is what the records are held to. */
const COUNTED = { udpSegmentation: false };
/** More than an hour of the demonstration's traffic makes. */
const MAX_CONNECTIONS = 65_536;
/** Rows of the table that are handed on; no terminal has more. */
const TOP = 200;
/** Octets of the headers in front of a message. */
const UDP_OVER_IPV4 = 28;
/** How often it is looked for the last datagrams, which take no time over loopback, and how many milliseconds lie between. */
const ARRIVAL_LOOKS = 100;
const LOOK = 20;

export interface PipelineOptions {
  readonly mode: 'live' | 'replay';
  readonly backend: Backend;
  readonly source: Source;
  /** Where the collector listens; port 0 for any. */
  readonly listen: Endpoint;
  /** Milliseconds that the demonstration is meant to take, where that is known. */
  readonly duration?: number;
  readonly stage: Stage;
}

/** The real exporter and the real collector, joined by a real socket, shown on a stage once a second. */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #board = new FlowBoard();
  readonly #carried = { packets: 0, octets: 0 };
  readonly #collector: Collector;
  #exporter: Exporter | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #began = performance.now();

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#collector = new Collector({
      listen: [options.listen],
      onRecord: record => {
        if (!record.isOptions) this.#board.add(record);
      },
      onMessage: ({ length }) => {
        this.#carried.packets++;
        this.#carried.octets += length + UDP_OVER_IPV4;
      },
    });
  }

  /** Resolves when the exporter has polled once. */
  async start(): Promise<void> {
    const { backend, source, mode, stage } = this.#options;
    const [endpoint] = await this.#collector.open();
    const log = pino({ level: 'warn' }, { write: line => stage.say(sentence(line)) });
    this.#exporter = new Exporter({
      backend,
      source,
      destinations: [{ ...DESTINATION_DEFAULTS, ...TIMEOUTS, ...COUNTED, endpoint, observationDomain: 1 }],
      ...EXPORTER_DEFAULTS,
      flowPollInterval: 1000,
      maxConnections: MAX_CONNECTIONS,
      // nothing was reported of a recording's connections before, so their whole totals are news
      firstSight: mode === 'live' ? 'baseline' : 'total',
      log,
    });
    await this.#exporter.open();
    this.#began = performance.now();
    this.#show();
    this.#ticker = setInterval(() => this.#show(), 1000);
  }

  /** Resolves when a recording has been played to its end. */
  get ended(): Promise<void> {
    return this.#exporter!.ended;
  }

  /** The exporter's own messages, as the loopback device counts them. */
  get carried(): Count {
    return this.#carried;
  }

  /** The last poll, the last records, and how it all ended. */
  async finish(): Promise<Omit<DemoReport, 'kernelOctets' | 'kernelPackets' | 'repeated'>> {
    const exporter = this.#exporter!;
    await exporter.close();
    const { recordsExported } = exporter.stats();
    for (let look = 0; look < ARRIVAL_LOOKS && this.#board.records < recordsExported; look++) await pause(LOOK);
    clearInterval(this.#ticker);
    this.#show();
    const { octets, packets }: Count = this.#board.total();
    return {
      mode: this.#options.mode,
      backend: this.#options.backend.name,
      connections: this.#board.connections,
      recordsExported,
      recordsCollected: this.#board.records,
      exportedOctets: octets,
      exportedPackets: packets,
      sequenceLost: this.#collector.stats().sequenceLost,
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#ticker);
    await this.#collector.close();
    this.#options.source.close();
  }

  #show(): void {
    const { mode, backend, duration, stage } = this.#options;
    stage.show({
      mode,
      backend: backend.name,
      elapsed: performance.now() - this.#began,
      ...(duration !== undefined && { duration }),
      connections: this.#board.connections,
      records: this.#board.records,
      ...this.#board.total(),
      top: this.#board.top(TOP),
      fresh: this.#board.takeFresh(),
    });
  }
}

/** What the exporter logs, a JSON line, as words. */
function sentence(line: string): string {
  const { msg, error, why } = JSON.parse(line) as { msg: string; error?: string; why?: string };
  return [msg, error ?? why].filter(Boolean).join(': ');
}
