import test from 'ava';
import type { Backend } from '../../src/backend/backend.js';
import { IpfixEncoder, type IpfixEncoderOptions } from '../../src/destination/ipfix-encoder.js';
import { Batch } from '../../src/row/batch.js';
import { backends, perBackend } from '../helpers/backends.js';
import { tcp } from '../helpers/builders/connections.js';
import { rows } from '../helpers/builders/rows.js';
import { Decoder, readMessage, valuesOf, type WireMessage } from '../helpers/builders/wire.js';

const AT = 1_700_000_000_000;
const START = AT - 5_000;

const many = (count: number): Batch =>
  rows(...Array.from({ length: count }, (_, i) => tcp(1_000 + i, START, [i, 60, 2, 80])));
const encoderOf = (backend: Backend, options: Partial<IpfixEncoderOptions> = {}): IpfixEncoder =>
  new IpfixEncoder({ backend, observationDomain: 7, ...options });
const decode = (decoder: Decoder, messages: readonly Uint8Array[]): Record<string, unknown>[] =>
  decoder.decode(messages.map(bytes => ({ bytes }))).map(valuesOf);
const read = (messages: readonly Uint8Array[]): WireMessage[] => messages.map(bytes => readMessage(Buffer.from(bytes)));
const setIds = (messages: readonly Uint8Array[]): number[] =>
  read(messages).flatMap(({ sets }) => sets.map(set => set.id));

perBackend('each row is a record with all that its connection has counted, each time', (t, backend) => {
  const encoder = encoderOf(backend);
  const decoder = new Decoder();
  const batch = rows(
    tcp(4000, START, [3, 180, 2, 120]),
    // without a start
    { protocol: 17, source: '2001:db8::1', destination: '2001:db8::2', counters: [1, 70, 0, 0] },
  );
  for (let time = 0; time < 2; time++) {
    const [first, second, ...others] = decode(decoder, encoder.encode(batch, AT + time * 1_000));
    t.deepEqual(others, []);
    t.like(first, {
      sourceTransportPort: 4000,
      flowStartMilliseconds: START,
      flowEndMilliseconds: AT + time * 1_000,
      packetDeltaCount: 3,
      octetTotalCount: 180,
      reverseOctetDeltaCount: 120,
      flowEndReason: 2,
    });
    t.like(second, {
      sourceIPv6Address: '2001:db8::1',
      flowStartMilliseconds: AT + time * 1_000,
      octetDeltaCount: 70,
    });
  }
});

perBackend('messages are whole, within the size, and numbered by the records before', (t, backend) => {
  const encoder = encoderOf(backend, { messageSize: 600 });
  const decoder = new Decoder();
  const messages = encoder.encode(many(700), AT);
  t.is(decode(decoder, messages).length, 700);
  for (const { length, observationDomain, exportTime, version } of read(messages)) {
    t.true(length <= 600);
    t.deepEqual(
      { observationDomain, exportTime, version },
      { observationDomain: 7, exportTime: AT / 1_000, version: 10 },
    );
  }
  // a message before it would change with memory that is used again
  const [next] = read(encoder.encode(many(1), AT));
  t.is(next.sequence, 700);
  t.is(new Set(decode(new Decoder(), messages).map(record => record['sourceTransportPort'])).size, 700);
});

perBackend('a template goes once, again where it is asked for, and anew after a restart', (t, backend) => {
  const encoder = encoderOf(backend);
  t.is(setIds(encoder.encode(many(1), AT))[0], 2);
  t.true(setIds(encoder.encode(many(1), AT)).every(id => id > 255));
  const again = encoder.templates(AT);
  t.deepEqual(setIds(again), [2]);
  t.is(read(again)[0].sequence, 2);
  encoder.restart();
  const anew = encoder.encode(many(1), AT);
  t.is(setIds(anew)[0], 2);
  t.is(decode(new Decoder(), anew).length, 1);
  t.is(read(anew)[0].sequence, 0);
});

perBackend('the export time does not go back', (t, backend) => {
  const encoder = encoderOf(backend);
  encoder.encode(many(1), AT);
  t.is(read(encoder.encode(many(1), AT - 60_000))[0].exportTime, AT / 1_000);
});

perBackend('profiles, two uniflows and a list of elements', (t, backend) => {
  const one = rows(tcp(4000, START, [3, 180, 2, 120]));
  const octets = (options: Partial<IpfixEncoderOptions>): unknown[] =>
    decode(new Decoder(), encoderOf(backend, options).encode(one, AT)).map(record => record['octetDeltaCount']);
  t.deepEqual(octets({ biflow: 'two-uniflows' }), [180, 120]);
  t.deepEqual(octets({ profile: 'antrea' }), [180]);
  const fields = ['protocolIdentifier', 'octetDeltaCount'];
  t.deepEqual(decode(new Decoder(), encoderOf(backend, { fields }).encode(one, AT)), [
    { protocolIdentifier: 6, octetDeltaCount: 180 },
  ]);
});

perBackend('a record that fits into no message is counted and left out', (t, backend) => {
  const encoder = encoderOf(backend, { messageSize: 256, profile: 'antrea' });
  t.deepEqual(encoder.encode(rows(tcp(4000, START, [3, 180, 2, 120])), AT), []);
  t.is(encoder.oversize, 1);
});

test('every backend makes the same bytes', t => {
  const [bytes, ...others] = backends().map(backend =>
    encoderOf(backend)
      .encode(many(40), AT)
      .map(message => Buffer.from(message)),
  );
  t.true(bytes.length > 1);
  for (const other of others) t.deepEqual(other, bytes);
});

perBackend('what cannot be encoded is refused', (t, backend) => {
  const wrong: Partial<IpfixEncoderOptions>[] = [
    { observationDomain: -1 },
    { observationDomain: 2 ** 32 },
    { messageSize: 255 },
    { messageSize: 65_536 },
    { messageSize: 600.5 },
    { fields: ['noSuchElement'] },
  ];
  for (const options of wrong)
    t.throws(() => encoderOf(backend, options), { code: 'CTFLOW_USAGE' }, JSON.stringify(options));
  t.throws(() => encoderOf(backend).encode(new Batch(1, 64), AT), { code: 'CTFLOW_USAGE', message: /64 bytes/ });
});
