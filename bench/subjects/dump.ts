import type { Backend } from '../../src/backend/backend.js';
import { ConnectionStore } from '../../src/store/connection-store.js';
import { ORIG_PACKETS, ROW_SIZE, START_NS, STATE } from '../../src/row/layout.generated.js';
import { createLogger } from '../../src/common/logger.js';
import { Poller } from '../../src/ingest/poller.js';
import type { Source } from '../../src/sources/source.js';
import { Companion } from '../host/companion.js';
import { same, sameBytes } from '../same.js';
import type { Case, Scene, Subject, Times } from '../subject.js';
import { KernelTable } from '../workload/kernel-table.js';
import { now } from '../workload/now.js';

/** The kernel's table: as the kernel sends it, as rows, and merged into a store. */
export const dump: Subject = {
  name: 'dump',
  summary: "the kernel's table: thrown away as it comes, as rows, and merged (a whole poll)",
  connections: 20_000,
  kernel: true,
  companion: true,
  async cases({ backends, family, sizes: { connections } }: Scene): Promise<Case[]> {
    const table = await KernelTable.open(family);
    await table.begin(connections);
    const sources = backends.map(backend => ({ backend, source: backend.openKernel({ filter: {} }) }));
    let expected: Uint8Array | undefined;
    for (const { source } of sources) {
      const rows = await comparable(source, connections);
      expected ??= rows;
      sameBytes('the rows of the backends', rows, expected);
    }
    const parameters = { connections };
    const rawDump = await Companion.start('raw-dump');
    const floor: Case = {
      name: 'raw dump',
      backend: 'kernel',
      parameters,
      items: connections,
      operation: () => rawDump.ask<Times>('dump'),
      async close() {
        await rawDump.close();
        await table.close();
      },
    };
    return [
      floor,
      ...sources.map(({ backend, source }) => dumpCase(backend, source, connections)),
      ...backends.map(backend => pollCase(backend, connections)),
    ];
  },
};

function dumpCase({ name }: Backend, source: Source, connections: number): Case {
  let rows = 0;
  return {
    name: 'dump',
    backend: name,
    parameters: { connections },
    items: connections,
    async operation() {
      const summary = await source.dump(() => {});
      rows = summary?.rows ?? 0;
    },
    check() {
      same(`rows of ${name}`, rows, connections);
      return undefined;
    },
    close: () => source.close(),
  };
}

function pollCase(backend: Backend, connections: number): Case {
  const source = backend.openKernel({ filter: {} });
  const store = new ConnectionStore({ maxConnections: connections, firstSight: 'total', born: now() });
  const poller = new Poller(source, store, createLogger('error'));
  return {
    name: 'poll',
    backend: backend.name,
    parameters: { connections },
    items: connections,
    async operation() {
      await poller.poll();
    },
    check() {
      same(`connections in the store of ${backend.name}`, store.size, connections);
      same(`incomplete polls of ${backend.name}`, poller.counts.incomplete, 0);
      return undefined;
    },
    close: () => source.close(),
  };
}

/** The rows of a dump in an order of their own, without what netlink alone reports: tuples and counters. */
async function comparable(source: Source, connections: number): Promise<Uint8Array> {
  const rows: Buffer[] = [];
  await source.dump(({ bytes, count }) => {
    for (let i = 0; i < count; i++) {
      const row = Buffer.from(bytes.subarray(i * ROW_SIZE, (i + 1) * ROW_SIZE));
      rows.push(Buffer.concat([row.subarray(0, STATE), row.subarray(ORIG_PACKETS, START_NS)]));
    }
  });
  same(`rows of ${source.kind}`, rows.length, connections);
  return Buffer.concat(rows.sort(Buffer.compare));
}
