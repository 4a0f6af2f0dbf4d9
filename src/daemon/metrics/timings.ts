import { Histogram, type Registry } from 'prom-client';
import type { PollHook } from '../../ingest/poll-hook.js';

/** Milliseconds between two looks at the event loop. */
const TICK_MS = 50;

/** The metrics that are measured here and read from nothing. */
export const TIMING_METRICS = [
  {
    name: 'ctflow_poll_duration_seconds',
    help: 'Time from the request for a dump until all of it is in the store.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  {
    name: 'ctflow_event_loop_delay_seconds',
    help: `How late a timer of ${TICK_MS} ms was: other work of ctflow waits as long.`,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  },
] as const;

/** How long polls take, and how late the event loop is. */
export class Timings {
  readonly #polls: Histogram;
  readonly #loop: Histogram;
  readonly #timer: NodeJS.Timeout;
  #ticked = performance.now();

  constructor() {
    const [polls, loop] = TIMING_METRICS.map(
      ({ name, help, buckets }) => new Histogram({ name, help, buckets: [...buckets], registers: [] }),
    );
    this.#polls = polls;
    this.#loop = loop;
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** The last hook of a poll; another one for each exporter. */
  get pollHook(): PollHook {
    let began = 0;
    return {
      beforeDump: () => void (began = performance.now()),
      afterPoll: () => this.#polls.observe((performance.now() - began) / 1000),
    };
  }

  register(registry: Registry): void {
    registry.registerMetric(this.#polls);
    registry.registerMetric(this.#loop);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    this.#loop.observe(Math.max(now - this.#ticked - TICK_MS, 0) / 1000);
    this.#ticked = now;
  }
}
