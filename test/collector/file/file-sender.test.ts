import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { Backend } from '../../../src/backend/backend.js';
import { Collector } from '../../../src/collector/collector.js';
import { collectFile } from '../../../src/collector/file/collect-file.js';
import { FileSender, type FileSenderOptions } from '../../../src/collector/file/file-sender.js';
import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import { recordToJson } from '../../../src/collector/formats/json.js';
import { newStats } from '../../../src/collector/stats.js';
import type { DestinationEndpoint } from '../../../src/common/destination-endpoint.js';
import type { Endpoint } from '../../../src/common/endpoint.js';
import { createTransport } from '../../../src/destination/create-transport.js';
import { DESTINATION_DEFAULTS } from '../../../src/destination/destination-options.js';
import { backends, perBackend } from '../../helpers/backends.js';
import {
  EXPORT_TIME,
  hex,
  message,
  optionsTemplateSet,
  set,
  short,
  templateSet,
  u16,
  u32,
  u8,
  VARIABLE,
} from '../../helpers/builders/ipfix-builder.js';
import { eventually } from '../../helpers/eventually.js';
import { filesBeside } from '../../helpers/rigs/file-rig.js';
import { temporaryPath } from '../../helpers/temporary.js';

const MTU = 512;
const IP_AND_UDP = 28;

