/**
 * Collecting processes in the manner of RFC 5471 (Guidelines for IPFIX Testing), on real sockets: what an exporter may do
 * right and wrong, and what must come out. Single decodings are in decode/.
 */
import { Buffer } from 'node:buffer';
import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { Collector, type CollectorOptions } from '../../src/collector/collector.js';
import type { CollectedRecord } from '../../src/collector/decode/record.js';
import { formatEndpoint, parseEndpoint, type Endpoint } from '../../src/common/endpoint.js';
import { eventually } from '../helpers/eventually.js';
import {
  EXPORT_TIME,
  hex,
  long,
  message,
  optionsTemplateSet,
  set,
  templateRecord,
  templateSet,
  u16,
  u8,
  VARIABLE,
} from '../helpers/builders/ipfix-builder.js';
import { QUIET_HOST } from '../helpers/fakes/quiet-host.js';

interface Running {
  readonly collector: Collector;
  readonly endpoint: Endpoint;
  readonly values: unknown[];
  readonly records: CollectedRecord[];
}

async function collect(t: ExecutionContext, listen: string, options: Partial<CollectorOptions> = {}): Promise<Running> {
  const records: CollectedRecord[] = [];
  const values: unknown[] = [];
  const collector = new Collector({
    listen: [parseEndpoint(listen)],
    onRecord: record => {
      records.push(record);
      values.push(record.values[0]);
    },
    ...options,
  });
  const [endpoint] = await collector.open();
  t.teardown(() => collector.close());
  return { collector, endpoint, values, records };
}

/** Sends messages from one address and port, one after another. */
type Send = (...messages: Uint8Array[]) => Promise<void>;

async function udpExporter(t: ExecutionContext, to: Endpoint, port = 0): Promise<Send & { socket: Datagrams }> {
  const socket = createSocket('udp4');
  socket.on('error', () => {}); // refused while nobody listens
  await new Promise<void>(resolve => socket.bind(port, QUIET_HOST, resolve));
  t.teardown(() => {
    try {
      socket.close();
    } catch {
      // the test has closed it
    }
  });
  const send = async (...messages: Uint8Array[]): Promise<void> => {
    for (const bytes of messages)
      await new Promise<void>(resolve => socket.send(bytes, to.port, to.host, () => resolve()));
  };
  return Object.assign(send, { socket });
}

async function tcpExporter(t: ExecutionContext, to: Endpoint): Promise<Send & { socket: Socket }> {
  const socket = connect(to.port, to.host);
  t.teardown(() => socket.destroy());
  socket.on('error', () => {}); // the collector ends
  await once(socket, 'connect');
  const send = async (...messages: Uint8Array[]): Promise<void> =>
    new Promise(resolve => socket.write(Buffer.concat(messages), () => resolve()));
  return Object.assign(send, { socket });
}

const HAS_IPV6 = Object.values(networkInterfaces()).some(each => each?.some(({ address }) => address === '::1'));
const DEFINE = templateSet(256, [4, 1]);
const protocol = (value: number): Buffer => set(256, u8(value));

// --- RFC 5471: templates ---

test('RFC 5471: UDP: a template that is lost is made up for by its refresh, and nothing is missing', async t => {
  const { collector, endpoint, values } = await collect(t, 'udp://127.0.0.1:0');
  const send = await udpExporter(t, endpoint);
  // the first message, with the template, did not arrive
  await send(message({ sequence: 1 }, protocol(2)), message({ sequence: 2 }, protocol(3)));
  await eventually('both sets to wait', () => collector.stats().waitingSets === 2);
  await send(
    message({ sequence: 3 }, DEFINE, protocol(4)),
    message({ sequence: 4 }, DEFINE),
    message({ sequence: 4 }, protocol(5)),
  );
  await eventually('four records', () => values.length === 4);
  t.deepEqual(values, [2, 3, 4, 5]);
  const { undecodableSets, waitingSets, templates } = collector.stats();
  t.deepEqual([undecodableSets, waitingSets, templates], [0, 0, 1]);
});

