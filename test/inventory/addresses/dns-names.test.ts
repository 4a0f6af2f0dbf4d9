import test, { type ExecutionContext } from 'ava';
import { formatIPv6 } from '../../../src/common/address.js';
import { parseAddress } from '../../../src/common/prefix.js';
import {
  type DnsName,
  DnsNames,
  type DnsOptions,
  type DnsStats,
  reverseName,
} from '../../../src/inventory/addresses/dns-names.js';
import { AF_INET, AF_INET6 } from '../../../src/row/protocol.js';
import { type DnsAnswer, type DnsServer, dnsServer } from '../../helpers/dns-server.js';
import { eventually } from '../../helpers/eventually.js';

interface Rig {
  readonly names: DnsNames;
  readonly server: DnsServer;
  /** What was heard of each address, in order. */
  readonly heard: [address: string, name: string][];
  /** Asks for an address; the name where it is known. */
  find(address: string): string | undefined;
  stats(): DnsStats;
  /** No answer is awaited. */
  settled(): Promise<void>;
}

/** Far above what a busy machine needs. */
const TIMEOUT = 10_000;
/** Where a server stays silent; it is waited for thrice as long. */
const SHORT = 1_000;

function bytesOf(text: string): [bytes: Uint8Array, family: number] {
  const { family, first } = parseAddress(text)!;
  const length = family === 4 ? 4 : 16;
  const bytes = Uint8Array.from({ length }, (_, i) => Number((first >> BigInt(8 * (length - 1 - i))) & 0xffn));
  return [bytes, family === 4 ? AF_INET : AF_INET6];
}

async function rig(
  t: ExecutionContext,
  answer: (name: string) => DnsAnswer | Promise<DnsAnswer>,
  options: DnsOptions = {},
): Promise<Rig> {
  const server = await dnsServer(t, answer);
  const names = new DnsNames({ servers: [server.address], timeout: TIMEOUT, ...options });
  t.teardown(() => names.close());
  const heard: [string, string][] = [];
  return {
    names,
    server,
    heard,
    find: address => {
      const [bytes, family] = bytesOf(address);
      return names.find(bytes, 0, family, ({ name }: DnsName) => heard.push([address, name]))?.name;
    },
    stats: () => names.stats(),
    settled: async () => {
      await eventually('all questions are answered', () => names.stats().waiting === 0);
    },
  };
}

test('an address is asked for once; its name is heard, and known from then on with the time of the answer', async t => {
  const { names, server, heard, find, stats, settled } = await rig(t, name => [`host-${name.split('.')[0]}.Example.`]);
  const before = Date.now();
  t.is(find('10.1.2.3'), undefined);
  t.is(find('10.1.2.3'), undefined);
  t.is(find('2001:db8::a'), undefined);
  await settled();
  t.deepEqual(heard.toSorted(), [
    ['10.1.2.3', 'host-3.example'],
    ['10.1.2.3', 'host-3.example'],
    ['2001:db8::a', 'host-a.example'],
  ]);
  t.is(find('10.1.2.3'), 'host-3.example');
  const [bytes, family] = bytesOf('10.1.2.3');
  const { at } = names.find(bytes, 0, family, () => t.fail())!;
  t.true(at >= before && at <= Date.now());
  t.deepEqual([...new Set(server.asked)].toSorted(), [
    '3.2.1.10.in-addr.arpa',
    `a.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`,
  ]);
  t.like(stats(), { asked: 2, answered: 2, addresses: 2, overflow: 0 });
});

test('a name that is none is kept too, and a server that fails is asked again no sooner than it rests', async t => {
  const answers: Record<string, DnsAnswer> = { 1: 'NXDOMAIN', 2: [], 3: 'SERVFAIL', 4: 'REFUSED', 5: 'silence' };
  const { server, heard, find, stats, settled } = await rig(t, name => answers[name.split('.')[0]], { timeout: SHORT });
  for (const last of [1, 2, 3, 4, 5]) t.is(find(`192.0.2.${last}`), undefined);
  await settled();
  const asked = server.asked.length;
  for (const last of [1, 2, 3, 4, 5]) t.is(find(`192.0.2.${last}`), undefined);
  t.is(stats().waiting, 0);
  t.is(server.asked.length, asked);
  t.deepEqual(heard, []);
  t.like(stats(), { asked: 5, answered: 0, without: 2, failed: 2, timeouts: 1 });
});

