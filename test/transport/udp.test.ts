import test, { type ExecutionContext } from 'ava';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { UdpTransport } from '../../src/transport/udp.js';
import type { Backend } from '../../src/backend/backend.js';
import { perBackend } from '../helpers/backends.js';
import { BACKENDS } from '../helpers/kernel/command.js';
import { eventually } from '../helpers/eventually.js';
import { Capture } from '../helpers/kernel/capture.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { QUIET_HOST } from '../helpers/fakes/quiet-host.js';
import { needs } from '../helpers/kernel/require.js';
import { Traffic } from '../helpers/kernel/traffic.js';
import { temporaryPath } from '../helpers/temporary.js';
import { messages, TransportLog } from '../helpers/fakes/transport-log.js';
import { NumberedMessages, numbersIn } from '../helpers/tls/numbered-messages.js';

const RENAMED = fileURLToPath(new URL('../helpers/fakes/renamed-host.js', import.meta.url));
const SEGMENTING = fileURLToPath(new URL('../helpers/fakes/segmenting-host.js', import.meta.url));
const NARROW = fileURLToPath(new URL('../helpers/fakes/narrow-path-host.js', import.meta.url));
const RENUMBERED = fileURLToPath(new URL('../helpers/fakes/renumbered-host.js', import.meta.url));

interface Receiver {
  readonly host: string;
  readonly port: number;
  readonly packets: Buffer[];
  readonly socket: Socket;
}

async function receiver(t: ExecutionContext, host: string, port = 0): Promise<Receiver> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const packets: Buffer[] = [];
  socket.on('message', packet => packets.push(packet));
  socket.bind(port, host);
  await once(socket, 'listening');
  t.teardown(() => new Promise<void>(resolve => socket.close(() => resolve())).catch(() => {}));
  return { host, port: (socket.address() as AddressInfo).port, packets, socket };
}

async function opened(
  t: ExecutionContext,
  backend: Backend,
  host: string,
  port: number,
  mtu = 512,
): Promise<[UdpTransport, TransportLog]> {
  const transport = new UdpTransport(
    { protocol: 'udp', host, port },
    { mtu, udpSegmentation: false },
    backend.connectDatagram,
    { retry: 20, longestRetry: 40, probe: 20 },
  );
  const log = new TransportLog();
  t.teardown(() => transport.close(0));
  await transport.open(log);
  return [transport, log];
}

for (const [host, headers] of [
  ['127.0.0.1', 28],
  ['::1', 48],
] as const) {
  perBackend(`RFC 7011 10.3.3: a packet to ${host} is no larger than the MTU, one message each`, async (t, backend) => {
    const { port, packets } = await receiver(t, host);
    const [transport, log] = await opened(t, backend, host, port);
    t.deepEqual(log.events, ['opened']);
    t.is(transport.limit, 512 - headers);
    t.true(transport.ready);
    const [bytes, lengths, count] = messages(3, transport.limit, 2);
    transport.send(bytes, lengths, count);
    bytes.fill(0xff); // the caller's buffer is its own again at once
    await eventually('three packets', () => packets.length === 3);
    for (const packet of packets) t.is(packet.length + headers, 512);
    t.deepEqual(
      packets.map(packet => packet[0]),
      [1, 2, 3],
    );
    await eventually('all counted', () => transport.counts.messages === 3);
    t.like(transport.counts, { records: 6, octets: 3 * transport.limit, lostRecords: 0, connects: 1 });
    t.is(log.records, 6);
  });
}

perBackend(
  'records to a closed port are counted as lost, the others wait until a collector listens',
  async (t, backend) => {
    const gone = await receiver(t, QUIET_HOST);
    const { port } = gone;
    gone.socket.close();
    const [transport, log] = await opened(t, backend, QUIET_HOST, port);
    transport.send(...messages(40, 100, 5));
    await eventually('it knows', () => !transport.ready);
    // sent while it did not know, or not sent: no record is anything else
    const { lostRecords, records, uncertainRecords } = transport.counts;
    t.true(lostRecords >= 5);
    t.is(records, uncertainRecords, 'no record counts as sent that did not arrive');
    t.is(log.undeliveredRecords, lostRecords);
    t.is(await log.nth(3), 'closed: ECONNREFUSED', 'a probe did not come through either');
    t.is(transport.counts.lostRecords, lostRecords, 'a probe has no records');
    const back = await receiver(t, QUIET_HOST, port);
    await eventually('it is ready', () => transport.ready);
    t.is(log.events.at(-1), 'opened');
    const waiting = transport.takeBack();
    t.is(waiting.reduce((sum, message) => sum + message.records, 0) + lostRecords + records, 200);
    t.deepEqual(
      waiting.map(({ bytes }) => bytes[0]),
      waiting.map(({ bytes }) => bytes[0]).toSorted((one, other) => one - other),
      'the oldest first',
    );
    transport.send(...messages(1, 100, 5));
    await eventually('a packet', () => back.packets.some(({ length }) => length === 100));
  },
);

