import { Buffer } from 'node:buffer';
import test from 'ava';
import * as fc from 'fast-check';
import { decodeMessage } from '../../src/collector/decode/decode.js';
import { recordToJson } from '../../src/collector/formats/json.js';
import { TransportSession } from '../../src/collector/transport-session.js';
import { IANA_ELEMENTS } from '../../src/ipfix/registry.generated.js';
import { long, message, set, templateSet, u16, VARIABLE, type Specifier } from '../helpers/builders/ipfix-builder.js';
import { RICH } from '../helpers/builders/rich-messages.js';
import { seeded } from '../helpers/seed.js';

/** Decodes and prints; whatever comes must be counted once, as a message or as a malformed one. */
function survive(bytes: Uint8Array, session: TransportSession): void {
  const { stats } = session;
  const before = stats.messages + stats.malformedMessages;
  const { records, malformed } = decodeMessage(bytes, session);
  for (const record of records) JSON.parse(recordToJson(record));
  if (stats.messages + stats.malformedMessages !== before + 1) throw new Error('not counted once');
  if (malformed !== undefined && records.length > 0) throw new Error('records of a malformed message');
  if (stats.sequenceLost < 0) throw new Error(`sequenceLost ${stats.sequenceLost}`);
  if (session.fields < 0 || session.fields > session.limits.fields) throw new Error(`fields ${session.fields}`);
}

const protocol = fc.constantFrom('udp', 'tcp');

test('random octets', t => {
  fc.assert(
    fc.property(protocol, fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }), (over, messages) => {
      const session = new TransportSession('test', over);
      for (const bytes of messages) survive(bytes, session);
      t.is(session.stats.messages, 0);
    }),
    { ...seeded(t), numRuns: 2000 },
  );
});

test('random sets after a valid header', t => {
  const anySet = fc
    .tuple(fc.oneof(fc.constantFrom(2, 3), fc.integer({ min: 0, max: 260 })), fc.uint8Array({ maxLength: 80 }))
    .map(([id, body]) => set(id, body));
  fc.assert(
    fc.property(protocol, fc.array(fc.array(anySet, { maxLength: 5 }), { maxLength: 10 }), (over, messages) => {
      const session = new TransportSession('test', over);
      for (const sets of messages) survive(message({ domain: sets.length % 2 }, ...sets), session);
      t.is(session.stats.malformed.version + session.stats.malformed.length + session.stats.malformed.set, 0);
    }),
    { ...seeded(t), numRuns: 2000 },
  );
});

test('valid messages with octets changed, removed and inserted', t => {
  const edit = fc.record({
    at: fc.nat(1000),
    remove: fc.integer({ min: 0, max: 3 }),
    insert: fc.uint8Array({ maxLength: 4 }),
  });
  const mutation = fc.record({
    which: fc.nat(RICH.length - 1),
    edits: fc.array(edit, { maxLength: 3 }),
    patchLength: fc.boolean(),
  });
  let decoded = 0;
  let malformed = 0;
  fc.assert(
    fc.property(protocol, fc.array(mutation, { minLength: 1, maxLength: 12 }), (over, mutations) => {
      const session = new TransportSession('test', over);
      for (const { which, edits, patchLength } of mutations) {
        let bytes: Buffer = RICH[which];
        for (const { at, remove, insert } of edits) {
          const from = at % bytes.length;
          bytes = Buffer.concat([bytes.subarray(0, from), insert, bytes.subarray(from + remove)]);
        }
        // with the right length in the header the change reaches the sets
        if (patchLength && bytes.length >= 4)
          bytes = Buffer.concat([bytes.subarray(0, 2), u16(bytes.length), bytes.subarray(4)]);
        survive(bytes, session);
      }
      decoded += session.stats.records;
      malformed += session.stats.malformedMessages;
    }),
    { ...seeded(t), numRuns: 3000 },
  );
  t.true(decoded > 1000 && malformed > 1000, `${decoded} records, ${malformed} malformed messages`);
});

test('any registered element with any length and any content gives a record', t => {
  const field = fc.record({
    element: fc.constantFrom(...IANA_ELEMENTS.map(([id]) => id)),
    enterprise: fc.constantFrom(0, 29305, 56506, 21373, 999),
    length: fc.oneof(fc.integer({ min: 0, max: 17 }), fc.constant(VARIABLE)),
    content: fc.uint8Array({ minLength: 300, maxLength: 300 }),
  });
  fc.assert(
    fc.property(fc.array(field, { minLength: 1, maxLength: 20 }), fields => {
      // one field of some length, so that the record has more octets than fields
      const specifiers: Specifier[] = [[210, 20], ...fields.map(f => [f.element, f.length, f.enterprise] as const)];
      const content = fields.map(f =>
        f.length === VARIABLE ? long(f.content.subarray(0, f.content[0])) : f.content.subarray(0, f.length),
      );
      const session = new TransportSession('test', 'udp');
      survive(message({}, templateSet(256, ...specifiers), set(256, Buffer.alloc(20), ...content)), session);
      t.is(session.stats.records, 1);
    }),
    { ...seeded(t), numRuns: 1000 },
  );
});

test('the largest message of the smallest records is read to its end', t => {
  const session = new TransportSession('test', 'tcp');
  const { records } = decodeMessage(
    message({}, templateSet(256, [4, 1]), set(256, Buffer.alloc(65_535 - 16 - 12 - 4, 6))),
    session,
  );
  t.is(records.length, 65_503);
});
