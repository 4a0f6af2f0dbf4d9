import test from 'ava';
import { listConnections, parseListed } from '../helpers/kernel/conntrack-list.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';
import { Traffic } from '../helpers/kernel/traffic.js';

test('a line of conntrack -L is parsed', t => {
  const line =
    'ipv4     2 icmp     1 29 src=192.0.2.1 dst=192.0.2.2 type=8 code=3 id=861 zone-orig=5 packets=1 bytes=84 [UNREPLIED] ' +
    'src=192.0.2.9 dst=192.0.2.1 type=0 code=3 id=862 packets=2 bytes=85 mark=7 delta-time=1 ' +
    '[start=Mon Nov 23 15:59:20 2026] use=1 id=3303961712';
  t.deepEqual(parseListed(line), {
    family: 'ipv4',
    protocol: 1,
    timeout: 29,
    original: {
      src: '192.0.2.1',
      dst: '192.0.2.2',
      type: '8',
      code: '3',
      icmpId: '861',
      zone: '5',
      packets: '1',
      bytes: '84',
    },
    reply: { src: '192.0.2.9', dst: '192.0.2.1', type: '0', code: '3', icmpId: '862', packets: '2', bytes: '85' },
    flags: ['UNREPLIED'],
    mark: '7',
    start: 1795449560,
    id: '3303961712',
  });
});

test('a line that conntrack did not print is refused', t => {
  t.throws(() => parseListed('conntrack v1.4.7: 0 flow entries have been shown.'));
});

needs(test.serial, ['namespace', 'conntrack', 'ping'])(
  'a private namespace tracks what its peers exchange',
  async t => {
    const namespace = await PrivateNamespace.create(t);
    await namespace.track();
    const traffic = new Traffic(namespace);
    const { port } = await traffic.do('tcpListen', { host: '::1', answer: 5000 });
    await traffic.do('tcpOpen', { host: '::1', port, send: 100, expect: 5000 });
    const echo = await traffic.do('udpListen', { host: '127.0.0.1', answer: 300 });
    await traffic.do('udpSend', { host: '127.0.0.1', port: echo.port, packets: 3, size: 50, answered: true });
    await namespace.run('ping', ['-c', '2', '-i', '0.2', '-s', '20', '127.0.0.1']);
    const listed = await listConnections(namespace);
    const udp = listed.find(connection => connection.protocol === 17)!;
    t.is(udp.original.packets, '3');
    t.is(udp.original.bytes, String(3 * (50 + 28)));
    t.is(udp.reply.bytes, String(3 * (300 + 28)));
    const tcp = listed.find(connection => connection.protocol === 6)!;
    t.is(tcp.state, 'ESTABLISHED');
    t.is(tcp.original.dport, String(port));
    t.true(Number(tcp.reply.bytes) > 5000);
    const icmp = listed.find(connection => connection.protocol === 1)!;
    t.is(icmp.original.bytes, String(2 * (20 + 28)));
    t.is(listed.length, 3);
  },
);

needs(test.serial, ['namespace', 'conntrack'])('namespaces are linked, routed and translated', async t => {
  const router = await PrivateNamespace.create(t);
  const [client, server] = [await router.nest(), await router.nest()];
  await router.link({ name: 'inside', addresses: ['192.0.2.1/24'] }, client, {
    name: 'uplink',
    addresses: ['192.0.2.2/24'],
  });
  await router.link({ name: 'outside', addresses: ['198.51.100.1/24', '2001:db8::1/64'] }, server, {
    name: 'uplink',
    addresses: ['198.51.100.2/24', '2001:db8::2/64'],
  });
  await client.run('ip', ['route', 'add', 'default', 'via', '192.0.2.1']);
  await router.track();
  await router.sysctl('ipv4/ip_forward', 1);
  await router.nft(`table ip nat {
    chain post { type nat hook postrouting priority 100; oif outside masquerade; }
  }`);
  const { port } = await new Traffic(server).do('tcpListen', { host: '198.51.100.2', answer: 10 });
  await new Traffic(client).do('tcpOpen', { host: '198.51.100.2', port, send: 10, expect: 10 });
  const [connection] = await listConnections(router);
  t.is(connection.original.src, '192.0.2.2');
  t.is(connection.reply.dst, '198.51.100.1');
});

needs(test.serial, ['namespace'])('a process in a namespace ends with it', async t => {
  const namespace = await PrivateNamespace.create(t);
  const child = namespace.spawn('sleep', ['1000']);
  const ended = new Promise(resolve => child.once('exit', (_, signal) => resolve(signal)));
  await namespace.close();
  t.is(await ended, 'SIGTERM');
  t.throws(() => process.kill(namespace.pid, 0), { code: 'ESRCH' });
});

test('a test that lacks something is skipped with the reason in its title, or fails with CTFLOW_NO_SKIP=1', t => {
  const registered: string[] = [];
  const register = Object.assign((title: string) => void registered.push(title), {
    skip: (title: string) => void registered.push(`skipped: ${title}`),
  });
  const before = process.env['CTFLOW_NO_SKIP'];
  t.teardown(() => {
    if (before === undefined) delete process.env['CTFLOW_NO_SKIP'];
    else process.env['CTFLOW_NO_SKIP'] = before;
  });
  for (const noSkip of ['', '1']) {
    process.env['CTFLOW_NO_SKIP'] = noSkip;
    needs(register, [])('needs nothing', () => {});
    needs(register, ['no-such-program'])('needs much', () => {});
  }
  t.deepEqual(registered, [
    'needs nothing',
    'skipped: needs much (no-such-program is not installed)',
    'needs nothing',
    'needs much',
  ]);
});