test('what is no host name is no name: control characters, other signs, labels that are too long', async t => {
  const lies: DnsAnswer[] = [
    ['\u001b[31mred.example'],
    ['a b.example'],
    ['<script>.example'],
    ['-x.example'],
    ['x.example\\000'],
    ['münchen.example'],
    [],
    ['bad name', 'good.example'],
    ['_service.xn--mnchen-3ya.example'],
  ];
  const { heard, find, stats, settled } = await rig(t, name => lies[Number(name.split('.')[0])]);
  lies.forEach((_, i) => find(`192.0.2.${i}`));
  await settled();
  t.deepEqual(heard.toSorted(), [
    ['192.0.2.7', 'good.example'],
    ['192.0.2.8', '_service.xn--mnchen-3ya.example'],
  ]);
  t.like(stats(), { answered: 2, without: 1, unusable: 6 });
});

test('answers of a thousand names come over TCP, and packets that are none are no answers', async t => {
  const many = Array.from({ length: 1_000 }, (_, i) => `host-${i}.example`);
  const answers: DnsAnswer[] = [many, Buffer.from('no packet'), Buffer.alloc(512, 0xff)];
  const { heard, find, stats, settled } = await rig(t, name => answers[Number(name.split('.')[0])], { timeout: SHORT });
  answers.forEach((_, i) => find(`192.0.2.${i}`));
  await settled();
  t.deepEqual(heard, [['192.0.2.0', 'host-0.example']]);
  t.is(stats().timeouts + stats().failed, 2);
});

test('a slow server holds nothing up: so many questions are under way, and so many addresses wait', async t => {
  let release = (): void => {};
  const held = new Promise<void>(resolve => (release = resolve));
  let most = 0;
  let under = 0;
  const { server, find, stats, settled } = await rig(
    t,
    async () => {
      most = Math.max(most, ++under);
      await held;
      under--;
      return ['slow.example'];
    },
    { timeout: 60_000 },
  );
  for (let i = 0; i < 5_000; i++) find(`10.0.${i >> 8}.${i & 255}`);
  for (let i = 0; i < 70; i++) find('10.0.0.0');
  await eventually('the first questions are there', () => server.asked.length === 32);
  t.like(stats(), { asked: 32, waiting: 32 + 4_096, overflow: 5_000 - 32 - 4_096 + 7 });
  release();
  await settled();
  t.is(most, 32);
  t.is(stats().answered, 32 + 4_096);
});

test('answers go where there is no room, and where they are too old', async t => {
  const { find, stats, settled } = await rig(t, () => ['x.example'], { most: 4, maxAge: 3_000 });
  for (let i = 0; i < 10; i++) find(`10.0.0.${i}`);
  await settled();
  t.true(stats().addresses <= 4);
  t.is(stats().evicted.room, 10 - stats().addresses);
  t.is(find('10.0.0.9'), 'x.example');
  await eventually('the answer is too old', () => find('10.0.0.9') === undefined);
  t.is(stats().evicted.age, 1);
  await eventually('it is asked for again', () => stats().asked === 11);
  await eventually('and known', () => find('10.0.0.9') === 'x.example');
});

test('after its last user nothing is asked, and nothing is heard', async t => {
  const { names, server, heard, find, settled, stats } = await rig(t, () => 'silence', { timeout: 60_000 });
  for (let i = 0; i < 40; i++) find(`10.0.0.${i}`);
  await eventually('a question is there', () => server.asked.length > 0);
  names.share().close();
  t.true(stats().waiting > 0);
  names.close();
  await settled();
  find('10.9.9.9');
  t.like(stats(), { asked: 32, failed: 0, timeouts: 0, waiting: 0 });
  t.deepEqual(heard, []);
});

test('what is no address of a server is refused', t => {
  for (const server of ['localhost', '1.2.3', '192.0.2.1:99999', '192.0.2.1:0', '2001:db8::1:', ''])
    t.throws(() => new DnsNames({ servers: [server] }), {
      code: 'CTFLOW_USAGE',
      message: /is no address of a DNS server/,
    });
  for (const server of ['192.0.2.1', '192.0.2.1:5353', '2001:db8::53', '[2001:db8::53]', '[2001:db8::53]:5353'])
    t.notThrows(() => new DnsNames({ servers: [server] }).close());
});

test('reverse names of all forms of an address', t => {
  t.is(reverseName('192.0.2.1'), '1.2.0.192.in-addr.arpa');
  const mapped = new Uint8Array(16).fill(255, 10);
  t.is(formatIPv6(mapped, 0), '::ffff:255.255.255.255');
  t.is(reverseName(formatIPv6(mapped, 0)), `${'f.'.repeat(12)}${'0.'.repeat(20)}ip6.arpa`);
  t.is(reverseName('::'), `${'0.'.repeat(32)}ip6.arpa`);
  t.is(reverseName('1:2:3:4:5:6:7:8'), '8.0.0.0.7.0.0.0.6.0.0.0.5.0.0.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.ip6.arpa');
});
