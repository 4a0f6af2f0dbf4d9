// Runs in a network and a mount namespace of its own: a name has three addresses, of which one at a time has a collector; and an
// interface has a link-local address.
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { loadBackend } from '../../../src/backend/load.js';
import { parseEndpoint } from '../../../src/common/endpoint.js';
import { TcpTransport } from '../../../src/transport/tcp.js';
import { TlsClient } from '../../../src/transport/tls-client.js';
import { UdpTransport } from '../../../src/transport/udp.js';
import { eventually } from '../eventually.js';
import { Authority } from '../tls/authority.js';
import { messages, TransportLog } from './transport-log.js';

const PORT = 4739;
const ADDRESSES = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
const [name, hosts] = process.argv.slice(2) as ['native' | 'fallback', string];
const { connectDatagram, limitUnsent } = await loadBackend(name);

/** @returns whether the collector at `listen` is reached by an exporter to `host` */
async function reached(protocol: 'tcp' | 'udp', listen: string, host: string): Promise<boolean> {
  const endpoint = parseEndpoint(`${protocol}://${host}:${PORT}`);
  let arrived = false;
  const note = (): void => void (arrived = true);
  const server = createServer(socket => socket.on('data', note).on('end', () => socket.end()));
  const socket = createSocket(listen.includes(':') ? 'udp6' : 'udp4');
  if (protocol === 'tcp') await once(server.listen(PORT, listen), 'listening');
  else await once(socket.bind(PORT, listen).on('message', note), 'listening');
  const transport =
    protocol === 'tcp'
      ? new TcpTransport(endpoint, { reconnectInterval: 20, collectorBuffer: 1 << 20, limitUnsent })
      : new UdpTransport(endpoint, { mtu: 512, udpSegmentation: false }, connectDatagram, { retry: 20, probe: 20 });
  await transport.open(new TransportLog());
  await eventually(`${protocol} to ${listen}`, () => {
    if (transport.ready) transport.send(...messages(1, 100, 1));
    return arrived;
  });
  await transport.close(60_000);
  server.close();
  socket.close();
  return arrived;
}

const authority = new Authority('ours');
const [right, other] = ['collector.test', 'other.test'].map(host => authority.issue({ names: [`DNS:${host}`] }));

/** @returns whether the collector with the right certificate is reached, beside others at the other addresses */
async function reachedOverTls(listen: string): Promise<boolean> {
  const endpoint = parseEndpoint(`tls://collector.test:${PORT}`);
  let arrived = false;
  const servers = await Promise.all(
    ADDRESSES.map(async address => {
      const { tlsCertificate, tlsKey } = address === listen ? right : other;
      const server = createTlsServer({ cert: readFileSync(tlsCertificate), key: readFileSync(tlsKey) });
      server.on('secureConnection', (socket: TLSSocket) => {
        socket.on('error', () => {});
        socket.on('data', () => (arrived ||= address === listen)).on('end', () => socket.end());
      });
      await once(server.listen(PORT, address), 'listening');
      return server;
    }),
  );
  const transport = new TcpTransport(endpoint, {
    reconnectInterval: 60_000,
    collectorBuffer: 1 << 20,
    limitUnsent,
    tls: new TlsClient(endpoint, { tlsCa: authority.tlsCa }, () => {}),
  });
  await transport.open(new TransportLog());
  await eventually(`TLS to ${listen}`, () => {
    if (transport.ready) transport.send(...messages(1, 100, 1));
    return arrived;
  });
  await transport.close(60_000);
  for (const server of servers) server.close();
  return arrived;
}

writeFileSync(hosts, ADDRESSES.map(address => `${address} collector.test\n`).join(''));
execFileSync('mount', ['--bind', hosts, '/etc/hosts']);
execFileSync('ip', ['link', 'set', 'lo', 'up']);
for (const command of [
  'link add v0 type veth peer name v1',
  'link set v0 up',
  'link set v1 up',
  'address add fe80::5/64 dev v0 nodad',
]) {
  execFileSync('ip', command.split(' '));
}
const found: Record<string, string[]> = { tcp: [], tls: [], udp: [], zone: [] };
for (const protocol of ['tcp', 'udp'] as const) {
  for (const address of ADDRESSES)
    if (await reached(protocol, address, 'collector.test')) found[protocol].push(address);
  if (await reached(protocol, 'fe80::5%v0', '[fe80::5%v0]')) found['zone'].push(protocol);
}
for (const address of ADDRESSES) if (await reachedOverTls(address)) found['tls'].push(address);
process.stdout.write(JSON.stringify(found));
