// Runs in a network and a mount namespace of its own: the name of a collector moves twice, once beside a living collector and
// once after it has gone.
import { createSocket, type Socket } from 'node:dgram';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { loadBackend } from '../../../src/backend/load.js';
import { UdpTransport } from '../../../src/transport/udp.js';
import { eventually } from '../eventually.js';
import { messages, TransportLog } from './transport-log.js';

const PORT = 4739;
const [backend, hosts] = process.argv.slice(2) as ['native' | 'fallback', string];
const nameIs = (address: string): void => writeFileSync(hosts, `${address} collector.test\n`);
const arrived: string[] = [];

async function collector(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('message', message => {
    if (message.length === 100 && !arrived.includes(address)) arrived.push(address);
  });
  socket.bind(PORT, address);
  await once(socket, 'listening');
  return socket;
}

nameIs('127.0.0.2');
execFileSync('mount', ['--bind', hosts, '/etc/hosts']);
execFileSync('ip', ['link', 'set', 'lo', 'up']);
const { connectDatagram } = await loadBackend(backend);
const [first, second, third] = await Promise.all(['127.0.0.2', '127.0.0.3', '127.0.0.4'].map(collector));
const transport = new UdpTransport(
  { protocol: 'udp', host: 'collector.test', port: PORT },
  { mtu: 512, udpSegmentation: false },
  connectDatagram,
  { retry: 50, probe: 500, lookup: 50 },
);
const log = new TransportLog();
await transport.open(log);
const arrives = (address: string): Promise<unknown> =>
  eventually(`a packet at ${address}`, () => {
    if (transport.ready) transport.send(...messages(1, 100, 1));
    return arrived.includes(address);
  });
await arrives('127.0.0.2');
nameIs('127.0.0.3');
await arrives('127.0.0.3');
second.close();
await eventually('the refusal', () => {
  if (transport.ready) transport.send(...messages(1, 100, 1));
  return log.events.length > 3;
});
nameIs('127.0.0.4');
await arrives('127.0.0.4');
await transport.close(1_000);
for (const socket of [first, third]) socket.close();
process.stdout.write(JSON.stringify({ events: log.events, arrived }));
