// Runs in a network namespace of its own, whose loopback device changes: what becomes of bursts that the kernel is to segment.
import { execFileSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { loadBackend } from '../../../src/backend/load.js';
import { UdpTransport } from '../../../src/transport/udp.js';
import { eventually } from '../eventually.js';
import { messages, TransportLog } from './transport-log.js';

const PORT = 4739;
const SIZE = 1372;
const loopback = (change: string): unknown => execFileSync('ip', ['link', 'set', 'lo', ...change.split(' ')]);
const { connectDatagram } = await loadBackend(process.argv[2] as 'native' | 'fallback');

async function collector(host: string): Promise<{ socket: Socket; packets: Buffer[] }> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const packets: Buffer[] = [];
  socket.on('message', packet => packets.push(packet));
  socket.bind(PORT, host);
  await once(socket, 'listening');
  return { socket, packets };
}

async function open(host: string): Promise<{ transport: UdpTransport; log: TransportLog }> {
  const transport = new UdpTransport(
    { protocol: 'udp', host, port: PORT },
    { mtu: 1500, udpSegmentation: true },
    connectDatagram,
    { retry: 60_000, probe: 20 },
  );
  const log = new TransportLog();
  await transport.open(log);
  return { transport, log };
}

/** The path MTU becomes smaller than a message: the kernel does not segment then. */
async function smallerPath(host: string): Promise<unknown> {
  loopback('mtu 65536');
  const { socket, packets } = await collector(host);
  const { transport, log } = await open(host);
  const seen: boolean[] = [];
  for (const [burst, mtu] of [65536, 1280, 1280].entries()) {
    loopback(`mtu ${mtu}`);
    transport.send(...messages(60, SIZE, 2));
    await eventually('60 more packets', () => packets.length >= 60 * (burst + 1));
    seen.push(transport.segments);
  }
  const { records, lostRecords, errors } = transport.counts;
  await transport.close(1_000);
  socket.close();
  const whole = packets.every((packet, i) => packet.length === SIZE && packet[0] === (i % 60) + 1);
  return { seen, events: log.events, packets: packets.length, whole, records, lostRecords, errors };
}

/** The device does not segment, so that each datagram of a burst is refused by itself. */
async function refusedEach(host: string): Promise<unknown> {
  loopback('mtu 65536 gso_max_segs 1');
  const { socket, packets } = await collector(host);
  const { transport } = await open(host);
  for (const burst of [1, 2]) {
    transport.send(...messages(10, 100, 1));
    await eventually('ten more packets', () => packets.length === 10 * burst);
  }
  socket.close();
  await once(socket, 'close');
  transport.send(...messages(10, 100, 1));
  await eventually('the refusal', () => !transport.ready);
  const { lostRecords, uncertainRecords, records } = transport.counts;
  await transport.close(0);
  return { lostRecords, uncertainRecords, records };
}

execFileSync('ip', ['link', 'set', 'lo', 'up']);
const results: unknown[] = [];
for (const host of ['127.0.0.1', '::1']) results.push(await smallerPath(host), await refusedEach(host));
process.stdout.write(JSON.stringify(results));
