import type { Backend } from '../../src/backend/backend.js';
import type { EncodeRequest } from '../../src/encoder/request.js';
import { createProfile } from '../../src/ipfix/profile.js';
import { compilePlan } from '../../src/ipfix/template.js';
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
    for (const other of others) sameBytes('the messages', other, expected);
    return backends.map(backend => ({
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
  },
};

/** All messages, one after another. */
function encodeAll(backend: Backend, requests: readonly EncodeRequest[], connections: number): Uint8Array {
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
  return Buffer.concat(messages);
}