perBackend(
  'a UDP collector that goes at 20 random moments gets no message twice, and needs no new exporter',
  async (t, backend) => {
    let collector = await receiver(t, QUIET_HOST);
    const { port } = collector;
    const transport = new UdpTransport(
      { protocol: 'udp', host: QUIET_HOST, port },
      { mtu: 512, udpSegmentation: false },
      backend.connectDatagram,
      { retry: 10, longestRetry: 20, probe: 20 },
    );
    t.teardown(() => transport.close(0));
    const log = new TransportLog();
    const sending = await NumberedMessages.begin(t, transport, log, 100);
    const numbers: number[] = [];
    const received = (): number[] => numbersIn(Buffer.concat(collector.packets));
    for (let end = 0; end < 20; end++) {
      await eventually('messages', () => received().length > 0);
      await new Promise(resolve => setTimeout(resolve, 20 * Math.random()));
      collector.socket.close();
      await once(collector.socket, 'close');
      numbers.push(...received());
      await new Promise(resolve => setTimeout(resolve, 60 * Math.random()));
      collector = await receiver(t, QUIET_HOST, port);
    }
    await eventually('messages again', () => received().length > 0);
    sending.stop();
    await transport.close(10_000);
    numbers.push(...received());
    t.is(new Set(numbers).size, numbers.length, 'twice');
    t.true(Math.max(...numbers) <= sending.sent);
    const { connects, lostRecords, uncertainRecords } = transport.counts;
    t.log({ sent: sending.sent, received: numbers.length, connects, lostRecords, uncertainRecords });
    t.true(lostRecords > 0 && connects > 1, 'nobody listened, and it was seen');
    t.is(log.events.filter(event => event === 'opened').length, connects);
  },
);

test('a process that is held up during a probe looks for its answer nevertheless', async t => {
  let sockets = 0;
  const transport = new UdpTransport(
    { protocol: 'udp', host: QUIET_HOST, port: 4739 },
    { mtu: 512, udpSegmentation: false },
    (_, listener) => {
      const answered = sockets++ === 0 ? 1 : 2;
      let looks = 0;
      const check = (): void => {
        const until = performance.now() + 30;
        while (performance.now() < until); // longer than the probe may take
        if (++looks === answered) listener.refused('ECONNREFUSED', [], 0);
      };
      const close = () => Promise.resolve([]);
      return Promise.resolve({
        queued: 0,
        segments: false,
        local: undefined,
        pathMtu: undefined,
        send: () => {},
        check,
        close,
      });
    },
    { retry: 20, probe: 20 },
  );
  t.teardown(() => transport.close(0));
  const log = new TransportLog();
  await transport.open(log);
  transport.send(...messages(1, 100, 5));
  for (const nth of [2, 3, 4]) t.is(await log.nth(nth), 'closed: ECONNREFUSED');
  t.false(transport.ready);
});

perBackend('with 64 datagrams in one buffer no lost record is left uncounted', async (t, backend) => {
  const gone = await receiver(t, QUIET_HOST);
  gone.socket.close();
  const transport = new UdpTransport(
    { protocol: 'udp', host: QUIET_HOST, port: gone.port },
    { mtu: 512, udpSegmentation: true },
    backend.connectDatagram,
    { retry: 60_000, probe: 20 },
  );
  t.teardown(() => transport.close(0));
  await transport.open(new TransportLog());
  transport.send(...messages(64, 100, 5));
  await eventually('it knows', () => !transport.ready);
  const unsent = transport.takeBack().reduce((sum, { records }) => sum + records, 0);
  const { lostRecords, uncertainRecords } = transport.counts;
  t.is(lostRecords + uncertainRecords + unsent, 320);
  t.true(lostRecords >= 5);
});

