import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createSocket } from 'node:dgram';
import type { ExecutionContext } from 'ava';
import type { Endpoint } from '../src/common/endpoint.js';
import { DESTINATION_DEFAULTS } from '../src/destination/destination-options.js';
import { Exporter, EXPORTER_DEFAULTS } from '../src/exporter.js';
import { perBackend } from './helpers/backends.js';
import { udp } from './helpers/builders/connections.js';
import type { Facts } from './helpers/builders/rows.js';
import { flows, TcpCollector } from './helpers/fakes/collector-socket.js';
import { FakeSource } from './helpers/fakes/fake-source.js';
import { listeningLogger } from './helpers/fakes/listening-logger.js';
import { eventually } from './helpers/eventually.js';

const ROUNDS = 6;
const NEW = 400;
const PACKETS = 3;
/** After the start of any exporter here. */
const LATER = Date.now() + 3_600_000;

/** A TCP port that nobody listens on. */
async function refusing(): Promise<Endpoint> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return { protocol: 'tcp', host: '127.0.0.1', port };
}

/** A collector that resets each connection at its first message. */
async function resetting(t: ExecutionContext): Promise<Endpoint> {
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.resetAndDestroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  return { protocol: 'tcp', host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

/** A UDP port that nobody listens on: the kernel answers each datagram with an ICMP error. */
async function unreachable(): Promise<Endpoint> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return { protocol: 'udp', host: '127.0.0.1', port };
}

perBackend('four destinations are dead, and nothing is lost at the fifth, which lives', async (t, backend) => {
  const frozen = await TcpCollector.listen(t);
  frozen.reads = false;
  const alive = await TcpCollector.listen(t);
  const source = new FakeSource([{ connections: [] }]);
  const { log } = listeningLogger();
  const dead = {
    refuses: await refusing(),
    resets: await resetting(t),
    unreachable: await unreachable(),
    frozen: frozen.endpoint,
  };
  const exporter = new Exporter({
    ...EXPORTER_DEFAULTS,
    flowPollInterval: 20,
    // the dead ones hold no slot of it
    maxConnections: NEW,
    shutdownTimeout: 2_000,
    backend,
    source,
    destinations: Object.entries({ ...dead, alive: alive.endpoint }).map(([name, endpoint]) => ({
      ...DESTINATION_DEFAULTS,
      activeFlowExportTimeout: 30,
      idleFlowExportTimeout: 3_600_000,
      reconnectInterval: 20,
      // more than the room of the dead ones' queues, and than a socket's buffers
      endedQueue: name === 'alive' ? NEW * ROUNDS : NEW,
      collectorBuffer: 4096,
      observationDomain: 1,
      name,
      endpoint,
    })),
    log,
  });
  t.teardown(() => exporter.close());
  await exporter.open();
  const round = (n: number): Facts[] =>
    Array.from({ length: NEW }, (_, i) => udp(n * NEW + i + 1, LATER, [PACKETS, PACKETS * 100, 0, 0]));
  const packets = (): number => flows(alive).reduce((sum, record) => sum + Number(record.get('packetDeltaCount')), 0);
  for (let n = 0; n < ROUNDS; n++) {
    source.next({ connections: round(n) });
    await eventually('the round is stored', () => exporter.stats().store.added === (n + 1) * NEW);
    source.next({ connections: [] });
    const { polls } = exporter.stats().poll;
    await eventually('the round has ended', () => exporter.stats().poll.polls >= polls + 2);
    await eventually('the living one has all of it', () => packets() === (n + 1) * NEW * PACKETS);
  }
  const { store, destinations } = exporter.stats();
  t.like(store, { evicted: 0, refused: 0 });
  const none = { connections: 0, packets: 0, octets: 0 };
  const living = destinations.find(({ name }) => name === 'alive')!;
  t.like(living, { connected: true, ended: 0, stale: none, endedOverflow: none, evictedUnreported: none });
  t.like(living.transport, { errors: {}, lostRecords: 0, uncertainRecords: 0, connects: 1 });
  t.is(flows(alive).length, living.session.records);
  const refuses = destinations.find(({ name }) => name === 'refuses')!;
  t.is(refuses.session.records, 0);
  t.is(refuses.ended + refuses.endedOverflow.connections, NEW * ROUNDS);
  for (const name of ['refuses', 'resets', 'unreachable']) {
    const { transport } = destinations.find(one => one.name === name)!;
    t.true(Object.keys(transport.errors).length > 0, name);
  }
  t.is(frozen.messages.length, 0, 'it has read nothing');
});
