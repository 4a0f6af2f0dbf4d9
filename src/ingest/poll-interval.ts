import type { Logger } from '../common/logger.js';

/** Milliseconds between the beginnings of two polls where it is `auto` and polls are cheap; Antrea's default. */
export const LEAST_POLL_INTERVAL = 5_000;
/** A connection that lasts is exported once in so many milliseconds, whatever a poll costs. */
const LONGEST_REPORT = 60_000;
/** The kernel keeps a TCP connection for so many milliseconds after its reset, others for longer (nf_conntrack_tcp_timeout_close). */
const SHORTEST_LINGER = 10_000;
/** What is smaller is not worth a line in the log. */
const NOTABLE = 1.25;

export interface PollIntervalOptions {
  /** Milliseconds between the beginnings of two polls; `auto` for {@link LEAST_POLL_INTERVAL}, and longer where the budget wants it. */
  readonly flowPollInterval: number | 'auto';
  /** Milliseconds between two polls at least, where the interval is `auto`; {@link LEAST_POLL_INTERVAL} where it is absent. */
  readonly leastPollInterval?: number;
  /** Percent of one core that polls may take, where the interval is `auto`. */
  readonly pollBudget: number;
  /** DESTROY events are received: polls alone would miss connections that come and go between two of them. */
  readonly byEvents: () => boolean;
  readonly destinations: readonly { readonly activeFlowExportTimeout: number }[];
  readonly staleConnectionTimeout: number;
  readonly log: Logger;
}

/**
 * The time from one poll to the next: fixed, or as long as keeps polls within their share of a core. What a poll costs is the CPU
 * of the thread that reads the dump, in which the kernel fills it, and that of decoding and merging.
 */
export class PollInterval {
  #options: PollIntervalOptions;
  #least: number;
  #current: number;
  /** Milliseconds of CPU that a poll takes, smoothed: a dearer one counts at once, a cheaper one by half. */
  #cost = 0;
  /** Monotonic milliseconds: the budget allows no poll before. */
  #notBefore = Number.NEGATIVE_INFINITY;
  #logged: number;
  #overBudget = false;

  constructor(options: PollIntervalOptions) {
    this.#options = options;
    this.#least = leastOf(options);
    this.#current = this.#least;
    this.#logged = this.#least;
  }

  /** Takes other settings: the next poll is due by them. */
  change(options: Pick<PollIntervalOptions, 'flowPollInterval' | 'pollBudget' | 'destinations'>): void {
    const { flowPollInterval, pollBudget } = this.#options;
    this.#options = { ...this.#options, ...options };
    if (options.flowPollInterval === flowPollInterval && options.pollBudget === pollBudget) return;
    this.#least = leastOf(this.#options);
    this.#current = this.#least;
    this.#logged = this.#least;
    this.#notBefore = Number.NEGATIVE_INFINITY;
    this.#overBudget = false;
  }

  /** Milliseconds between the beginnings of two polls, as it is now. */
  get current(): number {
    return this.#current;
  }

  /** Percent of one core that polls take at this interval. */
  get share(): number {
    return (this.#cost / this.#current) * 100;
  }

  /** When the poll after one that began then is due in its turn; monotonic milliseconds. */
  next(began: number): number {
    return Math.max(began + this.#least, this.#notBefore);
  }

  /** When the budget allows another poll; monotonic milliseconds. */
  get notBefore(): number {
    return this.#notBefore;
  }

  /** A poll has been made, in turn or not. @param cpu milliseconds; @param began monotonic milliseconds */
  polled(cpu: number, began: number): void {
    this.#cost = Math.max(cpu, (this.#cost + cpu) / 2);
    const { flowPollInterval, pollBudget } = this.#options;
    if (flowPollInterval !== 'auto') return;
    const needed = (this.#cost * 100) / pollBudget;
    const most = this.#longest();
    this.#current = Math.min(Math.max(needed, this.#least), most);
    this.#notBefore = Math.min(Math.max(this.#notBefore, began) + needed, began + most);
    this.#report(needed, most);
  }

  /** Milliseconds that the interval may grow to. */
  #longest(): number {
    const { byEvents, destinations, staleConnectionTimeout } = this.#options;
    const active = destinations.map(({ activeFlowExportTimeout }) => activeFlowExportTimeout);
    const longest = byEvents() ? Math.max(LONGEST_REPORT, ...active) : SHORTEST_LINGER;
    return Math.max(Math.min(longest, staleConnectionTimeout / 2), this.#least);
  }

  #report(needed: number, most: number): void {
    const { pollBudget, log } = this.#options;
    const interval = Math.round(this.#current);
    const change = Math.max(interval / this.#logged, this.#logged / interval);
    if (change >= NOTABLE || (interval === this.#least && this.#logged !== interval)) {
      this.#logged = interval;
      const fields = { pollInterval: interval, pollCpu: Math.round(this.#cost) };
      const why = needed > most ? '' : `, so that polls take no more than ${pollBudget} % of a core (--poll-budget)`;
      log.info(fields, `a poll every ${seconds(interval)} ${interval === this.#least ? 'again' : `from now on${why}`}`);
    }
    if (needed <= most / NOTABLE) this.#overBudget = false;
    if (needed <= most || this.#overBudget) return;
    this.#overBudget = true;
    log.warn(
      { hint: 'Give a larger --poll-budget, or the --flow-poll-interval that you want' },
      `polls take ${Math.round(this.share)} % of a core, above --poll-budget (${pollBudget} %): their interval does not grow beyond ${seconds(most)}`,
    );
  }
}

function leastOf({ flowPollInterval, leastPollInterval = LEAST_POLL_INTERVAL }: PollIntervalOptions): number {
  return flowPollInterval === 'auto' ? leastPollInterval : flowPollInterval;
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 100) / 10} s`;
}
