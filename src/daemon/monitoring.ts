import type { Logger } from '../common/logger.js';
import { standardError } from '../common/terminal/standard-streams.js';
import type { Exporter } from '../exporter.js';
import type { PollHook } from '../ingest/poll-hook.js';
import {
  fullest,
  healthChecks,
  latest,
  type Checks,
  type HealthFacts,
  livenessChecks,
  readinessChecks,
} from './health/checks.js';
import { type Answer, HttpServer, type ListenAddress, text } from './http-server.js';
import { certificateExpiries, type CertificateExpiry } from './metrics/certificates.js';
import { exposition, expositionOfEach, EXPOSITION_TYPE, type ExporterSnapshot } from './metrics/exposition.js';
import type { NamespaceFigures, ProcessFigures } from './metrics/process-metrics.js';
import { Scraped, type Watched } from './metrics/scraped.js';
import { Timings } from './metrics/timings.js';
import { nameIn } from './namespaces/merged-stats.js';

/** Files of certificates are read again after so many milliseconds. */
const CERTIFICATES_MS = 60_000;

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

/** Where several network namespaces may be read. */
export interface WatchedSet {
  figures(): NamespaceFigures;
  /** What it waits for, in words, until it is ready. */
  waitsFor(): readonly string[];
}

/** Metrics and health over HTTP. */
export class Monitoring {
  readonly #timings = new Timings();
  readonly #log: Logger;
  #server: HttpServer | undefined;
  readonly #watched = new Set<Scraped>();
  #set: WatchedSet | undefined;
  /** The answer that is being made: all that ask meanwhile get the same. */
  #answer: Promise<Answer> | undefined;
  #stopping = false;
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

  /** From now on there are metrics of these. @returns ends that */
  watch(watched: Watched): () => void {
    const scraped = new Scraped(watched, this.#log);
    this.#watched.add(scraped);
    return () => {
      scraped.close();
      this.#watched.delete(scraped);
    };
  }

  /** Network namespaces come and go among what is watched. */
  watchSet(set: WatchedSet): void {
    this.#set = set;
  }

  /** The exporter is about to close: it is not ready any more. */
  stopping(): void {
    this.#stopping = true;
  }

  async close(): Promise<void> {
    for (const scraped of this.#watched) scraped.close();
    this.#timings.close();
    await this.#server?.close();
  }

  #metrics(): Promise<Answer> {
    this.#answer ??= this.#expose().finally(() => (this.#answer = undefined));
    return this.#answer;
  }

  async #expose(): Promise<Answer> {
    const [only, ...others] = this.#watched;
    if (!only && !this.#set) return text(503, 'ctflow starts\n');
    const recorder = only?.watched.recorder?.stats();
    const process = this.#process(only?.watched);
    const body =
      this.#set || others.length > 0
        ? await expositionOfEach({ process, recorder }, await this.#snapshots(), this.#timings)
        : await exposition({ process, recorder, ...(await only.snapshot()) }, this.#timings);
    return { status: 200, type: EXPOSITION_TYPE, body };
  }

  /** One after the other: each goes over all connections. */
  async #snapshots(): Promise<(ExporterSnapshot & { netns: string })[]> {
    const all: (ExporterSnapshot & { netns: string })[] = [];
    for (const scraped of this.#watched)
      all.push({ netns: scraped.watched.netns ?? '', ...(await scraped.snapshot()) });
    return all;
  }

  #process(first: Watched | undefined): ProcessFigures {
    return {
      backend: first?.exporter.stats().backend ?? 'native',
      source: first?.source.kind ?? 'netlink',
      certificates: this.#expiries(first?.exporter.destinations ?? []),
      logLinesDropped: standardError().dropped,
      namespaces: this.#set?.figures(),
    };
  }

  /** Each check as JSON; 503 where one fails. */
  #health(check: (facts: HealthFacts) => Checks): Answer {
    const checks = check(this.#facts());
    const status = Object.values(checks).every(one => one.status === 'ok') ? 'ok' : 'failed';
    const body = `${JSON.stringify({ status, checks }, undefined, 2)}\n`;
    return { status: status === 'ok' ? 200 : 503, type: 'application/json', body };
  }

  /** Of several the worst. */
  #facts(): HealthFacts {
    if (this.#watched.size === 0 && !this.#set) return NOT_YET;
    const all = [...this.#watched].map(({ watched }) => ({ watched, stats: watched.exporter.stats() }));
    return {
      poll: latest(all.map(({ stats }) => stats.poll)) ?? NOT_YET.poll,
      waitsFor: this.#set?.waitsFor() ?? all.flatMap(({ watched }) => watched.readiness.waitsFor()),
      stopping: this.#stopping,
      destinations: all.flatMap(({ watched, stats }) =>
        stats.destinations.map(one => ({ ...one, name: nameIn(watched.netns, one.name) })),
      ),
      table: fullest([...this.#watched].flatMap(one => one.kernel() ?? [])),
      certificates: this.#expiries(all[0]?.watched.exporter.destinations ?? []),
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
}
