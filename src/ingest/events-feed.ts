import { addCounts } from '../common/add-counts.js';
import { newUnexported, type Unexported } from '../store/unexported.js';
import type { ConntrackEvents, EventsOptions, EventStats } from './conntrack-events.js';
import type { PollHook } from './poll-hook.js';

/** Conntrack events of the network namespaces that an exporter looks at, one after another. */
export class EventsFeed implements PollHook {
  readonly #create: (options: EventsOptions) => ConntrackEvents;
  #now: ConntrackEvents | undefined;
  /** Of the namespaces before. */
  #earlier: EventStats | undefined;

  constructor(create: (options: EventsOptions) => ConntrackEvents) {
    this.#create = create;
  }

  /** @throws CtflowError as ConntrackEvents */
  open(options: EventsOptions): void {
    this.#now = this.#create(options);
  }

  get isReceiving(): boolean {
    return this.#now?.isReceiving ?? false;
  }

  /** As of ConntrackEvents. */
  get untaken(): number {
    return this.#now?.untaken ?? 0;
  }

  /** Undefined where events were never received. */
  stats(): EventStats | undefined {
    return this.#now ? addCounts(this.#earlier, this.#now.stats()) : this.#earlier;
  }

  /** What was lost in all namespaces. @param late connections that events showed too late, as the store has counted them */
  lost(late: Unexported): Unexported {
    if (!this.#now && !this.#earlier) return newUnexported();
    const { lost = 0, unread = 0 } = this.#earlier ?? {};
    const now = this.#now?.lost() ?? late;
    return { ...now, connections: now.connections + lost + unread };
  }

  /** As of ConntrackEvents. */
  async drain(lastWait: Promise<void>, hurry: Promise<void>): Promise<void> {
    await this.#now?.drain(lastWait, hurry);
  }

  close(): void {
    this.#now?.close();
  }

  /** The namespace is gone. */
  async leave(lastWait: Promise<void>, hurry: Promise<void>): Promise<void> {
    const events = this.#now;
    if (!events) return;
    await events.drain(lastWait, hurry);
    events.close();
    this.#now = undefined;
    // the store counts connections from before over all namespaces
    this.#earlier = addCounts(this.#earlier, { ...events.stats(), pollOnly: 0 });
  }

  async beforeMerge(): Promise<void> {
    await this.#now?.beforeMerge();
  }

  async afterDump(): Promise<void> {
    await this.#now?.afterDump();
  }

  async afterPoll(complete: boolean): Promise<void> {
    await this.#now?.afterPoll(complete);
  }
}