perBackend('an error that comes back when nothing more is sent is counted too', async (t, backend) => {
  const gone = await receiver(t, QUIET_HOST);
  gone.socket.close();
  const [transport, log] = await opened(t, backend, QUIET_HOST, gone.port);
  transport.send(...messages(1, 100, 5));
  await eventually('the loss', () => transport.counts.lostRecords === 5);
  t.true(log.troubles > 0, 'the session is told: its templates may be lost');
  t.is(transport.counts.records, 0);
});

perBackend('what waits for a collector that does not come back is lost at the end', async (t, backend) => {
  const gone = await receiver(t, QUIET_HOST);
  gone.socket.close();
  const [transport, log] = await opened(t, backend, QUIET_HOST, gone.port);
  transport.send(...messages(40, 100, 5));
  await eventually('it knows', () => !transport.ready);
  await transport.close(50);
  const { lostRecords, records } = transport.counts;
  t.is(lostRecords + records, 200);
  t.is(log.records + log.undeliveredRecords, 200 + log.undeliveredRecords);
});

perBackend('a name that does not resolve at the start is tried again', async (t, backend) => {
  const transport = new UdpTransport(
    { protocol: 'udp', host: 'no-such-host.invalid', port: 4739 },
    { mtu: 512, udpSegmentation: false },
    backend.connectDatagram,
    { retry: 10, longestRetry: 20 },
  );
  t.teardown(() => transport.close(0));
  const log = new TransportLog();
  await transport.open(log);
  t.regex(await log.nth(3), /^closed: E/);
  t.false(transport.ready);
  t.is(transport.counts.connects, 0);
});

for (const { name, needs: wanted } of BACKENDS) {
  const rigged = needs(test, ['linux', 'namespace', ...wanted]);
  rigged(`${name}: a name is looked up again after errors, and at an interval`, async t => {
    const namespace = await PrivateNamespace.create(t);
    const hosts = temporaryPath(t, 'hosts');
    const before = readFileSync('/etc/hosts', 'utf8');
    // what it mounts is seen by nobody else
    const { stdout, stderr, code } = await namespace.finish('unshare', ['-m', process.execPath, RENAMED, name, hosts]);
    t.is(readFileSync('/etc/hosts', 'utf8'), before);
    t.is(code, 0, stderr);
    const { events, arrived } = JSON.parse(stdout) as { events: string[]; arrived: string[] };
    const kinds = events.filter((event, i) => event !== events[i - 1]);
    t.deepEqual(kinds.slice(0, 3), ['opened', 'closed: its name has another address now', 'opened']);
    t.is(kinds[3], 'closed: ECONNREFUSED');
    t.is(kinds.at(-1), 'opened');
    t.deepEqual(arrived, ['127.0.0.2', '127.0.0.3', '127.0.0.4']);
  });
}

perBackend('an unreachable address is retried until close', async (t, backend) => {
  // no socket may be connected to the broadcast address
  const [transport, log] = await opened(t, backend, '255.255.255.255', 4739);
  t.false(transport.ready);
  t.is(await log.nth(3), 'closed: EACCES');
  t.true(transport.counts.errors['EACCES'] >= 3);
  t.is(transport.counts.connects, 0);
  const drained = transport.untilReady(60_000);
  await transport.close(60_000);
  await drained;
  const { length } = log.events;
  await new Promise(resolve => setTimeout(resolve, 100));
  t.is(log.events.length, length);
});

for (const { name, needs: wanted } of BACKENDS) {
  const rigged = needs(test, ['linux', 'namespace', ...wanted]);
  rigged(`${name}: a host whose address changes continues in a new session`, async t => {
    const namespace = await PrivateNamespace.create(t);
    const { stdout, stderr, code } = await namespace.finish(process.execPath, [RENUMBERED, name]);
    t.is(code, 0, stderr);
    const { events, packets, errors } = JSON.parse(stdout) as { events: string[]; packets: number; errors: string[] };
    t.deepEqual(events, ['opened', 'closed: ENETUNREACH', 'opened']);
    t.deepEqual(errors, ['ENETUNREACH']);
    t.true(packets > 0);
  });
}

