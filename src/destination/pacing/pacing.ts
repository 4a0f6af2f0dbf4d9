import type { DestinationEndpoint } from '../../common/destination-endpoint.js';
import { isDatagram } from '../../common/endpoint.js';
import type { Batcher } from '../batchers/batcher.js';
import { BURST, Pacer } from './pacer.js';
import type { Session } from '../session.js';
import { Spread } from './spread.js';

/** Records a second: a number that holds always, `auto` to spread over UDP what one poll makes due, `off` for no limit. */
export type MaxRate = number | 'auto' | 'off';

/** Connections looked at in a row at most. */
const SLICE = 2048;
/** A burst ends when it has room for fewer datagrams: a batch of few records fills its last datagram badly. */
const TOO_FEW = 16;
/** Milliseconds between two plans at least; what is due is counted for each, so that many are counted seldom. */
const PLAN_MS = 100;
const DUE_PER_MS = 200;
/** Connections counted in a row: a millisecond's work. */
const COUNT_SLICE = 16_384;
/** Records a second of a shutdown at least, where no rate was given. */
const SHUTDOWN_RATE = 20_000;

/** Milliseconds. */
export interface PacingTimes {
  /** From one poll to the next, as it is now. */
  readonly pollInterval: () => number;
  readonly staleConnectionTimeout: number;
  /** How many polls are over. */
  readonly polls: () => number;
}

/** Undefined where nothing holds a destination back: a TCP collector does so by itself. */
export function pacingOf(
  { maxRate, endpoint }: { readonly maxRate: MaxRate; readonly endpoint: DestinationEndpoint },
  times: PacingTimes,
  batchers: readonly Batcher[],
  session: Session,
): Pacing | undefined {
  if (typeof maxRate !== 'number' && (maxRate !== 'auto' || !isDatagram(endpoint))) return undefined;
  return new Pacing(maxRate, times, batchers, session);
}

/** Exports what is due in bursts of at most {@link BURST} datagrams, at a rate. */
export class Pacing {
  readonly #batchers: readonly Batcher[];
  readonly #session: Session;
  readonly #pacer: Pacer;
  readonly #spread: Spread | undefined;
  readonly #times: PacingTimes;
  /** Monotonic milliseconds. */
  #nextPlan = 0;
  #plannedPolls = -1;
  /** What is due is being counted, for the next plan. */
  #counting: Generator<undefined, number> | undefined;
  #more = false;

  constructor(maxRate: number | 'auto', times: PacingTimes, batchers: readonly Batcher[], session: Session) {
    this.#batchers = batchers;
    this.#session = session;
    this.#times = times;
    const fixed = maxRate !== 'auto';
    this.#pacer = new Pacer(fixed ? maxRate : SHUTDOWN_RATE);
    this.#spread = fixed ? undefined : new Spread(times.staleConnectionTimeout);
  }

  /** Milliseconds until the next burst; 0 for the next turn of the event loop. */
  get wait(): number {
    return this.#counting ? 0 : this.#pacer.wait;
  }

  /** An export begins: unless it goes on with what the last one left, what is due may be anything. */
  begin(): void {
    if (this.#more) return;
    this.#nextPlan = 0;
    this.#counting = undefined;
  }

  /** Everything is due. @param timeLimit milliseconds that it may take */
  shutDown(timeLimit: number): void {
    this.#nextPlan = Number.POSITIVE_INFINITY;
    this.#counting = undefined;
    if (!this.#spread) return;
    // half the time is for what goes wrong
    const due = this.#countDue(performance.now(), Number.MAX_SAFE_INTEGER).next().value ?? 0;
    const needed = (due * 2_000) / timeLimit;
    this.#pacer.rate = Math.max(SHUTDOWN_RATE, needed);
  }

  /** Sends a burst. @returns whether more is due */
  burst(): boolean {
    const now = performance.now();
    this.#planIfDue(now);
    const { counts } = this.#session;
    const { records, messages } = counts;
    const allowance = this.#pacer.allowance(now);
    let more = true;
    for (let sent = 0; more;) {
      const room = Math.min(allowance - sent, BURST - (counts.messages - messages));
      if (room < (sent > 0 ? TOO_FEW : 1)) break;
      more = this.#export(room);
      // the rest had nothing to export, or the transport takes no more
      if (counts.records - records === sent) break;
      sent = counts.records - records;
    }
    this.#pacer.spend(counts.records - records, more);
    this.#more = more;
    return more;
  }

  /** @param room records at most, so that they need no more datagrams */
  #export(room: number): boolean {
    const { counts } = this.#session;
    const end = counts.records + room;
    let more = false;
    for (const batcher of this.#batchers) more = batcher.export(SLICE, end - counts.records) || more;
    return more;
  }

  /** The rate stays as it is while what is due is counted. */
  #planIfDue(now: number): void {
    if (!this.#spread) return;
    if (!this.#counting) {
      const polls = this.#times.polls();
      if (now < this.#nextPlan && (polls === this.#plannedPolls || this.#nextPlan === Infinity)) return;
      this.#plannedPolls = polls;
      this.#counting = this.#countDue(now, COUNT_SLICE);
    }
    const { done, value: due } = this.#counting.next();
    if (!done) return;
    this.#counting = undefined;
    const ended = this.#batchers.reduce((sum, batcher) => sum + batcher.ended, 0);
    this.#pacer.rate = this.#spread.plan({ due, ended, polls: this.#plannedPolls }, this.#times.pollInterval(), now);
    this.#nextPlan = now + Math.max(PLAN_MS, due / DUE_PER_MS);
  }

  *#countDue(now: number, slice: number): Generator<undefined, number> {
    let due = 0;
    for (const batcher of this.#batchers) due += yield* batcher.countDue(now, slice);
    return due;
  }
}
