import { USED } from '../../src/encoder/request.js';
import { createProfile } from '../../src/ipfix/profile.js';
import { ROW_SIZE } from '../../src/row/layout.generated.js';
import { loadFloors } from '../host/floors.js';
import { same, sameBytes } from '../same.js';
import type { Case, Scene, Subject } from '../subject.js';
import { Connections } from '../workload/connections.js';
import { headersOf } from '../workload/packets.js';
import { EncodedTable } from '../workload/records.js';

const ROWS_A_BATCH = 1024;
/** Rows of which the floor copies the bytes at a time, about as many as the messages of one send have. */
const ROWS_A_COPY = 512;

/** Connections of a store to IPFIX messages, as many a call as a destination has. */
export const encode: Subject = {
  name: 'encode',
  summary: 'connections of a store to IPFIX messages, profile standard',
  connections: 10_000,
  packets: true,
  floor: true,
  cases({ backends, family, sizes }: Scene): Case[] {
    const profile = createProfile('standard', 'reverse', false);
    const numbers = Array.from({ length: sizes.connections }, (_, i) => i);
    const rows = new Connections(family).batches(numbers, 1, ROWS_A_BATCH);
    const limit = sizes.mtu - headersOf(family);
    const tables = backends.map(backend => new EncodedTable(backend, rows, profile, limit));
    const [expected, ...others] = tables.map(table => allMessages(table, sizes.connections));
    for (const other of others) sameBytes('the messages of the backends', other, expected);
    const ours = backends.map((backend, i): Case => ({
      name: 'encode',
      backend: backend.name,
      parameters: { connections: sizes.connections, mtu: sizes.mtu },
      items: sizes.connections,
      repeatable: true,
      operation() {
        same(
          'records',
          tables[i].encode(() => {}),
          sizes.connections,
        );
      },
    }));
    return [...copyCase(tables[0].rows, expected.length, ours[0]), ...ours];
  },
};

/** The floor: as many bytes as the messages have, copied from as many rows. */
function copyCase(rows: Uint8Array, bytes: number, { parameters, items }: Case): Case[] {
  const floors = loadFloors();
  if (!floors) return [];
  const before = (row: number): number => Math.floor((bytes * row) / items);
  const out = new Uint8Array(Math.ceil(bytes / items + 1) * ROWS_A_COPY);
  const copy = (from: number): Uint8Array => {
    const to = Math.min(from + ROWS_A_COPY, items);
    const length = before(to) - before(from);
    floors.copyRecords(rows.subarray(from * ROW_SIZE, to * ROW_SIZE), ROW_SIZE, to - from, length, out);
    return out.subarray(0, length);
  };
  for (let from = 0; from < items; from += ROWS_A_COPY) {
    const copied = copy(from);
    sameBytes(
      'the bytes of the floor',
      copied,
      beginnings(rows, from, Math.min(ROWS_A_COPY, items - from), copied.length),
    );
  }
  return [
    {
      name: 'copy the bytes',
      backend: 'floor',
      parameters,
      items,
      repeatable: true,
      operation() {
        for (let from = 0; from < items; from += ROWS_A_COPY) copy(from);
      },
    },
  ];
}

/** So many bytes of so many rows, the first ones of each, as many of each as divide evenly. */
function beginnings(rows: Uint8Array, from: number, count: number, bytes: number): Uint8Array {
  const each = Math.floor(bytes / count);
  const before = (row: number): number => each * row + Math.floor(((bytes % count) * row) / count);
  return Buffer.concat(
    Array.from({ length: count }, (_, i) => {
      const at = (from + i) * ROW_SIZE;
      return rows.subarray(at, at + before(i + 1) - before(i));
    }),
  );
}

/** All messages, one after another. */
function allMessages(table: EncodedTable, connections: number): Uint8Array {
  const messages: Uint8Array[] = [];
  const records = table.encode(({ bytes, progress }) => messages.push(bytes.slice(0, progress[USED])));
  same('records', records, connections);
  return Buffer.concat(messages);
}