for (const { name, needs: wanted } of BACKENDS) {
  needs(test, ['linux', 'namespace', ...wanted])(
    `${name}: where a path does not segment any more, every message arrives once; a refused burst counts once`,
    async t => {
      const namespace = await PrivateNamespace.create(t);
      const { stdout, stderr, code } = await namespace.finish(process.execPath, [SEGMENTING, name]);
      t.is(code, 0, stderr);
      const native = name === 'native';
      const seen = [native, false, false];
      const results = JSON.parse(stdout) as Record<string, unknown>[];
      t.is(results.length, 4, 'IPv4 and IPv6');
      for (const [i, { events, ...result }] of results.entries()) {
        if (i % 2 === 0) {
          const all = { packets: 180, whole: true, records: 360, lostRecords: 0, errors: {} };
          t.deepEqual(result, { seen, ...all });
          // EINVAL before Linux 6.14
          t.regex((events as string[]).join(), native ? /^opened,unsegmented: (EMSGSIZE|EINVAL)$/ : /^opened$/);
        } else if (native) {
          t.deepEqual(result, { lostRecords: 10, uncertainRecords: 20, records: 20 }, 'ten errors about ten datagrams');
        }
      }
    },
  );
}

for (const { name, needs: wanted } of BACKENDS) {
  needs(test, ['linux', 'namespace', ...wanted])(
    `RFC 7011 10.3.3: ${name}: messages are as large as the path carries`,
    async t => {
      const here = await PrivateNamespace.create(t);
      const router = await here.nest();
      const there = await here.nest();
      await here.link({ name: 'h0', addresses: ['192.0.2.1/24', '2001:db8::1/64'] }, router, {
        name: 'r0',
        addresses: ['192.0.2.2/24', '2001:db8::2/64'],
      });
      await router.link({ name: 'r1', addresses: ['198.51.100.2/24', '2001:db8:1::2/64'] }, there, {
        name: 't0',
        addresses: ['198.51.100.1/24', '2001:db8:1::1/64'],
      });
      for (const family of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding']) await router.sysctl(family, 1);
      await router.run('ip', ['link', 'set', 'r1', 'mtu', '1400']);
      await there.run('ip', ['link', 'set', 't0', 'mtu', '1400']);
      for (const [net, via, back] of [
        ['198.51.100.0/24', '192.0.2.2', ['192.0.2.0/24', '198.51.100.2']],
        ['2001:db8:1::/64', '2001:db8::2', ['2001:db8::/64', '2001:db8:1::2']],
      ] as const) {
        await here.run('ip', ['route', 'add', net, 'via', via]);
        await there.run('ip', ['route', 'add', back[0], 'via', back[1]]);
      }
      for (const [host, headers] of [
        ['198.51.100.1', 28],
        ['2001:db8:1::1', 48],
      ] as const) {
        await here.run('ip', ['link', 'set', 'h0', 'mtu', '1500']);
        const receiver = new Traffic(there);
        const capture = await Capture.udp(receiver, 4739, host);
        const { stdout, stderr, code } = await here.finish(process.execPath, [NARROW, name, host, 'h0']);
        t.is(code, 0, stderr);
        const native = name === 'native';
        const { limits, events, lostRecords, errors } = JSON.parse(stdout) as Record<string, unknown[]>;
        const packets = native ? [512, 1_500, 1_500, 1_400, 1_290] : [512, 9_000, 512];
        t.deepEqual(
          limits,
          packets.map(packet => packet - headers),
        );
        const narrowed = ['closed: the path carries only smaller packets now', 'opened'];
        t.deepEqual(events, ['opened', ...(native ? [...narrowed, ...narrowed] : [])]);
        t.is(lostRecords as unknown, native ? 1 : 0, 'what the router refused');
        t.deepEqual(errors, native ? ['EMSGSIZE'] : []);
        const arrived = (await capture.everything()).map(({ length }) => length);
        t.true(arrived.includes(packets.at(-1)! - headers));
      }
    },
  );
}

perBackend('a full queue is not ready, and everything in it is sent before close ends', async (t, backend) => {
  const { port, packets, socket } = await receiver(t, '127.0.0.1');
  socket.setRecvBufferSize(1 << 20);
  const [transport] = await opened(t, backend, '127.0.0.1', port);
  transport.send(...messages(300, 10, 1));
  // in Rust the system has them at once
  t.is(transport.ready, backend.name === 'native');
  await transport.untilReady(60_000);
  t.true(transport.ready);
  transport.send(...messages(100, 10, 1));
  await transport.close(60_000);
  t.is(transport.counts.records, 400);
  t.false(transport.ready);
  await eventually('400 packets', () => packets.length === 400);
});
