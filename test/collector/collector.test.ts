import { Buffer } from 'node:buffer';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import * as fc from 'fast-check';
import { Collector, type CollectorOptions } from '../../src/collector/collector.js';
import type { CollectedRecord } from '../../src/collector/decode/record.js';
import type { Trouble } from '../../src/collector/trouble.js';
import { parseEndpoint, type Endpoint } from '../../src/common/endpoint.js';
import { eventually } from '../helpers/eventually.js';
import { message, set, templateSet, u32, u8 } from '../helpers/builders/ipfix-builder.js';
import { QUIET_HOST } from '../helpers/fakes/quiet-host.js';
import { seeded } from '../helpers/seed.js';

const DEFINE = message({}, templateSet(256, [4, 1]));
const data = (sequence: number, ...protocols: number[]): Buffer =>
  message({ sequence }, set(256, Buffer.from(protocols)));
/** Milliseconds in which those that hear end, though the test be held up for seconds. */
const GRACE = 5_000;
const HAS_IPV6 = Object.values(networkInterfaces()).some(each => each?.some(({ address }) => address === '::1'));

interface Running {
  collector: Collector;
  endpoints: Endpoint[];
  records: CollectedRecord[];
}

async function start(t: ExecutionContext, listen: string[], options: Partial<CollectorOptions> = {}): Promise<Running> {
  const records: CollectedRecord[] = [];
  const collector = new Collector({
    listen: listen.map(text => parseEndpoint(text)),
    onRecord: record => records.push(record),
    ...options,
  });
  const endpoints = await collector.open();
  t.teardown(() => collector.close());
  return { collector, endpoints, records };
}

async function sendUdp(t: ExecutionContext, to: Endpoint, ...messages: Uint8Array[]): Promise<string> {
  const socket = createSocket(to.host.includes(':') ? 'udp6' : 'udp4');
  t.teardown(() => new Promise<void>(resolve => socket.close(resolve)));
  for (const bytes of messages)
    await new Promise<void>(resolve => socket.send(bytes, to.port, to.host, () => resolve()));
  return `udp://127.0.0.1:${socket.address().port}`;
}

async function openTcp(t: ExecutionContext, to: Endpoint, allowHalfOpen = false): Promise<Socket> {
  const socket = connect({ port: to.port, host: to.host, allowHalfOpen });
  t.teardown(() => socket.destroy());
  socket.on('error', () => {}); // a reset by the collector
  await once(socket, 'connect');
  return socket;
}

const protocols = (records: readonly CollectedRecord[]): unknown[] =>
  records.map(record => record.get('protocolIdentifier'));

test('UDP: records arrive in order with the exporter’s address', async t => {
  const { collector, endpoints, records } = await start(t, ['udp://127.0.0.1:0']);
  t.not(endpoints[0].port, 0);
  const from = await sendUdp(t, endpoints[0], DEFINE, data(0, 6, 17), data(2, 58));
  await eventually('three records', () => records.length === 3);
  t.deepEqual(protocols(records), [6, 17, 58]);
  t.is(records[0].exporter, from);
  const { messages, sequenceLost, sessions } = collector.stats();
  t.deepEqual([messages, sequenceLost, sessions], [3, 0, 1]);
});

test('UDP: templates of one exporter do not serve another', async t => {
  const { collector, endpoints, records } = await start(t, ['udp://127.0.0.1:0']);
  await sendUdp(t, endpoints[0], DEFINE);
  await sendUdp(t, endpoints[0], data(0, 6));
  await eventually('both messages', () => collector.stats().messages === 2);
  t.is(records.length, 0);
  t.is(collector.stats().waitingSets, 1);
  await collector.close();
  const { undecodableSets, waitingSets, keptSets } = collector.stats();
  t.deepEqual([undecodableSets, waitingSets, keptSets], [1, 0, 1], 'its template cannot come any more');
});

