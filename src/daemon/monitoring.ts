import type { Logger } from '../common/logger.js';
import type { DestinationOptions } from '../destination/destination-options.js';
import type { Exporter } from '../exporter.js';
import type { PollHook } from '../ingest/poll-hook.js';
import type { Source } from '../sources/source.js';
import { type Answer, HttpServer, type ListenAddress, text } from './http-server.js';
import { certificateExpiries, type CertificateExpiry } from './metrics/certificates.js';
import { exposition, EXPOSITION_TYPE, type Snapshot } from './metrics/exposition.js';
import { Timings } from './metrics/timings.js';

/** Files of certificates are read again after so many milliseconds. */
const CERTIFICATES_MS = 60_000;

/** What is watched. */
export interface Watched {
  readonly exporter: Exporter;
  readonly source: Source;
  readonly destinations: readonly (DestinationOptions & { readonly name: string })[];
}

/** Metrics over HTTP. */
export class Monitoring {
  readonly #timings = new Timings();
  #server: HttpServer | undefined;
  #watched: Watched | undefined;
  /** The answer that is being made: all that ask meanwhile get the same. */
  #answer: Promise<Answer> | undefined;
  #certificates: readonly CertificateExpiry[] = [];
  #certificatesAt = Number.NEGATIVE_INFINITY;

  /** @throws CtflowError CTFLOW_ADDRESS where it cannot listen there */
  static async open(address: ListenAddress, log: Logger): Promise<Monitoring> {
    const monitoring = new Monitoring();
    try {
      const routes = { '/metrics': () => monitoring.#metrics() };
      monitoring.#server = await HttpServer.open(address, routes, log);
    } catch (error) {
      monitoring.#timings.close();
      throw error;
    }
    log.info({ url: monitoring.url }, 'metrics are served');
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
  }

  async close(): Promise<void> {
    this.#timings.close();
    await this.#server?.close();
  }

  #metrics(): Promise<Answer> {
    this.#answer ??= this.#expose().finally(() => (this.#answer = undefined));
    return this.#answer;
  }

  async #expose(): Promise<Answer> {
    if (!this.#watched) return text(503, 'ctflow starts\n');
    const body = await exposition(this.#snapshot(this.#watched), this.#timings);
    return { status: 200, type: EXPOSITION_TYPE, body };
  }

  #snapshot({ exporter, source, destinations }: Watched): Snapshot {
    const now = performance.now();
    if (now - this.#certificatesAt >= CERTIFICATES_MS) {
      this.#certificates = certificateExpiries(destinations);
      this.#certificatesAt = now;
    }
    const stats = exporter.stats();
    const certificates = this.#certificates;
    return { exporter: stats, process: { backend: stats.backend, source: source.kind, certificates } };
  }
}
