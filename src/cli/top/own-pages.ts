import type { TopPage } from '../../daemon/top/page.js';
import type { TopQuery } from '../../daemon/top/query.js';
import { openOwnExporter, type OwnExporter } from './own-exporter.js';
import type { PageSource, TopSource } from './page-source.js';

/** Milliseconds for which a warning is shown. */
const SHOWN_MS = 10_000;

/** Pages of connections that this process polls itself. */
export class OwnPages implements PageSource {
  readonly origin: string;
  readonly #own: OwnExporter;
  readonly #warnings: LastWarning;

  private constructor(own: OwnExporter, warnings: LastWarning) {
    this.origin = own.origin;
    this.#own = own;
    this.#warnings = warnings;
  }

  /**
   * Polls for the first time, and goes on by itself.
   * @param interval milliseconds between two polls at least; more where they would take more than a tenth of a core
   * @throws CtflowError where the connections cannot be read
   */
  static async open(flags: TopSource, interval: number): Promise<OwnPages> {
    const warnings = new LastWarning();
    const own = await openOwnExporter(
      flags,
      { leastPollInterval: interval },
      message => warnings.keep(message),
      // rates are of two polls, and the first one counts
      top => top.expect(),
    );
    return new OwnPages(own, warnings);
  }

  page(query: TopQuery): Promise<TopPage> {
    return this.#own.top.page(query);
  }

  get warning(): string | undefined {
    return this.#warnings.last;
  }

  async close(): Promise<void> {
    await this.#own.exporter.close();
  }
}

/** The last warning is kept for a while: the screen has one line for it. */
class LastWarning {
  #last = '';
  #until = Number.NEGATIVE_INFINITY;

  get last(): string | undefined {
    return performance.now() < this.#until ? this.#last : undefined;
  }

  keep(message: string): void {
    this.#until = performance.now() + SHOWN_MS;
    this.#last = message;
  }
}
