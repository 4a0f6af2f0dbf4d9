import type { Logger } from '../../common/logger.js';
import { note } from '../../common/terminal/standard-streams.js';
import type { TopPage } from '../../daemon/top/page.js';
import type { TopQuery } from '../../daemon/top/query.js';
import { Top } from '../../daemon/top/top.js';
import { Exporter, EXPORTER_DEFAULTS } from '../../exporter.js';
import type { Source } from '../../sources/source.js';
import { openSource, type SourceSettings } from '../open-source.js';
import { Progress } from '../progress.js';
import type { PageSource } from './page-source.js';

/** Pages of connections that this process polls itself: an exporter without destinations. */
export class OwnPages implements PageSource {
  readonly origin: string;
  readonly #exporter: Exporter;
  readonly #top: Top;
  readonly #log: LastWarning;

  private constructor(origin: string, exporter: Exporter, top: Top, log: LastWarning) {
    this.origin = origin;
    this.#exporter = exporter;
    this.#top = top;
    this.#log = log;
  }

  /**
   * Polls for the first time, and goes on by itself.
   * @param interval milliseconds between two polls at least; more where they would take more than a tenth of a core
   * @throws CtflowError where the connections cannot be read
   */
  static async open(flags: SourceSettings, interval: number): Promise<OwnPages> {
    const { backend, source } = await openSource(flags, note);
    const log = new LastWarning();
    const top = new Top();
    const exporter = new Exporter({
      ...EXPORTER_DEFAULTS,
      backend,
      source,
      destinations: [],
      leastPollInterval: interval,
      // nothing is exported
      shutdownTimeout: 0,
      firstSight: 'total',
      pollHooks: [top.pollHook],
      log,
    });
    top.watch(exporter, source);
    // rates are of two polls, and the first one counts
    top.expect();
    const progress = new Progress(() => 'reads the connections');
    await exporter.open().finally(() => progress.close());
    return new OwnPages(originOf(flags, source), exporter, top, log);
  }

  page(query: TopQuery): Promise<TopPage> {
    return this.#top.page(query);
  }

  get warning(): string | undefined {
    return this.#log.last;
  }

  async close(): Promise<void> {
    await this.#exporter.close();
  }
}

function originOf({ netns }: SourceSettings, { kind }: Source): string {
  if (kind === 'replay') return 'a recording';
  return `own polls (${kind}${netns === undefined ? '' : `, network namespace ${netns}`}), no ctflow run`;
}

/** Milliseconds for which a warning is shown. */
const SHOWN_MS = 10_000;

/** A log of which the last warning is kept for a while: the screen has one line for it. */
class LastWarning implements Logger {
  #last = '';
  #until = Number.NEGATIVE_INFINITY;
  readonly info = (): void => {};
  readonly debug = (): void => {};
  readonly warn = (fields: object | string, message?: string): void => this.#keep(fields, message);
  readonly error = (fields: object | string, message?: string): void => this.#keep(fields, message);

  get last(): string | undefined {
    return performance.now() < this.#until ? this.#last : undefined;
  }

  child(): Logger {
    return this;
  }

  #keep(fields: object | string, message: string | undefined): void {
    this.#until = performance.now() + SHOWN_MS;
    this.#last = typeof fields === 'string' ? fields : (message ?? '');
  }
}
