import test, { type ExecutionContext } from 'ava';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { TcpTransport } from '../../src/transports/tcp.js';
import { eventually } from '../helpers/eventually.js';
import { messages, TransportLog } from '../helpers/transport-log.js';

/** A collector's side: every connection, and what came on it. */
class Peer {
  readonly server: Server;
  readonly sockets: Socket[] = [];
  readonly received: Buffer[] = [];

  constructor(server: Server, reads: boolean) {
    this.server = server;
    server.on('connection', socket => {
      const index = this.sockets.push(socket) - 1;
      this.received[index] = Buffer.alloc(0);
      socket.on('error', () => {});
      if (reads) {
        socket.on('data', chunk => (this.received[index] = Buffer.concat([this.received[index], chunk])));
      } else {
        socket.pause();
      }
    });
  }

  static async listen(t: ExecutionContext, port = 0, reads = true): Promise<Peer> {
    const peer = new Peer(createServer({ allowHalfOpen: true, pauseOnConnect: !reads }), reads);
    peer.server.listen(port, '127.0.0.1');
    await once(peer.server, 'listening');
    t.teardown(() => peer.close());
    return peer;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The connection with this number, counted from 1. */
  async nth(count: number): Promise<Socket> {
    await eventually(`connection ${count}`, () => this.sockets.length >= count);
    return this.sockets[count - 1];
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>(resolve => this.server.close(() => resolve()));
  }
}

async function opened(t: ExecutionContext, port: number): Promise<[TcpTransport, TransportLog]> {
  const transport = new TcpTransport({ protocol: 'tcp', host: '127.0.0.1', port }, 20);
  const log = new TransportLog();
  t.teardown(() => transport.close(0));
  await transport.open(log);
  t.is(await log.nth(1), 'opened');
  return [transport, log];
}

/** Sends until the transport takes no more. @returns records sent */
async function fill(transport: TcpTransport): Promise<number> {
  let records = 0;
  for (let full = 0; full < 20;) {
    if (transport.ready) {
      transport.send(...messages(4, 16_000, 7));
      records += 28;
      full = 0;
    } else {
      full++;
    }
    await new Promise(resolve => setTimeout(resolve, 2));
  }
  return records;
}

test('messages arrive one after another, as they were given, and are counted when the kernel has them', async t => {
  const peer = await Peer.listen(t);
  const [transport, log] = await opened(t, peer.port);
  t.true(transport.ready);
  const [bytes, lengths, count] = messages(3, 1_000, 4);
  const copy = Buffer.from(bytes);
  transport.send(bytes, lengths, count);
  bytes.fill(0xff);
  await eventually('3,000 bytes', () => peer.received[0]?.length === 3_000);
  t.deepEqual(peer.received[0], copy);
  await eventually('counted', () => transport.counts.messages === 3);
  t.like(transport.counts, { records: 12, octets: 3_000, lostRecords: 0, connects: 1 });
  t.is(log.records, 12);
});

test('requirement 12: a collector that is not there is tried again, later each time, and found when it comes', async t => {
  const first = await Peer.listen(t);
  const { port } = first;
  await first.close();
  const transport = new TcpTransport({ protocol: 'tcp', host: '127.0.0.1', port }, 20);
  const log = new TransportLog();
  t.teardown(() => transport.close(0));
  await transport.open(log);
  t.is(await log.nth(5), 'closed: ECONNREFUSED');
  t.false(transport.ready);
  const gaps = log.times.slice(1).map((time, i) => time - log.times[i]);
  t.true(gaps[3] > gaps[0], `waits of ${gaps.map(Math.round)} ms`);
  t.is(transport.counts.errors['ECONNREFUSED'], 5);
  const peer = await Peer.listen(t, port);
  await eventually('a session', () => log.events.at(-1) === 'opened');
  t.is(transport.counts.connects, 1);
  const { length } = log.events;
  (await peer.nth(1)).destroy();
  t.is(await log.nth(length + 2), 'opened');
  t.true(log.times[length + 1] - log.times[length] < gaps[3], 'the waits begin anew after a session');
});

test('requirement 12: a collector that takes a connection and ends it is not tried again at once', async t => {
  const peer = await Peer.listen(t);
  peer.server.on('connection', socket => socket.end());
  const [, log] = await opened(t, peer.port);
  await log.nth(8);
  for (let i = 2; i < 8; i += 2) t.true(log.times[i] - log.times[i - 1] > 10, 'the wait is observed');
});

for (const [what, end] of [
  ['closes', (socket: Socket) => socket.destroy()],
  ['half-closes', (socket: Socket) => socket.end()],
  ['resets', (socket: Socket) => socket.resetAndDestroy()],
] as const) {
  test(`requirement 12: a collector that ${what} is noticed at once, without anything sent to it; a new session follows`, async t => {
    const peer = await Peer.listen(t);
    const [transport, log] = await opened(t, peer.port);
    end(await peer.nth(1));
    t.regex(await log.nth(2), /^closed: (ECONNRESET|closed by the collector)$/);
    t.is(await log.nth(3), 'opened');
    t.is(transport.counts.connects, 2);
    transport.send(...messages(1, 100, 1));
    await eventually('a message in the new session', () => peer.received[1]?.length === 100);
    t.is(peer.received[0].length, 0);
  });
}

test('requirement 12: what a broken connection still held is counted as lost', async t => {
  const peer = await Peer.listen(t, 0, false);
  const [transport, log] = await opened(t, peer.port);
  const records = await fill(transport);
  (await peer.nth(1)).resetAndDestroy();
  t.is(await log.nth(2), 'closed: ECONNRESET');
  t.true(transport.counts.lostRecords > 0);
  t.is(transport.counts.records + transport.counts.lostRecords, records);
  t.is(log.records, records);
});

test('a frozen collector fills the transport, which is not ready then, and does not hang its end', async t => {
  const peer = await Peer.listen(t, 0, false);
  const [transport, log] = await opened(t, peer.port);
  const records = await fill(transport);
  t.false(transport.ready);
  await transport.drained(10);
  t.false(transport.ready);
  await transport.close(50);
  t.true(transport.counts.lostRecords > 0, 'counted when close() has ended');
  t.is(transport.counts.records + transport.counts.lostRecords, records);
  t.is(log.records, records);
  t.deepEqual(log.events, ['opened'], 'an end of our own is no loss of the connection');
});

test('a collector that half-closes and reads no more is given up', async t => {
  const peer = await Peer.listen(t, 0, false);
  const [transport, log] = await opened(t, peer.port);
  await fill(transport);
  (await peer.nth(1)).end();
  await eventually('no more is taken', () => !transport.ready);
  t.is(await log.nth(2), 'closed: closed by the collector');
  t.true(transport.counts.lostRecords > 0);
});

test('a collector that reads again makes the transport ready again', async t => {
  const peer = await Peer.listen(t, 0, false);
  const [transport] = await opened(t, peer.port);
  await fill(transport);
  const drained = transport.drained(60_000);
  const socket = await peer.nth(1);
  socket.on('end', () => socket.end());
  socket.resume();
  await drained;
  t.true(transport.ready);
  await transport.close(10_000);
  t.is(transport.counts.lostRecords, 0);
});

test('everything that was sent leaves before the end', async t => {
  const peer = await Peer.listen(t);
  const [transport, log] = await opened(t, peer.port);
  const socket = await peer.nth(1);
  const ended = once(socket, 'end');
  transport.send(...messages(10, 16_000, 1));
  const closed = transport.close(60_000);
  await ended;
  socket.end();
  await closed;
  t.is(peer.received[0].length, 160_000);
  t.like(transport.counts, { records: 10, lostRecords: 0 });
  t.deepEqual(log.events, ['opened']);
});

test('it ends while it tries to connect, and while it waits to', async t => {
  const gone = await Peer.listen(t);
  const { port } = gone;
  await gone.close();
  for (const wait of [false, true]) {
    const transport = new TcpTransport({ protocol: 'tcp', host: '127.0.0.1', port }, 50);
    const log = new TransportLog();
    await transport.open(log);
    if (wait) await log.nth(1);
    await transport.close(60_000);
    const { length } = log.events;
    await new Promise(resolve => setTimeout(resolve, 150));
    t.is(log.events.length, length);
  }
});

test('a name that does not resolve is tried again', async t => {
  const transport = new TcpTransport({ protocol: 'tcp', host: 'no-such-host.invalid', port: 4739 }, 10);
  const log = new TransportLog();
  t.teardown(() => transport.close(0));
  await transport.open(log);
  t.regex(await log.nth(2), /^closed: (ENOTFOUND|EAI_AGAIN)$/);
});
