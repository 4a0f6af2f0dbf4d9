import type { Backend } from '../../src/backend/backend.js';
import { Exporter, EXPORTER_DEFAULTS } from '../../src/exporter.js';
import { createLogger } from '../../src/common/logger.js';
import { Companion } from '../host/companion.js';
import { CountingSink } from '../host/counting-sink.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { COLLECTOR_PORT } from '../host/kernel-namespace.js';
import { same } from '../same.js';
import type { Case, Scene, Subject, Times } from '../subject.js';
import { Arrivals } from '../workload/arrivals.js';
import { destinationOptions } from '../workload/destination.js';
import { KernelTable } from '../workload/kernel-table.js';

/** No second poll while it is measured. */
const NO_POLL_MS = 2 ** 31 - 1;
const LOOK_MS = 10;
/** Milliseconds after which an event is taken for lost. */
const PATIENCE_MS = 30_000;

/**
 * From the DESTROY event to the record on the wire. Connections begin and end between two polls, so that all that is known of
 * them comes from their events. The clock tells how fast they end; the CPU is the cost.
 */
export const events: Subject = {
  name: 'events',
  summary: 'DESTROY events to records on the wire, no polls: native',
  connections: 20_000,
  kernel: true,
  companion: true,
  packets: true,
  async cases(scene: Scene): Promise<Case[]> {
    const native = scene.backends.find(({ name }) => name === 'native');
    if (!native) return [];
    return eventCases(scene, native, await KernelTable.open(scene.family));
  },
};

/**
 * The floor, and ctflow from event to record. Each runs in its own turn alone: who listens while another is measured takes a core
 * from it.
 * @param table whose connections begin and end; closing the cases closes it
 */
export async function eventCases(scene: Scene, backend: Backend, table: KernelTable): Promise<Case[]> {
  const { connections, mtu } = scene.sizes;
  let running: Case;
  let facts = {};
  return [
    await readCase(scene, table),
    {
      name: 'event to record',
      backend: backend.name,
      parameters: { connections, mtu },
      items: connections,
      async prepare() {
        running = await runningCase(scene, backend, table);
        await running.prepare!();
      },
      operation: () => running.operation(),
      async check() {
        const reason = await running.check!();
        facts = running.extra!();
        await running.close!();
        return reason;
      },
      extra: () => facts,
      close: () => table.close(),
    },
  ];
}

/** The floor: the datagrams of the events are read and thrown away. */
export async function readCase({ sizes: { connections, mtu } }: Scene, table: KernelTable): Promise<Case> {
  const reader = await Companion.start('events', String(EXPORTER_DEFAULTS.eventBuffer), 'destroy');
  let datagrams = 0;
  return {
    name: 'read the datagrams',
    backend: 'kernel',
    parameters: { connections, mtu },
    items: connections,
    async prepare() {
      await table.begin(connections);
      await reader.ask('join');
    },
    async operation(): Promise<Times> {
      const began = process.hrtime.bigint();
      const reading = reader.ask<{ datagrams: number; cpu: number }>(`read ${connections}`);
      await table.end(connections);
      const { cpu, ...read } = await reading;
      datagrams = read.datagrams;
      return { wall: Number(process.hrtime.bigint() - began) / 1e9, cpu };
    },
    check: () => (datagrams === connections ? undefined : `${datagrams} of ${connections} events were read`),
    close: () => reader.close(),
  };
}

async function runningCase({ family, sizes }: Scene, backend: Backend, table: KernelTable): Promise<Case> {
  const { connections, mtu } = sizes;
  const sink = await CountingSink.open(family, COLLECTOR_PORT);
  const { eventBuffer: receiveBuffer, holdEnded } = EXPORTER_DEFAULTS;
  const exporter = new Exporter({
    ...EXPORTER_DEFAULTS,
    flowPollInterval: NO_POLL_MS,
    backend,
    source: backend.openKernel({ filter: {} }),
    events: { kind: 'destroy', filter: {}, receiveBuffer, holdEnded, earlierHaveNone: false },
    destinations: [destinationOptions(sink, mtu)],
    log: createLogger('error'),
  });
  await exporter.open();
  const arrivals = await Arrivals.at(sink);
  let before = 0;
  return {
    name: 'event to record',
    backend: backend.name,
    parameters: { connections, mtu },
    items: connections,
    async prepare() {
      await table.begin(connections);
      before = exporter.stats().recordsExported;
    },
    async operation() {
      await table.end(connections);
      for (let waited = 0; exporter.stats().recordsExported < before + connections; waited += LOOK_MS) {
        if (waited > PATIENCE_MS) throw new Error('events are missing');
        await sleep(LOOK_MS);
      }
    },
    check() {
      same('connections known from events', exporter.stats().store.unseen % connections, 0);
      same('records exported', exporter.stats().recordsExported - before, connections);
      return arrivals.check(connections);
    },
    extra: () => ({ ...arrivals.extra(), overrun: exporter.stats().events!.overrun }),
    async close() {
      await exporter.close();
      await sink.close();
    },
  };
}