test('close() reads what has been sent before it', async t => {
  const { collector, endpoints, records } = await start(t, ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0']);
  const socket = await openTcp(t, endpoints[1]);
  await new Promise<void>(resolve => socket.write(Buffer.concat([DEFINE, data(0, 1, 2, 3)]), () => resolve()));
  await sendUdp(t, endpoints[0], DEFINE, ...Array.from({ length: 100 }, (_, i) => data(i, 6)));
  await collector.close();
  t.is(records.length, 103);
  t.is(collector.stats().malformedMessages, 0);
});

test('close() reads what has been sent before it, even when it is delayed beyond its limit', async t => {
  const { collector, endpoints, records } = await start(t, ['udp://127.0.0.1:0']);
  const socket = createSocket('udp4');
  t.teardown(() => new Promise<void>(resolve => socket.close(resolve)));
  await new Promise<void>(resolve => socket.connect(endpoints[0].port, endpoints[0].host, resolve));
  // all in one turn of the event loop, so that nothing is read in between
  for (const bytes of [DEFINE, data(0, 6), data(1, 17)]) socket.send(bytes);
  const closed = collector.close();
  const heldUp = performance.now() + 1_500;
  while (performance.now() < heldUp);
  await closed;
  t.deepEqual(protocols(records), [6, 17]);
});

test('close() ends connections, and the ports are free again', async t => {
  const { collector, endpoints } = await start(t, [`udp://${QUIET_HOST}:0`, `tcp://${QUIET_HOST}:0`]);
  const socket = await openTcp(t, endpoints[1]);
  const closed = once(socket, 'close');
  await collector.close();
  await closed;
  const again = new Collector({ listen: endpoints, onRecord: () => {} });
  t.deepEqual(await again.open(), endpoints);
  await again.close();
});

test('close() with a grace period closes connections that do not end, and counts them', async t => {
  const { collector, endpoints, records } = await start(t, ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0']);
  const deaf = await openTcp(t, endpoints[1], true);
  const hearing = await openTcp(t, endpoints[1]);
  hearing.resume();
  deaf.write(Buffer.concat([DEFINE, data(0, 1, 2)]));
  hearing.write(Buffer.concat([DEFINE, data(0, 3)]));
  t.is(await collector.close(GRACE), 1);
  t.is(records.length, 3);
  t.is(collector.stats().sessions, 0);
});

test('TCP: a stream in pieces, its own templates, its end', async t => {
  const { collector, endpoints, records } = await start(t, ['tcp://127.0.0.1:0']);
  const socket = await openTcp(t, endpoints[0]);
  const stream = Buffer.concat([DEFINE, data(0, 6), data(1, 17)]);
  for (const octet of stream.subarray(0, 40)) {
    await new Promise<void>(resolve => socket.write(Buffer.from([octet]), () => resolve()));
  }
  socket.write(stream.subarray(40));
  await eventually('two records', () => records.length === 2);
  t.is(records[0].exporter, `tcp://127.0.0.1:${socket.localPort}`);
  t.is(collector.stats().sessions, 1);
  socket.end();
  await eventually('the end of the session', () => collector.stats().sessions === 0);
  const next = await openTcp(t, endpoints[0]);
  next.write(data(0, 6));
  await eventually('a set without a template', () => collector.stats().undecodableSets === 1);
  t.is(collector.stats().malformedMessages, 0);
});

test('TCP: an exporter that sends garbage is disconnected and counted, others continue', async t => {
  const { collector, endpoints, records } = await start(t, ['tcp://127.0.0.1:0']);
  const good = await openTcp(t, endpoints[0]);
  good.write(DEFINE);
  const bad = await openTcp(t, endpoints[0]);
  const closed = once(bad, 'close');
  bad.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await closed;
  const stats = collector.stats();
  t.deepEqual([stats.malformed.version, stats.disconnectedSessions], [1, 1]);
  good.write(data(0, 6));
  await eventually('a record', () => records.length === 1);
});

test('TCP: a message with broken sets is discarded, and the stream continues', async t => {
  const { collector, endpoints, records } = await start(t, ['tcp://127.0.0.1:0']);
  const socket = await openTcp(t, endpoints[0]);
  socket.write(Buffer.concat([DEFINE, message({}, u8(0)), data(0, 6)]));
  await eventually('a record', () => records.length === 1);
  t.is(collector.stats().malformed.set, 1);
  t.is(collector.stats().disconnectedSessions, 0);
});

test('TCP: a stream that ends within a message is counted', async t => {
  const { collector, endpoints } = await start(t, ['tcp://127.0.0.1:0']);
  const socket = await openTcp(t, endpoints[0]);
  socket.end(DEFINE.subarray(0, 10));
  await eventually('the end', () => collector.stats().malformed.truncated === 1 && collector.stats().sessions === 0);
  const reset = await openTcp(t, endpoints[0]);
  await new Promise<void>(resolve => reset.write(DEFINE.subarray(0, 10), () => resolve()));
  await eventually('the session', () => collector.stats().sessions === 1);
  reset.resetAndDestroy();
  await eventually('the reset', () => collector.stats().malformed.truncated === 2);
  t.is(collector.stats().malformedMessages, 2);
});

test('TCP: silent connections, and those with half a message, give way to exporters', async t => {
  const { collector, endpoints, records } = await start(t, ['tcp://127.0.0.1:0'], { limits: { tcpSessions: 4 } });
  const exporter = await openTcp(t, endpoints[0]);
  exporter.write(Buffer.concat([DEFINE, data(0, 6)]));
  await eventually('a record', () => records.length === 1);
  for (let i = 0; i < 8; i++) {
    const silent = await openTcp(t, endpoints[0]);
    if (i % 2) silent.write(DEFINE.subarray(0, 10));
  }
  await eventually('evictions', () => collector.stats().evictedSessions === 5);
  const late = await openTcp(t, endpoints[0]);
  late.write(Buffer.concat([DEFINE, data(0, 17)]));
  exporter.write(data(1, 58));
  await eventually('records of both', () => records.length === 3);
  t.deepEqual(protocols(records).sort(), [17, 58, 6]);
  t.is(collector.stats().refusedConnections, 0);
});

test('TCP: where all are in use, a new connection is refused and counted', async t => {
  const { collector, endpoints, records } = await start(t, ['tcp://127.0.0.1:0'], { limits: { tcpSessions: 2 } });
  for (let i = 0; i < 2; i++) (await openTcp(t, endpoints[0])).write(Buffer.concat([DEFINE, data(0, 6)]));
  await eventually('two records', () => records.length === 2);
  const third = await openTcp(t, endpoints[0]);
  await eventually('the refusal', () => collector.stats().refusedConnections === 1);
  await eventually('the end of the third', () => third.destroyed || third.readableEnded || third.closed);
  t.deepEqual([collector.stats().sessions, collector.stats().evictedSessions], [2, 0]);
});

test('TCP: connections without a first message, or with half a message, are closed in time', async t => {
  const troubles: Trouble[] = [];
  const { collector, endpoints, records } = await start(t, ['tcp://127.0.0.1:0'], {
    limits: { firstMessage: 3_000, message: 2_000 },
    onTrouble: trouble => troubles.push(trouble),
  });
  const exporter = await openTcp(t, endpoints[0]);
  exporter.write(DEFINE);
  await eventually('its message', () => collector.stats().messages === 1);
  const silent = await openTcp(t, endpoints[0]);
  const half = await openTcp(t, endpoints[0]);
  half.write(DEFINE.subarray(0, 10));
  const trickle = await openTcp(t, endpoints[0]);
  let at = 0;
  const timer = setInterval(() => trickle.write(Buffer.alloc(1, at < 2 ? [0, 10][at] : 255), () => at++), 50);
  t.teardown(() => clearInterval(timer));
  await Promise.all([silent, half, trickle].map(each => new Promise(resolve => each.resume().once('close', resolve))));
  t.is(collector.stats().timedOutConnections, 3);
  t.is(collector.stats().malformed.truncated, 2);
  t.deepEqual(troubles.flatMap(each => (each.kind === 'timed-out-connection' ? [each.begun] : [])).sort(), [
    false,
    true,
    true,
  ]);
  exporter.write(data(0, 6));
  await eventually('a record of the one that was silent after its template', () => records.length === 1);
});

test('TCP: a collector that was held up reads what came meanwhile before it looks at the clock', async t => {
  const { collector, endpoints, records } = await start(t, ['tcp://127.0.0.1:0'], {
    limits: { firstMessage: 2_000, message: 2_000 },
  });
  const whole = await openTcp(t, endpoints[0]);
  const rest = await openTcp(t, endpoints[0]);
  await eventually('both sessions', () => collector.stats().sessions === 2);
  whole.write(Buffer.concat([DEFINE, data(0, 6)]));
  rest.write(Buffer.concat([DEFINE, data(0, 17)]));
  const heldUp = performance.now() + 3_000;
  while (performance.now() < heldUp);
  await eventually('records of both', () => records.length === 2);
  t.is(collector.stats().timedOutConnections, 0);
});

/** A reader that takes records only as it is told to. */
function gate(): { ready: () => Promise<void> | undefined; open: () => void } {
  let open = (): void => {};
  let shut: Promise<void> | undefined = new Promise(resolve => (open = resolve));
  return {
    ready: () => shut,
    open: () => {
      shut = undefined;
      open();
    },
  };
}

test('TCP: while the reader of records waits, exporters are slowed down, and nothing is lost', async t => {
  const { ready, open } = gate();
  const { collector, endpoints, records } = await start(t, ['tcp://127.0.0.1:0'], { ready });
  const socket = await openTcp(t, endpoints[0]);
  const WIDE = message({}, templateSet(257, [210, 6_551]));
  const large = message({}, set(257, Buffer.alloc(65_510, 6))); // ten records
  const MESSAGES = 400; // 26 MB: more than the kernel's buffers
  let written = 0;
  socket.write(WIDE);
  const next = (): void => {
    if (written === MESSAGES) socket.end();
    else {
      socket.write(large, () => {
        written++;
        next();
      });
    }
  };
  next();
  await eventually('the first record', () => records.length === 1);
  let before = -1;
  await eventually('the exporter to stand still', () => {
    const still = written > 0 && written === before;
    before = written;
    return still;
  });
  t.is(records.length, 1);
  t.true(written < MESSAGES, 'the kernel holds the exporter up');
  t.is(collector.stats().messages, 2, 'no more is decoded than what waits');
  open();
  await eventually('all records', () => records.length === MESSAGES * 10);
  t.is(collector.stats().droppedDatagrams, 0);
});

test('UDP: while the reader of records waits, datagrams queue within a limit, and the rest is counted', async t => {
  const { ready, open } = gate();
  const dropped: string[] = [];
  const { collector, endpoints, records } = await start(t, ['udp://127.0.0.1:0', 'udp://127.0.0.2:0'], {
    ready,
    limits: { queuedOctets: 40_000 },
    onTrouble: ({ kind, exporter }) => kind === 'dropped-datagram' && dropped.push(exporter),
  });
  const datagrams = [DEFINE, ...Array.from({ length: 200 }, (_, i) => data(i, 6))];
  const from = await sendUdp(t, endpoints[0], ...datagrams);
  const read = () => collector.stats().messages + collector.stats().droppedDatagrams;
  await eventually('the first record, and drops', () => records.length === 1 && dropped.length > 0);
  t.is(records.length, 1);
  open();
  await eventually('the rest', () => read() === datagrams.length);
  const { droppedDatagrams, messages } = collector.stats();
  t.true(droppedDatagrams > 0 && messages > 20, `${messages} messages, ${droppedDatagrams} dropped`);
  t.is(records.length, messages - 1);
  t.deepEqual(new Set(dropped), new Set([from]));
});

test('close() ends in time though the reader of records waits on, and counts what it left', async t => {
  const { ready, open } = gate();
  const { collector, endpoints, records } = await start(t, ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'], { ready });
  const socket = await openTcp(t, endpoints[1]);
  socket.write(Buffer.concat([DEFINE, data(0, 6, 6, 6), data(3, 6), data(4, 6)]));
  await eventually('a record', () => records.length === 1);
  await collector.close();
  const { undeliveredMessages, undeliveredRecords } = collector.stats();
  t.deepEqual([undeliveredRecords, undeliveredMessages], [2, 2]);
  open();
  await new Promise(resolve => setImmediate(resolve));
  t.is(records.length, 1, 'nothing comes after it');
});

test('onMessage sees the octets of every message before its records, malformed ones too', async t => {
  const seen: [string, string][] = [];
  const { endpoints } = await start(t, ['udp://127.0.0.1:0'], {
    onMessage: (bytes, from) => seen.push([Buffer.from(bytes).toString('hex'), from]),
    onRecord: record => seen.push([String(record.get('protocolIdentifier')), record.exporter]),
  });
  const bytes = message({}, templateSet(256, [4, 1]), set(256, u8(6)));
  const from = await sendUdp(t, endpoints[0], bytes, Buffer.from('xyz'));
  await eventually('three calls', () => seen.length === 3);
  t.deepEqual(seen, [
    [bytes.toString('hex'), from],
    ['6', from],
    ['78797a', from],
  ]);
});

(HAS_IPV6 ? test : test.skip)(`IPv6${HAS_IPV6 ? '' : ' (there is no ::1 here)'}`, async t => {
  const { endpoints, records } = await start(t, ['udp://[::1]:0', 'tcp://[::1]:0', 'udp://[::]:0']);
  await sendUdp(t, endpoints[0], DEFINE, data(0, 6));
  const socket = await openTcp(t, endpoints[1]);
  socket.write(Buffer.concat([DEFINE, data(0, 17)]));
  const from = await sendUdp(t, { ...endpoints[2], host: '127.0.0.1' }, DEFINE, data(0, 58));
  await eventually('three records', () => records.length === 3);
  const exporters = records.map(({ exporter }) => exporter);
  t.is(exporters.filter(exporter => /^(udp|tcp):\/\/\[::1\]:\d+$/.test(exporter)).length, 2);
  t.true(exporters.includes(from), 'IPv4 through an IPv6 socket shows as IPv4');
});

test('an address that cannot be bound is an error with a hint, and nothing stays open', async t => {
  const { endpoints } = await start(t, [`udp://${QUIET_HOST}:0`, `tcp://${QUIET_HOST}:0`]);
  for (const taken of endpoints) {
    const free = createSocket('udp4').bind(0, QUIET_HOST);
    await once(free, 'listening');
    const { port } = free.address();
    await new Promise<void>(resolve => free.close(resolve));
    const other = new Collector({ listen: [{ protocol: 'udp', host: QUIET_HOST, port }, taken], onRecord: () => {} });
    const error = await t.throwsAsync(other.open(), { code: 'CTFLOW_ADDRESS', message: /EADDRINUSE/ });
    t.regex((error as unknown as { hint: string }).hint, /port/);
    const after = createSocket('udp4').bind(port, QUIET_HOST);
    await once(after, 'listening');
    after.close();
  }
});

test('addresses that are not ours, and names that do not exist', async t => {
  for (const [address, message] of [
    ['udp://203.0.113.1:4739', /EADDRNOTAVAIL/],
    ['tcp://203.0.113.1:4739', /EADDRNOTAVAIL/],
    ['udp://no.such.host.invalid:4739', /'no\.such\.host\.invalid'/],
  ] as const) {
    const collector = new Collector({ listen: [parseEndpoint(address)], onRecord: () => {} });
    await t.throwsAsync(collector.open(), { code: 'CTFLOW_ADDRESS', message });
  }
});

test('fuzz: the collector survives any datagrams and any streams', async t => {
  const { collector, endpoints, records } = await start(t, ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0']);
  const bytes = fc.uint8Array({ maxLength: 400 });
  const headed = bytes.map(body => message({}, body));
  const setted = fc.tuple(fc.integer({ min: 0, max: 300 }), bytes).map(([id, body]) => message({}, set(id, body)));
  const messages = fc.array(fc.oneof(bytes, headed, setted), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(messages, async chunks => {
      await sendUdp(t, endpoints[0], ...chunks);
      const socket = connect(endpoints[1].port, '127.0.0.1');
      socket.on('error', () => {});
      const closed = once(socket, 'close');
      socket.resume();
      socket.end(Buffer.concat(chunks));
      await closed;
    }),
    { ...seeded(t), numRuns: 200 },
  );
  const before = records.length;
  await sendUdp(t, endpoints[0], message({}, templateSet(256, [8, 4]), set(256, u32(1))));
  const socket = await openTcp(t, endpoints[1]);
  socket.write(Buffer.concat([DEFINE, data(0, 6)]));
  await eventually('two records', () => records.length === before + 2);
  const { malformedMessages, malformed } = collector.stats();
  t.is(
    malformedMessages,
    Object.values(malformed).reduce((sum, each) => sum + each, 0),
  );
  t.true(malformed.version > 0 && malformed.set > 0 && malformed.template > 0);
});
