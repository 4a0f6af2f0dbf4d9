import { setTimeout as sleep } from 'node:timers/promises';
import type { Exporter } from '../../exporter.js';
import type { PollHook } from '../../ingest/poll-hook.js';
import type { Source } from '../../sources/source.js';
import { Allowance } from '../allowance.js';
import { kernelTable } from '../kernel-table.js';
import { DeniedRanking } from './denied-ranking.js';
import type { TopPage } from './page.js';
import type { TopQuery } from './query.js';
import { Ranking } from './ranking.js';
import { Rates } from './rates.js';

/** Milliseconds a second that looks at the connections take at most, whoever asks and however often: a tenth of a core. */
const MOST_PER_SECOND = 100;
/** So many seconds of them are saved: who presses a few keys waits for none. */
const SAVED = 3;

/** What there is to look at. */
interface Watched {
  readonly exporter: Exporter;
  readonly source: Source;
  readonly rates: Rates;
  readonly ranking: Ranking;
  readonly denied: DeniedRanking | undefined;
}

/** Pages of the connections of an exporter, for screens: one look at all of them for each page. */
export class Top {
  #watched: Watched | undefined;
  /** The page that is being made, or the last one. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #allowance = new Allowance(MOST_PER_SECOND, SAVED);

  /** For the exporter that will be watched. */
  readonly pollHook: PollHook = {
    afterPoll: async complete => {
      await this.#watched?.rates.afterPoll(complete);
      if (this.#watched?.rates.isKept === false) this.#watched.ranking.rest();
    },
  };

  /** From now on there are pages of these. */
  watch(exporter: Exporter, source: Source): void {
    const { flows, names, polledAt } = exporter.stored;
    const [connections, denied] = flows;
    const rates = new Rates({
      table: connections.store.table,
      polledAt,
      replayed: source.kind === 'replay',
    });
    const ranking = new Ranking(connections, names, rates);
    this.#watched = { exporter, source, rates, ranking, denied: denied && new DeniedRanking(denied, names) };
  }

  /** Somebody is about to ask: rates are known after two polls from now on. */
  expect(): void {
    this.#watched!.rates.ask();
  }

  /** One page after another, in the order in which they are asked for. */
  page(query: TopQuery): Promise<TopPage> {
    const page = this.#last.then(() => this.#make(query));
    this.#last = page.catch(() => {}); // whoever asked hears of it
    return page;
  }

  async #make(query: TopQuery): Promise<TopPage> {
    const { exporter, source, rates, ranking, denied } = this.#watched!;
    rates.ask();
    const { wait } = this.#allowance;
    if (wait > 0) await sleep(wait);
    // a recording is of its own time
    const now = source.kind === 'replay' ? exporter.stored.polledAt().wall : Date.now();
    const { spent, found } = await ranking.rank(query, now);
    const refused = query.deniedRows > 0 ? await denied?.rank(query, now) : undefined;
    this.#allowance.spend(spent + (refused?.spent ?? 0));
    const table = kernelTable(source);
    const accounting = source.sysctl('nf_conntrack_acct')?.trim();
    return {
      ...found,
      polls: exporter.stats().poll.polls,
      ...(table && { table }),
      ...(accounting !== undefined && { accounting: accounting === '1' }),
      ...(rates.span !== undefined && { rateSpan: rates.span }),
      ...(refused && { denied: refused.found }),
    };
  }
}