/** Records without who sent them. */
const texts = (records: readonly CollectedRecord[]): string[] =>
  records.map(record => recordToJson(record).replace(/^\{"exporter":"[^"]*",/, '{'));

/** A collector of ctflow, with what came. */
class Receiver {
  readonly records: CollectedRecord[] = [];
  /** Octets of each message, with where it came from. */
  readonly messages: { bytes: Buffer; from: string }[] = [];
  readonly collector: Collector;
  readonly endpoint: Endpoint;

  private constructor(collector: Collector, endpoint: Endpoint) {
    this.collector = collector;
    this.endpoint = endpoint;
  }

  static async open(t: ExecutionContext, protocol: 'udp' | 'tcp'): Promise<Receiver> {
    const listen: Endpoint = { protocol, host: '127.0.0.1', port: 0 };
    const collector: Collector = new Collector({
      listen: [listen],
      onRecord: record => receiver.records.push(record),
      onMessage: (bytes, from) => receiver.messages.push({ bytes: Buffer.from(bytes), from }),
    });
    t.teardown(() => collector.close());
    const [endpoint] = await collector.open();
    const receiver: Receiver = new Receiver(collector, endpoint);
    return receiver;
  }

  async has(count: number): Promise<string[]> {
    await eventually(`${count} records`, () => this.records.length >= count);
    return texts(this.records);
  }
}

/** Closed at the end of the test, whatever became of it: an open one tries to connect for ever. */
function senderTo(
  t: ExecutionContext,
  endpoint: DestinationEndpoint,
  backend: Backend,
  more: Partial<FileSenderOptions> = {},
): FileSender {
  const options = { ...DESTINATION_DEFAULTS, mtu: MTU };
  const sender = new FileSender({
    ...options,
    createTransport: () => createTransport(endpoint, options, backend, { tlsFailed: () => {} }),
    maxRate: 'off',
    timeout: 60_000,
    closed: () => {},
    signal: new AbortController().signal,
    ...more,
  });
  t.teardown(() => sender.close());
  return sender;
}

function fileOf(t: ExecutionContext, ...messages: Uint8Array[]): string {
  const path = temporaryPath(t, 'flows.ipfix');
  writeFileSync(path, Buffer.concat(messages));
  return path;
}

async function inFile(path: string): Promise<string[]> {
  const records: CollectedRecord[] = [];
  await collectFile(path, { onRecord: record => records.push(record), stats: newStats() });
  return texts(records);
}

const name = (length: number): Buffer =>
  length < 255 ? short('x'.repeat(length)) : Buffer.concat([u8(255), u16(length), Buffer.alloc(length, 'x')]);
/** Two observation domains, texts of all lengths, options, messages that no datagram holds, padding. */
const RICH = [
  message({ domain: 1 }, templateSet(256, [1, 4], [82, VARIABLE]), templateSet(300, [1, 8], [2, 8])),
  message({ domain: 2 }, templateSet(256, [2, 4])),
  message({ domain: 1 }, optionsTemplateSet(257, 1, [149, 4], [41, 8])),
  message({ domain: 1 }, set(256, ...Array.from({ length: 400 }, (_, i) => Buffer.concat([u32(i), name(i % 40)])))),
  message({ domain: 2, sequence: 7 }, set(256, ...Array.from({ length: 9_000 }, (_, i) => u32(i)))),
  message(
    { domain: 1 },
    set(257, u32(1), hex('0000000000000005')),
    set(256, u32(5), name(300)),
    set(300, Buffer.alloc(35)),
  ),
];
const RICH_RECORDS = 400 + 9_000 + 1 + 1 + 2;

for (const protocol of ['udp', 'tcp'] as const) {
  perBackend(
    `${protocol}: the records of a file come as they are in it, in a session of their own`,
    async (t, backend) => {
      const path = fileOf(t, ...RICH);
      const receiver = await Receiver.open(t, protocol);
      const sender = senderTo(t, receiver.endpoint, backend, { maxRate: protocol === 'udp' ? 20_000 : 'off' });
      t.is(await sender.send(path), undefined);
      await sender.close();
      const received = await receiver.has(RICH_RECORDS);
      t.deepEqual(received, await inFile(path));
      t.like(sender.counts(), {
        records: RICH_RECORDS,
        messages: RICH.length,
        oversizeRecords: 0,
        malformedMessages: 0,
      });
      t.like(sender.counts().transport, { records: RICH_RECORDS, lostRecords: 0, uncertainRecords: 0, connects: 1 });
      const stats = receiver.collector.stats();
      t.like(stats, {
        sequenceLost: 0,
        undecodableSets: 0,
        malformedMessages: 0,
        repeatedMessages: 0,
        sequenceRestarts: 0,
      });
      const largest = Math.max(...receiver.messages.map(({ bytes }) => bytes.length));
      if (protocol === 'udp') t.true(largest <= MTU - IP_AND_UDP && largest > MTU - IP_AND_UDP - 60, String(largest));
      // from 0, in each domain
      for (const domain of [1, 2]) {
        const first = receiver.messages.find(({ bytes }) => bytes.readUInt32BE(12) === domain)!;
        t.is(first.bytes.readUInt32BE(8), 0);
      }
    },
  );
}

perBackend('into another file, as to a collector', async (t, backend) => {
  const path = fileOf(t, ...RICH);
  const to = temporaryPath(t, 'copy.ipfix');
  const sender = senderTo(t, { protocol: 'file', path: to }, backend);
  await sender.send(path);
  await sender.close();
  const copies = filesBeside(to);
  t.is(copies.length, 1);
  t.deepEqual(await inFile(copies[0]), await inFile(path));
});

const [backend] = backends();

test('files one after another share a session; where an id gets another meaning, another session begins', async t => {
  const receiver = await Receiver.open(t, 'tcp');
  const sender = senderTo(t, receiver.endpoint, backend);
  const octets = message({}, templateSet(256, [1, 4]), set(256, u32(1)));
  const packets = message({}, templateSet(256, [2, 4]), set(256, u32(2)));
  const withdrawn = message({}, set(2, hex('0100 0000')), templateSet(256, [7, 2]), set(256, u16(3)));
  const paths = [fileOf(t, octets), fileOf(t, octets), fileOf(t, packets, withdrawn)];
  for (const path of paths) await sender.send(path);
  await sender.close();
  t.deepEqual(await receiver.has(4), (await Promise.all(paths.map(inFile))).flat());
  t.is(sender.counts().transport.connects, 3);
  t.is(sender.counts().transport.records, 4);
  t.like(receiver.collector.stats(), { conflictingTemplates: 0, sequenceLost: 0, undecodableSets: 0 });
});

test('templates of lists go out too, though no data set has their id; also in a session that begins later', async t => {
  const receiver = await Receiver.open(t, 'tcp');
  const list = set(257, short(Buffer.concat([u8(255), u16(256), u32(1), u32(2)])));
  const path = fileOf(
    t,
    message({}, templateSet(256, [1, 4]), templateSet(257, [292, VARIABLE]), templateSet(258, [1, 4])),
    message({}, list),
    message({}, set(2, hex('0102 0000')), templateSet(258, [2, 4])),
    message({}, list),
  );
  const sender = senderTo(t, receiver.endpoint, backend);
  await sender.send(path);
  await sender.close();
  const received = await receiver.has(2);
  t.deepEqual(received, await inFile(path));
  t.true(
    received.every(text => text.includes('"records":[{"octetDeltaCount":1},{"octetDeltaCount":2}]')),
    received[1],
  );
  t.is(sender.counts().transport.connects, 2);
});

test('data never seem older than their template', async t => {
  const receiver = await Receiver.open(t, 'udp');
  const at = (exportTime: number): string =>
    fileOf(t, message({ exportTime }, templateSet(256, [1, 4]), set(256, u32(1))));
  const sender = senderTo(t, receiver.endpoint, backend);
  for (const exportTime of [EXPORT_TIME, EXPORT_TIME - 3_600, EXPORT_TIME + 60]) await sender.send(at(exportTime));
  await sender.close();
  await receiver.has(3);
  t.deepEqual(
    receiver.records.map(({ exportTime }) => exportTime - EXPORT_TIME),
    [0, -3_600, 60],
  );
  let template = Infinity;
  for (const { bytes } of receiver.messages) {
    if (bytes.readUInt16BE(16) === 2) template = bytes.readUInt32BE(4);
    else t.true(bytes.readUInt32BE(4) >= template);
  }
});

test('over UDP a template goes out several times before its first data, and again after so many packets', async t => {
  const receiver = await Receiver.open(t, 'udp');
  const path = fileOf(
    t,
    message({}, templateSet(256, [1, 4])),
    ...Array.from({ length: 7 }, (_, i) => message({}, set(256, u32(i)))),
  );
  const sender = senderTo(t, receiver.endpoint, backend, { templateRefreshPackets: 3 });
  await sender.send(path);
  await sender.close();
  await receiver.has(7);
  const kinds = receiver.messages.map(({ bytes }) => (bytes.readUInt16BE(16) === 2 ? 'T' : 'd')).join('');
  t.is(kinds, 'TTTdddTdddTd');
});

test('a record that no datagram holds is counted, and the others arrive', async t => {
  const receiver = await Receiver.open(t, 'udp');
  const path = fileOf(
    t,
    message(
      {},
      templateSet(256, [82, VARIABLE]),
      templateSet(257, ...Array.from({ length: 120 }, () => [1, 4] as const)),
    ),
    message({}, set(256, name(10), name(2_000), name(20))),
    message({}, set(257, Buffer.alloc(480))),
  );
  const sender = senderTo(t, receiver.endpoint, backend);
  await sender.send(path);
  await sender.close();
  const received = await receiver.has(2);
  t.deepEqual(
    received,
    (await inFile(path)).filter((_, i) => i === 0 || i === 2),
  );
  t.like(sender.counts(), { records: 4, oversizeRecords: 2 });
});

test('what cannot be read is counted, and not sent', async t => {
  const receiver = await Receiver.open(t, 'tcp');
  const whole = [
    message({}, templateSet(256, [1, 4]), set(256, u32(1))),
    message({}, set(999, u32(1))),
    message({}, hex('0100 ffff')),
    message({}, templateSet(300, [82, VARIABLE])),
    message({}, set(256, u32(9)), set(300, hex('ff'))), // a record that leaves its set
    message({}, templateSet(257, [1, 0])),
    message({}, set(256, u32(2))),
  ];
  const path = fileOf(t, ...whole, message({}, set(256, u32(3))).subarray(0, 18));
  const sender = senderTo(t, receiver.endpoint, backend);
  const damage = await sender.send(path);
  await sender.close();
  t.is(damage?.offset, Buffer.concat(whole).length);
  t.is((await receiver.has(2)).length, 2);
  t.deepEqual(
    receiver.records.map(record => record.get('octetDeltaCount')),
    [1, 2],
  );
  t.like(sender.counts(), { records: 2, malformedMessages: 2, undecodableSets: 1, refusedTemplates: 1 });
});

test('a rate holds', async t => {
  const receiver = await Receiver.open(t, 'tcp');
  const path = fileOf(
    t,
    message({}, templateSet(256, [1, 4])),
    ...Array.from({ length: 60 }, () => message({}, set(256, ...Array.from({ length: 10 }, () => u32(1))))),
  );
  const sender = senderTo(t, receiver.endpoint, backend, { maxRate: 1_000 });
  const began = performance.now();
  await sender.send(path);
  // 600 records, of which the first 64 may leave at once
  t.true(performance.now() - began >= 500);
  await sender.close();
  await receiver.has(600);
});

test('a connection that breaks: the next one gets templates and what was not taken, and doubts are counted', async t => {
  const parts: Buffer[][] = [];
  const sockets: Socket[] = [];
  const server = createServer(socket => {
    const which = sockets.push(socket) - 1;
    parts[which] = [];
    socket.on('error', () => {});
    socket.on('data', chunk => {
      parts[which].push(chunk);
      if (which === 0) socket.resetAndDestroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const path = fileOf(
    t,
    message({}, templateSet(256, [1, 4])),
    ...Array.from({ length: 400 }, (_, i) =>
      message({}, set(256, ...Array.from({ length: 1_000 }, (_, j) => u32(i * 1_000 + j)))),
    ),
  );
  const closed: string[] = [];
  const options = { ...DESTINATION_DEFAULTS, reconnectInterval: 20 };
  const sender = senderTo(t, { protocol: 'tcp', host: '127.0.0.1', port }, backend, {
    createTransport: () =>
      createTransport({ protocol: 'tcp', host: '127.0.0.1', port }, options, backend, { tlsFailed: () => {} }),
    closed: why => closed.push(why),
  });
  await sender.send(path);
  await sender.close();
  t.is(sockets.length, 2);
  t.is(closed.length, 1);
  await eventually('the end of the second connection', () => sockets[1].destroyed || sockets[1].readableEnded);
  const stream = Buffer.concat(parts[1]);
  t.is(stream.readUInt32BE(8), 0);
  t.is(stream.readUInt16BE(16), 2); // the template
  const second = temporaryPath(t, 'second.ipfix');
  writeFileSync(second, stream);
  const came = await inFile(second);
  const { uncertainRecords, lostRecords } = sender.counts().transport;
  t.is(lostRecords, 0);
  t.true(uncertainRecords > 0);
  t.true(
    came.length >= 400_000 - uncertainRecords && came.length < 400_000,
    `${came.length}, ${uncertainRecords} uncertain`,
  );
  t.is(came.at(-1), (await inFile(path)).at(-1));
});

test('where nobody listens it gives up after the time limit, over TCP; over UDP the loss is counted', async t => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  const path = fileOf(t, ...RICH);
  const tcp = senderTo(t, { protocol: 'tcp', host: '127.0.0.1', port }, backend, { timeout: 200 });
  const error = await t.throwsAsync(tcp.send(path), { code: 'CTFLOW_TRANSPORT' });
  // a process that is held up has not seen why when the time is over
  const said = `tcp://127.0.0.1:${port} has taken nothing for 0.2 s`;
  t.true([said, `${said}: nobody listens there (ECONNREFUSED)`].includes(error.message), error.message);
  await tcp.close();
  const udp = senderTo(t, { protocol: 'udp', host: '127.0.0.1', port }, backend, { timeout: 300 });
  const small = fileOf(t, message({}, templateSet(256, [1, 4]), set(256, u32(1))));
  await udp.send(small);
  await udp.close();
  t.true(udp.counts().transport.lostRecords + udp.counts().transport.uncertainRecords >= 1);
  t.is(readFileSync(small).length > 0, true);
});
