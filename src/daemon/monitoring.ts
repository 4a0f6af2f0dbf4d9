import { describeError } from '../common/errors.js';
import type { Logger } from '../common/logger.js';
import { standardError } from '../common/terminal/standard-streams.js';
import type { Exporter } from '../exporter.js';
import type { PollHook } from '../ingest/poll-hook.js';
import type { Source } from '../sources/source.js';
import { healthChecks, type Checks, type HealthFacts, livenessChecks, readinessChecks } from './health/checks.js';
import { type Answer, HttpServer, type ListenAddress, text } from './http-server.js';
import { Census } from './metrics/census.js';
import { certificateExpiries, type CertificateExpiry } from './metrics/certificates.js';
import { exposition, EXPOSITION_TYPE, type Snapshot } from './metrics/exposition.js';
import { KernelCounters } from './metrics/kernel-counters.js';
import type { KernelFigures } from './metrics/kernel-metrics.js';
import { PressureCensus } from './metrics/pressure-census.js';
import { Timings } from './metrics/timings.js';
import type { RecorderService } from './recorder/recorder-service.js';
import type { Readiness } from './readiness.js';
import type { TableGrowth } from './table-growth.js';

/** Files of certificates are read again after so many milliseconds. */
const CERTIFICATES_MS = 60_000;
/** The kernel's counters are looked at so often at least: far more often than they can wrap. */
const COUNTERS_MS = 30_000;

/** Before there is an exporter. */
const NOT_YET: HealthFacts = {
  poll: { behind: 0, interval: 0 },
  waitsFor: ['the exporter'],
  stopping: false,
  destinations: [],
  table: undefined,
  certificates: [],
  now: 0,
};

/** What is watched. */
export interface Watched {
  readonly exporter: Exporter;
  readonly source: Source;
  readonly readiness: Readiness;
  readonly recorder?: RecorderService | undefined;
  /** Of the kernel's table. */
  readonly growth: TableGrowth;
}

/** Metrics and health over HTTP. */
export class Monitoring {
  readonly #timings = new Timings();
  readonly #log: Logger;
  readonly #counters = new KernelCounters();
  #server: HttpServer | undefined;
  #watched: Watched | undefined;
  /** The answer that is being made: all that ask meanwhile get the same. */
  #answer: Promise<Answer> | undefined;
  #stopping = false;
  #census: Census | undefined;
  #pressure: PressureCensus | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The last fault of the kernel's statistics, which is logged once. */
  #fault = '';
  #certificates: readonly CertificateExpiry[] = [];
  #certificatesAt = Number.NEGATIVE_INFINITY;
  /** Whose they are. */
  #certified: Exporter['destinations'] = [];

  private constructor(log: Logger) {
    this.#log = log;
  }

  /** @throws CtflowError CTFLOW_ADDRESS where it cannot listen there */
  static async open(address: ListenAddress, log: Logger): Promise<Monitoring> {
    const monitoring = new Monitoring(log);
    try {
      const routes = {
        '/metrics': () => monitoring.#metrics(),
        '/livez': () => monitoring.#health(livenessChecks),
        '/readyz': () => monitoring.#health(readinessChecks),
        '/healthz': () => monitoring.#health(healthChecks),
      };
      monitoring.#server = await HttpServer.open(address, routes, log);
    } catch (error) {
      monitoring.#timings.close();
      throw error;
    }
    log.info({ url: monitoring.url }, 'metrics and health are served');
    return monitoring;
  }

  /** `http://127.0.0.1:9469` */
  get url(): string {
    return this.#server!.url;
  }

  /** To be the last one of each poll. */
  get pollHook(): PollHook {
    return this.#timings.pollHook;
  }

  /** From now on there are metrics of these. */
  watch(watched: Watched): void {
    this.#watched = watched;
    const { flows, names } = watched.exporter.stored;
    const [{ store }] = flows;
    this.#census = new Census(store.table, slot => store.isSuspect?.(slot) ?? false);
    this.#pressure = new PressureCensus(flows[0], names, watched.growth);
    this.#kernel();
    this.#timer = setInterval(() => this.#kernel(), COUNTERS_MS).unref();
  }

  /** The exporter is about to close: it is not ready any more. */
  stopping(): void {
    this.#stopping = true;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timings.close();
    await this.#server?.close();
  }

  #metrics(): Promise<Answer> {
    this.#answer ??= this.#expose().finally(() => (this.#answer = undefined));
    return this.#answer;
  }

  async #expose(): Promise<Answer> {
    if (!this.#watched) return text(503, 'ctflow starts\n');
    const body = await exposition(await this.#snapshot(this.#watched), this.#timings);
    return { status: 200, type: EXPOSITION_TYPE, body };
  }

  async #snapshot({ exporter, source, recorder }: Watched): Promise<Snapshot> {
    const census = await this.#census!.count();
    const pressure = await this.#pressure!.figures();
    const stats = exporter.stats();
    const certificates = this.#expiries(exporter.destinations);
    const logLinesDropped = standardError().dropped;
    const figures = { backend: stats.backend, source: source.kind, certificates, logLinesDropped };
    return { exporter: stats, process: figures, kernel: this.#kernel(), census, pressure, recorder: recorder?.stats() };
  }

  /** Each check as JSON; 503 where one fails. */
  #health(check: (facts: HealthFacts) => Checks): Answer {
    const checks = check(this.#watched ? this.#facts(this.#watched) : NOT_YET);
    const status = Object.values(checks).every(one => one.status === 'ok') ? 'ok' : 'failed';
    const body = `${JSON.stringify({ status, checks }, undefined, 2)}\n`;
    return { status: status === 'ok' ? 200 : 503, type: 'application/json', body };
  }

  #facts({ exporter, readiness }: Watched): HealthFacts {
    return {
      ...exporter.stats(),
      waitsFor: readiness.waitsFor(),
      stopping: this.#stopping,
      table: this.#kernel(),
      certificates: this.#expiries(exporter.destinations),
      now: Date.now(),
    };
  }

  #expiries(destinations: Exporter['destinations']): readonly CertificateExpiry[] {
    const now = performance.now();
    const isSame =
      destinations.length === this.#certified.length && destinations.every((one, i) => one === this.#certified[i]);
    if (isSame && now - this.#certificatesAt < CERTIFICATES_MS) return this.#certificates;
    this.#certified = destinations;
    this.#certificatesAt = now;
    return (this.#certificates = certificateExpiries(destinations));
  }

  /** What the kernel says of its table; undefined where it says nothing, which is logged once. */
  #kernel(): KernelFigures | undefined {
    try {
      const found = this.#watched!.source.statistics?.();
      this.#fault = '';
      if (!found) return undefined;
      this.#counters.add(found);
      return { entries: found.entries, limit: found.limit, counters: this.#counters.sums };
    } catch (error) {
      const fault = describeError(error);
      if (fault !== this.#fault) this.#log.warn(`the kernel's statistics are left out of the metrics: ${fault}`);
      this.#fault = fault;
      return undefined;
    }
  }
}
