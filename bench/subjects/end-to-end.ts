import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Backend } from '../../src/backend/backend.js';
import { ConnectionStore } from '../../src/store/connection-store.js';
import { DESTINATION_DEFAULTS } from '../../src/destination/destination-options.js';
import { createLogger } from '../../src/common/logger.js';
import { Poller } from '../../src/ingest/poller.js';
import { CountingSink } from '../host/counting-sink.js';
import { COLLECTOR_PORT } from '../host/kernel-namespace.js';
import { same } from '../same.js';
import { median } from '../results/statistics.js';
import type { Case, Scene, Subject } from '../subject.js';
import { Arrivals } from '../workload/arrivals.js';
import { CaseClock } from '../workload/clock.js';
import { MeasuredDestination } from '../workload/destination.js';
import { KernelTable } from '../workload/kernel-table.js';
import { now } from '../workload/now.js';

/** From the kernel's table to the collector: a poll, and the export of all that is due after it. */
export const endToEnd: Subject = {
  name: 'end-to-end',
  summary: "a poll of the kernel's table and the export of every connection over UDP",
  connections: 20_000,
  kernel: true,
  companion: true,
  packets: true,
  async cases(scene: Scene): Promise<Case[]> {
    const table = await KernelTable.open(scene.family);
    await table.begin(scene.sizes.connections);
    const rounds = new Rounds(table, scene.sizes.gone);
    const cases: Case[] = [];
    for (const [i, backend] of scene.backends.entries()) {
      const one = await pipeline(scene, backend, rounds, COLLECTOR_PORT + i);
      cases.push(i > 0 ? one : { ...one, close: () => Promise.all([one.close!(), table.close()]).then(() => {}) });
    }
    return cases;
  },
};

/** What happens in the kernel between two polls. The backends poll one after the other, and see the same. */
class Rounds {
  current = 0;
  readonly #table: KernelTable;
  readonly #gone: number;

  constructor(table: KernelTable, gone: number) {
    this.#table = table;
    this.#gone = gone;
  }

  /** Some connections end, as many begin, all count. @returns the round that may be polled */
  async after(polled: number): Promise<number> {
    if (polled < this.current) return this.current;
    await this.#table.end(this.#gone);
    await this.#table.count(1);
    await this.#table.begin(this.#gone);
    return ++this.current;
  }
}

async function pipeline(
  { family, sizes: { connections, gone, mtu } }: Scene,
  backend: Backend,
  rounds: Rounds,
  port: number,
): Promise<Case> {
  const records = connections + gone;
  const clock = new CaseClock();
  clock.take();
  const source = backend.openKernel({ filter: {} });
  const store = new ConnectionStore({ maxConnections: records, firstSight: 'total', born: now() });
  const poller = new Poller(source, store, createLogger('error'));
  const sink = await CountingSink.open(family, port);
  const destination = await MeasuredDestination.open(backend, store, sink, mtu);
  const arrivals = await Arrivals.at(sink);
  const delays: number[] = [];
  let round = rounds.current;
  let before = 0;
  const run = async (): Promise<void> => {
    await poller.poll();
    clock.forward(DESTINATION_DEFAULTS.activeFlowExportTimeout);
    await destination.export();
  };
  await run();
  await arrivals.check(connections);
  return {
    name: 'poll and export',
    backend: backend.name,
    parameters: { connections, gone, mtu },
    items: records,
    async prepare() {
      clock.take();
      round = await rounds.after(round);
      before = destination.records;
    },
    async operation() {
      // one for each operation: it would count the time between two as a delay
      const loop = monitorEventLoopDelay({ resolution: 1 });
      loop.enable();
      await run();
      loop.disable();
      delays.push(loop.percentile(99) / 1e9);
    },
    check() {
      same(`incomplete polls of ${backend.name}`, poller.counts.incomplete, 0);
      const sent = destination.records - before;
      same(`records that ${backend.name} has exported`, sent, records);
      return arrivals.check(sent);
    },
    extra: () => ({ ...arrivals.extra(), loopDelayP99: Number(median(delays).toPrecision(3)) }),
    async close() {
      await destination.close();
      await sink.close();
      source.close();
    },
  };
}
