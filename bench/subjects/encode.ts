import type { Backend } from '../../src/backend/backend.js';
import type { EncodeRequest } from '../../src/encoder/request.js';
import { createProfile } from '../../src/ipfix/profile.js';
import { compilePlan } from '../../src/ipfix/template.js';
import { RECORD_SIZE } from '../../src/row/layout.generated.js';
import { loadFloors } from '../host/floors.js';
import { same, sameBytes } from '../same.js';
import type { Case, Scene, Subject } from '../subject.js';
import { Connections, EPOCH } from '../workload/connections.js';
import { headersOf } from '../workload/packets.js';
import { recordsOf } from '../workload/records.js';

const ROWS_A_BATCH = 1024;
/** As a destination gathers them. */
const RECORDS_A_BATCH = 512;
const FIRST_TEMPLATE = 256;
/** More than any record of the workload takes. */
const MOST_BYTES_A_RECORD = 512;
const NOTHING = new Uint8Array(0);

/** Flow records to IPFIX messages, a destination's batch a call. */
export const encode: Subject = {
  name: 'encode',
  summary: 'flow records to IPFIX messages, profile standard',
  connections: 10_000,
  packets: true,
  floor: true,
  cases({ backends, family, sizes }: Scene): Case[] {
    const profile = createProfile('standard', 'reverse', false);
    const numbers = Array.from({ length: sizes.connections }, (_, i) => i);
    const rows = new Connections(family).batches(numbers, 1, ROWS_A_BATCH);
    const requests = recordsOf(rows, profile.shapes, RECORDS_A_BATCH).map(({ shape, batch }): EncodeRequest => ({
      plan: compilePlan(profile.fieldsOf(shape)),
      templateId: FIRST_TEMPLATE + shape,
      records: batch.bytes,
      from: 0,
      to: batch.count,
      names: NOTHING,
      nameEnds: new Uint32Array(1),
      exportTime: EPOCH / 1000,
      sequence: 0,
      observationDomain: 1,
      prefix: NOTHING,
      limit: sizes.mtu - headersOf(family),
      out: new Uint8Array(RECORDS_A_BATCH * MOST_BYTES_A_RECORD),
      lengths: new Uint32Array(RECORDS_A_BATCH * 2),
    }));
    const [expected, ...others] = backends.map(backend => encodeAll(backend, requests, sizes.connections));
    for (const other of others)
      sameBytes('the messages of the backends', Buffer.concat(other), Buffer.concat(expected));
    const ours = backends.map((backend): Case => ({
      name: 'encode',
      backend: backend.name,
      parameters: { connections: sizes.connections, mtu: sizes.mtu },
      items: sizes.connections,
      repeatable: true,
      operation() {
        let encoded = 0;
        for (const request of requests) encoded += backend.encode(request).next;
        same('records', encoded, sizes.connections);
      },
    }));
    return [...copyCase(requests, expected, ours[0]), ...ours];
  },
};

/**
 * The floor: as many bytes as the messages have, copied from as many records.
 * @param messages of each request
 */
function copyCase(
  requests: readonly EncodeRequest[],
  messages: readonly Uint8Array[],
  { parameters, items }: Case,
): Case[] {
  const floors = loadFloors();
  if (!floors) return [];
  const copyAll = (): void => {
    for (const [i, { records, to, out }] of requests.entries()) {
      floors.copyRecords(records, RECORD_SIZE, to, messages[i].length, out);
    }
  };
  copyAll();
  for (const [i, { records, to, out }] of requests.entries()) {
    const { length } = messages[i];
    sameBytes('the bytes of the floor', out.subarray(0, length), beginnings(records, to, length));
  }
  return [{ name: 'copy the bytes', backend: 'floor', parameters, items, repeatable: true, operation: copyAll }];
}

/** So many bytes of so many records, the first ones of each, as many of each as divide evenly. */
function beginnings(records: Uint8Array, count: number, bytes: number): Uint8Array {
  const each = Math.floor(bytes / count);
  const before = (record: number): number => each * record + Math.floor(((bytes % count) * record) / count);
  return Buffer.concat(
    Array.from({ length: count }, (_, i) =>
      records.subarray(i * RECORD_SIZE, i * RECORD_SIZE + before(i + 1) - before(i)),
    ),
  );
}

/** The messages of each request, one after another. */
function encodeAll(backend: Backend, requests: readonly EncodeRequest[], connections: number): Uint8Array[] {
  const messages: Uint8Array[] = [];
  let records = 0;
  for (const request of requests) {
    const encoded = backend.encode(request);
    let length = 0;
    for (let i = 0; i < encoded.messages; i++) length += request.lengths[i * 2];
    messages.push(request.out.slice(0, length));
    records += encoded.next - encoded.oversize;
  }
  same(`records of ${backend.name}`, records, connections);
  return messages;
}
