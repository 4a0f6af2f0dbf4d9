import test from 'ava';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { createSocket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import { nextAddress, resolveAll } from '../../src/transport/addresses.js';
import { TcpTransport } from '../../src/transport/tcp.js';
import { UdpTransport } from '../../src/transport/udp.js';
import { perBackend } from '../helpers/backends.js';
import { eventually } from '../helpers/eventually.js';
import { QUIET_HOST } from '../helpers/fakes/quiet-host.js';
import { messages, TransportLog } from '../helpers/fakes/transport-log.js';
import { BACKENDS } from '../helpers/kernel/command.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';
import { temporaryPath } from '../helpers/temporary.js';

const SEVERAL = fileURLToPath(new URL('../helpers/fakes/several-addresses.js', import.meta.url));

test('addresses have their turn one after another', t => {
  const addresses = ['a', 'b', 'c'].map(address => ({ address, family: 4 }));
  t.is(nextAddress(addresses, 'a').address, 'b');
  t.is(nextAddress(addresses, 'c').address, 'a');
  t.is(nextAddress(addresses, 'gone').address, 'a');
  t.is(nextAddress(addresses, '').address, 'a');
});

test('only addresses of the family of the local address are used', async t => {
  t.deepEqual(await resolveAll('127.0.0.1', { localAddress: '127.0.0.9' }), [{ address: '127.0.0.1', family: 4 }]);
  await t.throwsAsync(resolveAll('127.0.0.1', { localAddress: '::1' }), { code: 'EAFNOSUPPORT' });
});

test('an address behind an interface that is not there is none', async t => {
  await t.throwsAsync(resolveAll('fe80::1%no-such-if', {}), { code: 'ENODEV' });
  const [name] = Object.keys(networkInterfaces());
  t.deepEqual(await resolveAll(`fe80::1%${name}`, {}), [{ address: `fe80::1%${name}`, family: 6 }]);
  t.deepEqual(await resolveAll('fe80::1%1', {}), await lookup('fe80::1%1', { all: true }));
});

for (const { name, needs: wanted } of BACKENDS) {
  needs(test, ['linux', 'namespace', 'openssl', ...wanted])(
    `${name}: a name with several addresses leads to the one that answers, over TCP and UDP, and over TLS with the right certificate`,
    async t => {
      const namespace = await PrivateNamespace.create(t);
      const hosts = temporaryPath(t, 'hosts');
      // what it mounts is seen by nobody else
      const args = ['-m', process.execPath, SEVERAL, name, hosts];
      const { stdout, stderr, code } = await namespace.finish('unshare', args);
      t.is(code, 0, stderr);
      t.deepEqual(JSON.parse(stdout), {
        tcp: ['127.0.0.2', '127.0.0.3', '127.0.0.4'],
        tls: ['127.0.0.2', '127.0.0.3', '127.0.0.4'],
        udp: ['127.0.0.2', '127.0.0.3', '127.0.0.4'],
        zone: ['tcp', 'udp'],
      });
    },
  );
}

perBackend('records come from the fixed address and port, over TCP and UDP', async (t, backend) => {
  const local = { localAddress: QUIET_HOST };
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const connected = once(server, 'connection');
  const tcp = new TcpTransport(
    { protocol: 'tcp', host: '127.0.0.1', port },
    {
      reconnectInterval: 60_000,
      collectorBuffer: 1 << 20,
      limitUnsent: backend.limitUnsent,
      ...local,
      localPort: 40_123,
    },
  );
  t.teardown(() => tcp.close(0));
  await tcp.open(new TransportLog());
  const [{ remoteAddress, remotePort }] = await connected;
  t.deepEqual([remoteAddress, remotePort], [QUIET_HOST, 40_123]);

  const receiver = createSocket('udp4').bind(0, '127.0.0.1');
  await once(receiver, 'listening');
  t.teardown(() => void receiver.close());
  const udp = new UdpTransport(
    { protocol: 'udp', host: '127.0.0.1', port: receiver.address().port },
    { mtu: 512, udpSegmentation: false, ...local, localPort: 40_124 },
    backend.connectDatagram,
  );
  t.teardown(() => udp.close(0));
  const arrived = once(receiver, 'message');
  await udp.open(new TransportLog());
  udp.send(...messages(1, 100, 1));
  const [, from] = await arrived;
  t.like(from, { address: QUIET_HOST, port: 40_124 });
  // the port is taken: it is said, and tried again
  const second = new UdpTransport(
    { protocol: 'udp', host: '127.0.0.1', port: receiver.address().port },
    { mtu: 512, udpSegmentation: false, ...local, localPort: 40_124 },
    backend.connectDatagram,
    { retry: 20 },
  );
  t.teardown(() => second.close(0));
  const log = new TransportLog();
  await second.open(log);
  t.is(await log.nth(1), 'closed: EADDRINUSE');
  await udp.close(0);
  await eventually('its turn', () => log.events.at(-1) === 'opened');
});