test('RFC 7011 section 8.4: UDP: a template with other fields replaces the one before, a withdrawal means nothing', async t => {
  const { collector, endpoint, values } = await collect(t, 'udp://127.0.0.1:0');
  const send = await udpExporter(t, endpoint);
  await send(message({}, DEFINE, protocol(6)), message({ sequence: 1 }, set(2, u16(256), u16(0))));
  await send(message({ sequence: 1 }, protocol(17)));
  await send(message({ sequence: 2 }, templateSet(256, [8, 4]), set(256, hex('c0000201'))));
  await eventually('three records', () => values.length === 3);
  t.deepEqual(values, [6, 17, '192.0.2.1']);
  t.is(collector.stats().ignoredWithdrawals, 1);
});

test('RFC 7011 section 8.1: TCP: after its withdrawal an id is free for another template', async t => {
  const { collector, endpoint, values } = await collect(t, 'tcp://127.0.0.1:0');
  const send = await tcpExporter(t, endpoint);
  await send(
    message({}, DEFINE, protocol(6)),
    message({ sequence: 1 }, set(2, u16(256), u16(0)), protocol(1)),
    message({ sequence: 1 }, templateSet(256, [8, 4]), set(256, hex('c0000201'))),
  );
  await eventually('two records', () => values.length === 2);
  t.deepEqual(values, [6, '192.0.2.1']);
  const { withdrawnTemplates, conflictingTemplates, undecodableSets, keptSets } = collector.stats();
  t.deepEqual([withdrawnTemplates, conflictingTemplates, undecodableSets, keptSets], [1, 0, 1, 0]);
});

test('RFC 7011 section 8.4: UDP: a template without refresh expires, and its records wait for the next one', async t => {
  const { collector, endpoint, values } = await collect(t, 'udp://127.0.0.1:0', { limits: { templateLifetime: 20 } });
  const send = await udpExporter(t, endpoint);
  await send(message({}, DEFINE, protocol(6)));
  await eventually('its end', () => collector.stats().expiredTemplates === 1);
  await send(message({ sequence: 1 }, protocol(17)));
  await eventually('a set that waits', () => collector.stats().waitingSets === 1);
  await send(message({ sequence: 2 }, DEFINE));
  await eventually('two records', () => values.length === 2);
  t.deepEqual(values, [6, 17]);
});

test('RFC 5471: maximal templates: as many fields as a message holds, and as many as an exporter may have', async t => {
  const most = Math.floor((65_535 - 16 - 4 - 4) / 4);
  const { collector, endpoint, records } = await collect(t, 'tcp://127.0.0.1:0', {
    limits: { fields: 2 * most },
  });
  const send = await tcpExporter(t, endpoint);
  const fields = Array.from({ length: most }, () => [4, 1] as const);
  await send(
    message({}, set(2, templateRecord(256, ...fields))),
    message({}, set(256, Buffer.alloc(most, 6))),
    message({ sequence: 1 }, templateSet(65_535, ...fields.slice(1))),
    message({ sequence: 1 }, templateSet(257, [4, 1], [4, 1])),
    message({ sequence: 1 }, set(65_535, Buffer.alloc(most - 1, 17))),
  );
  await eventually('two records', () => records.length === 2);
  t.deepEqual(
    records.map(({ values, templateId }) => [templateId, values.length, values.at(-1)]),
    [
      [256, most, 6],
      [65_535, most - 1, 17],
    ],
  );
  t.is(collector.stats().refusedTemplates, 1);
});

