import { setTimeout as sleep } from 'node:timers/promises';
import { Exporter, EXPORTER_DEFAULTS } from '../../src/exporter.js';
import { createLogger } from '../../src/common/logger.js';
import { Companion } from '../host/companion.js';
import { CountingSink } from '../host/counting-sink.js';
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
/** Of a connection: create, delete and end. */
const RECORDS = 3;
/** Where IPv6 is measured. */
const NAT66 = [200, 201] as const;

/**
 * Profile nat, from the NEW and DESTROY events of translated connections to the records on the wire, against reading the datagrams
 * of the same events. Both are at work while connections begin and end; the CPU is the cost.
 */
export const nat: Subject = {
  name: 'nat',
  summary: 'NEW and DESTROY events of translated connections to the records of profile nat: native',
  connections: 20_000,
  kernel: true,
  companion: true,
  packets: true,
  async cases(scene: Scene): Promise<Case[]> {
    const native = scene.backends.find(({ name }) => name === 'native');
    if (!native) return [];
    const table = await KernelTable.openTranslated(scene.family);
    const { connections, mtu } = scene.sizes;
    const parameters = { connections, mtu };
    let running: Case;
    let facts = {};
    return [
      await readCase(scene, table),
      {
        name: 'events to records',
        backend: native.name,
        parameters,
        items: connections,
        async prepare() {
          running = await runningCase(scene, native, table);
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
  },
};

/** The floor: the datagrams of the events are read and thrown away. */
async function readCase({ sizes: { connections, mtu } }: Scene, table: KernelTable): Promise<Case> {
  const reader = await Companion.start('events', String(EXPORTER_DEFAULTS.eventBuffer), 'new,destroy');
  const wanted = connections * 2;
  let datagrams = 0;
  return {
    name: 'read the datagrams',
    backend: 'kernel',
    parameters: { connections, mtu },
    items: connections,
    async prepare() {
      await reader.ask('join');
    },
    async operation(): Promise<Times> {
      const began = process.hrtime.bigint();
      const reading = reader.ask<{ datagrams: number; cpu: number }>(`read ${wanted}`);
      await table.begin(connections);
      await table.end(connections);
      const { cpu, ...read } = await reading;
      datagrams = read.datagrams;
      return { wall: Number(process.hrtime.bigint() - began) / 1e9, cpu };
    },
    check: () => (datagrams === wanted ? undefined : `${datagrams} of ${wanted} events were read`),
    close: () => reader.close(),
  };
}

async function runningCase({ family, sizes }: Scene, backend: Scene['backends'][0], table: KernelTable): Promise<Case> {
  const { connections, mtu } = sizes;
  const sink = await CountingSink.open(family, COLLECTOR_PORT);
  const { eventBuffer: receiveBuffer, holdEnded } = EXPORTER_DEFAULTS;
  const exporter = new Exporter({
    ...EXPORTER_DEFAULTS,
    flowPollInterval: NO_POLL_MS,
    backend,
    source: backend.openKernel({ filter: {} }),
    events: { kind: 'destroy', filter: {}, receiveBuffer, holdEnded, earlierHaveNone: false },
    nat66Events: NAT66,
    destinations: [{ ...destinationOptions(sink, mtu), profile: 'nat' }],
    log: createLogger('error'),
  });
  await exporter.open();
  const arrivals = await Arrivals.at(sink);
  const records = connections * RECORDS;
  return {
    name: 'events to records',
    backend: backend.name,
    parameters: { connections, mtu },
    items: connections,
    async operation() {
      await table.begin(connections);
      await table.end(connections);
      for (let waited = 0; exporter.stats().recordsExported < records; waited += LOOK_MS) {
        if (waited > PATIENCE_MS) throw new Error('events are missing');
        await sleep(LOOK_MS);
      }
    },
    check() {
      const { created, deleted, lateFromPoll, lateFromDestroy } = exporter.stats().nat!;
      same('create events', created, connections);
      same('delete events', deleted, connections);
      same('records exported', exporter.stats().recordsExported, records);
      const late = lateFromPoll + lateFromDestroy;
      return late > 0 ? `${late} create events were late` : arrivals.check(records);
    },
    extra: () => ({ ...arrivals.extra(), overrun: exporter.stats().events!.overrun }),
    async close() {
      await exporter.close();
      await sink.close();
    },
  };
}
