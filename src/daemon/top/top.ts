import { setTimeout as sleep } from 'node:timers/promises';
import type { SnatPorts } from '../../config/snat-ports.js';
import type { Exporter } from '../../exporter.js';
import type { PollHook } from '../../ingest/poll-hook.js';
import type { Source } from '../../sources/source.js';
import { Allowance } from '../allowance.js';
import { kernelTable } from '../kernel-table.js';
import { DeniedRanking } from './denied-ranking.js';
import { TableGrowth } from '../table-growth.js';
import type { TopPage } from './page.js';
import { PressureCounts } from './pressure-counts.js';
import { type PressurePage, PRESSURES } from './pressure-page.js';
import type { PressureQuery, TopQuery } from './query.js';
import { Ranking } from './ranking.js';
import { Rates } from './rates.js';
import { pageWithPorts, withPorts } from './snat-ports.js';

/** Milliseconds a second that looks at the connections take at most, whoever asks and however often: a tenth of a core. */
const MOST_PER_SECOND = 100;
/** So many seconds of them are saved: who presses a few keys waits for none. */
const SAVED = 5;
/** Groups of each kind where entries are counted: 20 MB, if there are as many. */
const MOST_COUNTED = 1 << 18;

/** What there is to look at. */
interface Watched {
  readonly exporter: Exporter;
  readonly source: Source;
  readonly rates: Rates;
  readonly ranking: Ranking;
  readonly denied: DeniedRanking | undefined;
}

/** Pages of the connections of an exporter, for people: one look at all of them for each page. */
export class Top {
  /** How the kernel's table fills, by a look with each poll. */
  readonly growth = new TableGrowth();
  #watched: Watched | undefined;
  /** The page that is being made, or the last one. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #allowance = new Allowance(MOST_PER_SECOND, SAVED);
  /** The last poll saw the whole table. */
  #complete = false;
  readonly #snatPorts: readonly SnatPorts[];

  /** @param snatPorts what the settings say of the ports of translated sources */
  constructor(snatPorts: readonly SnatPorts[] = []) {
    this.#snatPorts = snatPorts;
  }

  /** For the exporter that will be watched. */
  readonly pollHook: PollHook = {
    afterPoll: async complete => {
      this.#complete = complete;
      if (this.#watched) this.growth.observe(kernelTable(this.#watched.source));
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
    return this.#inTurn(() => this.#make(query));
  }

  /** Who fills the kernel's table, by what the last poll saw; in turn with the pages. */
  pressure(query: PressureQuery): Promise<PressurePage> {
    return this.#inTurn(() => this.#count(query));
  }

  async #inTurn<Page>(make: () => Promise<Page>): Promise<Page> {
    const page = this.#last.then(async () => {
      const { wait } = this.#allowance;
      if (wait > 0) await sleep(wait);
      return make();
    });
    this.#last = page.catch(() => {}); // whoever asked hears of it
    return page;
  }

  async #count({ rows }: PressureQuery): Promise<PressurePage> {
    const { exporter, source } = this.#watched!;
    const { flows, names, polledAt } = exporter.stored;
    // kept for nobody: it is not asked for again and again
    const { spent, found } = await new PressureCounts(flows[0], names, MOST_COUNTED, PRESSURES).count(rows);
    this.#allowance.spend(spent);
    const table = kernelTable(source);
    const forecast = this.growth.forecast();
    const { snat } = found.groups;
    return {
      ...found,
      groups: { ...found.groups, snat: { ...snat, lines: withPorts(snat.lines, this.#snatPorts) } },
      complete: this.#complete,
      polledAt: polledAt().monotonic,
      ...(table && { table }),
      ...(forecast && { forecast }),
    };
  }

  async #make(query: TopQuery): Promise<TopPage> {
    const { exporter, source, rates, ranking, denied } = this.#watched!;
    rates.ask();
    // a recording is of its own time
    const now = source.kind === 'replay' ? exporter.stored.polledAt().wall : Date.now();
    const { spent, found } = await ranking.rank(query, now);
    const refused = query.deniedRows > 0 ? await denied?.rank(query, now) : undefined;
    this.#allowance.spend(spent + (refused?.spent ?? 0));
    const table = kernelTable(source);
    const forecast = this.growth.forecast();
    const accounting = source.sysctl('nf_conntrack_acct')?.trim();
    const page: TopPage = {
      ...found,
      polls: exporter.stats().poll.polls,
      ...(table && { table }),
      ...(forecast && { forecast }),
      ...(accounting !== undefined && { accounting: accounting === '1' }),
      ...(rates.span !== undefined && { rateSpan: rates.span }),
      ...(refused && { denied: refused.found }),
    };
    return pageWithPorts(page, query, this.#snatPorts);
  }
}