test('RFC 7011 section 3.4.1: all 65,280 template ids at once', async t => {
  const { collector, endpoint, values } = await collect(t, 'tcp://127.0.0.1:0', { limits: { fields: 65_280 } });
  const send = await tcpExporter(t, endpoint);
  const ids = Array.from({ length: 65_280 }, (_, i) => 256 + i);
  for (let i = 0; i < ids.length; i += 8000)
    await send(message({}, set(2, ...ids.slice(i, i + 8000).map(id => templateRecord(id, [4, 1])))));
  await send(message({}, set(256, u8(1)), set(40_000, u8(2)), set(65_535, u8(3))));
  await eventually('three records', () => values.length === 3);
  t.deepEqual(values, [1, 2, 3]);
  t.is(collector.stats().templates, 65_280);
});

// --- RFC 5471: messages ---

for (const [protocolName, largest] of [
  ['tcp', 65_535],
  ['udp', 65_507],
] as const) {
  for (const host of ['127.0.0.1', ...(HAS_IPV6 ? ['[::1]'] : [])]) {
    test(`RFC 7011 section 3.1: the largest message that ${protocolName} carries to ${host}, ${largest} octets`, async t => {
      const { collector, endpoint, records } = await collect(t, `${protocolName}://${host}:0`);
      const define = message({}, templateSet(256, [82, VARIABLE]));
      const large = message({}, set(256, long(Buffer.alloc(largest - 16 - 4 - 3, 0x61))));
      t.is(large.length, largest);
      if (protocolName === 'tcp') {
        await (
          await tcpExporter(t, endpoint)
        )(define, large);
      } else {
        const socket = createSocket(host === '[::1]' ? 'udp6' : 'udp4');
        t.teardown(() => new Promise<void>(resolve => socket.close(resolve)));
        for (const bytes of [define, large])
          await new Promise<void>((resolve, reject) =>
            socket.send(bytes, endpoint.port, endpoint.host, error => (error ? reject(error) : resolve())),
          );
      }
      await eventually('the record', () => records.length === 1);
      t.is((records[0].values[0] as string).length, largest - 23);
      t.is(collector.stats().malformedMessages, 0);
    });
  }
}

for (const [title, bytes] of [
  ['half a header', Buffer.from('000a00100000', 'hex')],
  ['version 9', message({}, DEFINE).fill(9, 1, 2)],
  ['a length beyond its end', message({}, DEFINE).fill(0x7f, 3, 4)],
  ['a set beyond its end', message({}, hex('0002 00ff 0100'))],
  ['a template beyond its set', message({}, set(2, hex('0100 0005 0004 0001')))],
  ['a template id below 256', message({}, set(2, hex('00ff 0001 0004 0001')))],
  ['an options template without a scope (RFC 7011 section 3.4.2.2)', message({}, optionsTemplateSet(300, 0, [4, 1]))],
  ['a variable length beyond its set', message({}, templateSet(300, [82, VARIABLE]), set(300, hex('0a 61')))],
] as const) {
  test(`RFC 7011 section 9.1: UDP: ${title}: the message is discarded whole and counted, others go on`, async t => {
    const { collector, endpoint, values } = await collect(t, 'udp://127.0.0.1:0');
    const send = await udpExporter(t, endpoint);
    await send(message({}, DEFINE, protocol(6)), bytes, message({ sequence: 1 }, protocol(17)));
    await eventually('two records', () => values.length === 2);
    const { malformedMessages, messages, templates, sequenceLost } = collector.stats();
    t.deepEqual([malformedMessages, messages, templates, sequenceLost], [1, 2, 1, 0]);
  });
}

// --- RFC 5471: restarts ---

