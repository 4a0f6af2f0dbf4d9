import type { Backend } from '../../src/backend/backend.js';
import { filterWords } from '../../src/row/filter.js';
import { HOST_LITTLE_ENDIAN } from '../../src/common/u64.js';
import { ROW_SIZE } from '../../src/row/layout.generated.js';
import { loadFloors } from '../host/floors.js';
import { same, sameBytes } from '../same.js';
import type { Case, Scene, Subject } from '../subject.js';
import { Connections } from '../workload/connections.js';
import { dumpOf } from '../workload/netlink.js';

const ROWS_A_BATCH = 1024;
const EVERYTHING = filterWords({});

/** Netlink bytes to rows, a kernel's read a call. */
export const decode: Subject = {
  name: 'decode',
  summary: 'netlink bytes of a dump to rows',
  connections: 10_000,
  floor: true,
  cases({ backends, family, sizes }: Scene): Case[] {
    const numbers = Array.from({ length: sizes.connections }, (_, i) => i);
    const rows = new Connections(family).batches(numbers, 1, ROWS_A_BATCH);
    const reads = dumpOf(rows);
    const out = new Uint8Array(ROWS_A_BATCH * ROW_SIZE);
    const expected = Buffer.concat(rows.map(batch => batch.bytes.subarray(0, batch.count * ROW_SIZE)));
    for (const backend of backends) {
      sameBytes('the rows of the backends', decodeAll(backend, reads, sizes.connections), expected);
    }
    const ours = backends.map((backend): Case => ({
      name: 'decode',
      backend: backend.name,
      parameters: { connections: sizes.connections },
      items: sizes.connections,
      repeatable: true,
      operation() {
        let decoded = 0;
        for (const read of reads) decoded += backend.decode(read, HOST_LITTLE_ENDIAN, EVERYTHING, out).rows;
        same('rows', decoded, sizes.connections);
      },
    }));
    return [...walkCase(reads, sizes.connections), ...ours];
  },
};

/** The floor: every attribute is passed, none is read. */
function walkCase(reads: readonly Uint8Array[], connections: number): Case[] {
  const floors = loadFloors();
  if (!floors) return [];
  return [
    {
      name: 'walk the attributes',
      backend: 'floor',
      parameters: { connections },
      items: connections,
      repeatable: true,
      operation() {
        let entries = 0;
        for (const read of reads) entries += floors.walkAttributes(read, HOST_LITTLE_ENDIAN).entries;
        same('entries walked', entries, connections);
      },
    },
  ];
}

function decodeAll(backend: Backend, reads: readonly Uint8Array[], connections: number): Uint8Array {
  const rows = new Uint8Array(connections * ROW_SIZE);
  let count = 0;
  for (const read of reads) {
    count += backend.decode(read, HOST_LITTLE_ENDIAN, EVERYTHING, rows.subarray(count * ROW_SIZE)).rows;
  }
  same(`rows of ${backend.name}`, count, connections);
  return rows;
}