test('RFC 5471: the exporter starts again on the same port: new templates, sequence 0, no loss', async t => {
  const { collector, endpoint, values } = await collect(t, 'udp://127.0.0.1:0');
  const first = await udpExporter(t, endpoint);
  await first(message({ sequence: 500 }, DEFINE, protocol(6)));
  await eventually('a record', () => values.length === 1);
  const { port } = first.socket.address();
  await new Promise<void>(resolve => first.socket.close(resolve));
  const second = await udpExporter(t, endpoint, port);
  await second(message({ exportTime: EXPORT_TIME + 60 }, templateSet(256, [8, 4]), set(256, hex('c0000201'))));
  await eventually('another', () => values.length === 2);
  t.deepEqual(values, [6, '192.0.2.1']);
  const [{ sequenceLost, sequenceRestarts, exporter }, ...others] = collector.exporters();
  t.deepEqual([sequenceLost, sequenceRestarts, exporter, others.length], [0, 1, `udp://${QUIET_HOST}`, 0]);
});

test('RFC 7011 section 8.1: TCP: templates end with their connection', async t => {
  const { collector, endpoint, values } = await collect(t, 'tcp://127.0.0.1:0');
  const first = await tcpExporter(t, endpoint);
  await first(message({ sequence: 9 }, DEFINE, protocol(6)));
  first.socket.end();
  await eventually('its end', () => values.length === 1 && collector.stats().sessions === 0);
  const second = await tcpExporter(t, endpoint);
  await second(message({}, protocol(1)), message({}, DEFINE, protocol(17)));
  await eventually('another', () => values.length === 2);
  t.deepEqual(values, [6, 17]);
  t.is(collector.stats().undecodableSets, 1);
  t.deepEqual(
    collector.exporters().map(({ messages, sequenceLost }) => [messages, sequenceLost]),
    [[3, 0]],
  );
});

test('RFC 5471: UDP: the collector starts again: it reads on after the next template, and counts no loss', async t => {
  const before = await collect(t, `udp://${QUIET_HOST}:0`);
  const send = await udpExporter(t, before.endpoint);
  await send(message({}, DEFINE, protocol(6)));
  await eventually('a record', () => before.values.length === 1);
  await before.collector.close();
  const after = await collect(t, formatEndpoint(before.endpoint));
  await send(message({ sequence: 1 }, protocol(7)));
  await eventually('a set that waits', () => after.collector.stats().waitingSets === 1);
  await send(message({ sequence: 2 }, DEFINE, protocol(8)));
  await eventually('its record and the next', () => after.values.length === 2);
  t.deepEqual(after.values, [7, 8]);
  t.is(after.collector.stats().sequenceLost, 0);
});

// --- order ---

test('RFC 7011 section 3.1: UDP: messages out of order are read, and are no loss', async t => {
  const { collector, endpoint, values } = await collect(t, 'udp://127.0.0.1:0');
  const send = await udpExporter(t, endpoint);
  await send(message({}, DEFINE, protocol(0)));
  for (const i of [2, 3, 1, 5, 4]) await send(message({ sequence: i }, protocol(i)));
  await eventually('six records', () => values.length === 6);
  t.deepEqual(values, [0, 2, 3, 1, 5, 4]);
  const [{ sequenceLost, gaps, lateMessages }] = collector.exporters();
  t.deepEqual([sequenceLost, gaps, lateMessages], [0, 2, 2]);
});

test('several observation domains of one exporter have templates and sequences of their own', async t => {
  const { collector, endpoint, values } = await collect(t, 'tcp://127.0.0.1:0');
  const send = await tcpExporter(t, endpoint);
  await send(
    message({ domain: 1, sequence: 5 }, DEFINE, protocol(6)),
    message({ domain: 2, sequence: 900 }, templateSet(256, [8, 4]), set(256, hex('c0000201'))),
    message({ domain: 1, sequence: 6 }, protocol(17)),
    message({ domain: 2, sequence: 903 }, set(256, hex('c0000202'))),
  );
  await eventually('four records', () => values.length === 4);
  t.deepEqual(values, [6, '192.0.2.1', 17, '192.0.2.2']);
  t.deepEqual(
    collector.exporters().map(({ observationDomain, sequenceLost }) => [observationDomain, sequenceLost]),
    [
      [1, 0],
      [2, 2],
    ],
  );
});
