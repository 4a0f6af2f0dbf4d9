import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import test from 'ava';
import type { NflogOptions } from '../../src/sources/nflog.js';
import { createFallbackBackend } from '../../src/backend/fallback.js';
import type { NflogCounts } from '../../src/sources/nflog.js';
import { eventually } from '../helpers/eventually.js';
import { freeze } from '../helpers/kernel/freeze.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';
import { Traffic } from '../helpers/kernel/traffic.js';
import type { SeenPacket } from './nflog-peer.js';

const PEER = fileURLToPath(new URL('./nflog-peer.js', import.meta.url));
const INPUT = 1;
const OUTPUT = 3;

interface Answer {
  receiveBuffer?: number;
  error?: { code: string; message: string; hint: string };
  packets: SeenPacket[];
  counts: NflogCounts;
}

/** A reader in a namespace; it ends with it. */
class NflogPeer {
  readonly process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  /** @param before a command that starts the peer */
  constructor(namespace: PrivateNamespace, options: Partial<NflogOptions> = {}, before: readonly string[] = []) {
    const all = { filter: {}, groups: [5], receiveBuffer: 1 << 20, ...options };
    const [program, ...args] = [...before, process.execPath, PEER, JSON.stringify(all)];
    this.process = namespace.spawn(program, args);
    this.process.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  async answer(): Promise<Answer> {
    const line = await this.#lines.next();
    if (line.done) throw new Error('the peer has ended');
    return JSON.parse(line.value);
  }

  order(order: 'seen' | 'leave'): Promise<Answer> {
    this.process.stdin.write(`${order}\n`);
    return this.answer();
  }

  /** Once it has read so many packets. */
  packets(count: number): Promise<Answer> {
    return eventually(`${count} packets are read`, async () => {
      const answer = await this.order('seen');
      return answer.packets.length >= count && answer;
    });
  }
}

const live = needs(test, ['namespace', 'native']);

live('a packet is a row: its tuple, length, time, hook and prefix', async t => {
  const namespace = await PrivateNamespace.create(t);
  await namespace.nft(`table inet deny {
    chain inp { type filter hook input priority 0;
      udp dport 7001 log group 5 prefix "ctflow:drop:in:prod/web:no-udp" drop
      udp dport 7003 log group 6 snaplen 30 prefix "short" drop; }
    chain out { type filter hook output priority 0; udp dport 7002 log group 5 prefix "out" drop; }
  }`);
  const peer = new NflogPeer(namespace, { groups: [5, 6] });
  t.true((await peer.answer()).receiveBuffer! >= 1 << 20);
  const traffic = new Traffic(namespace);
  const send = (host: string, port: number, size: number) =>
    traffic.do('udpSend', { host, port, from: 20_000 + port, packets: 1, size, answered: false }).catch(() => {});
  const before = Date.now();
  await send('127.0.0.1', 7001, 100);
  await send('::1', 7001, 200);
  await send('127.0.0.1', 7002, 300);
  await send('127.0.0.1', 7003, 400);
  const { packets, counts } = await peer.packets(4);
  const after = Date.now();
  const packet = (port: number, source: string) =>
    packets.find(seen => seen.ports[1] === port && seen.source === source) ?? t.fail(`${source} to ${port}`);
  const fact = (hook: number, prefix: string, octets: number) => ({ protocol: 17, hook, prefix, octets });
  t.like(packet(7001, '127.0.0.1'), fact(INPUT, 'ctflow:drop:in:prod/web:no-udp', 128));
  t.like(packet(7001, '::1'), fact(INPUT, 'ctflow:drop:in:prod/web:no-udp', 248));
  t.like(packet(7002, '127.0.0.1'), fact(OUTPUT, 'out', 328));
  t.like(packet(7003, '127.0.0.1'), fact(INPUT, 'short', 428));
  t.is(packet(7003, '127.0.0.1')!.ports[0], 27_003, 'a capture of 30 octets holds the ports');
  t.false(packet(7002, '127.0.0.1')!.timed, 'the output hook tells no time');
  for (const { time } of packets) t.true(time >= before - 1 && time <= after + 1, `${before} ${time} ${after}`);
  t.like(counts, { packets: 4, lost: 0, malformed: 0, unnamed: 0 });
});

live('a group has one reader, and a second one is an error', async t => {
  const namespace = await PrivateNamespace.create(t);
  const first = new NflogPeer(namespace);
  await first.answer();
  const { error } = await new NflogPeer(namespace).answer();
  t.is(error!.code, 'CTFLOW_NFLOG_TAKEN');
  t.regex(error!.message, /group 5/);
  t.truthy(error!.hint);
  t.truthy((await new NflogPeer(namespace, { groups: [7] }).answer()).receiveBuffer, 'another group is free');
  first.process.kill();
  await once(first.process, 'exit');
  t.truthy((await new NflogPeer(namespace).answer()).receiveBuffer, 'and so is the one that was let go');
});

live('logged packets are delivered before the reader closes', async t => {
  const namespace = await PrivateNamespace.create(t);
  await namespace.nft(`table inet deny { chain inp { type filter hook input priority 0;
    udp dport 7001 counter log group 5 prefix "a" drop; }
    }`);
  const peer = new NflogPeer(namespace, { filter: { protocols: [17] } });
  await peer.answer();
  const traffic = new Traffic(namespace);
  const send = () => traffic.do('udpSend', { host: '127.0.0.1', port: 7001, packets: 300, size: 10, answered: false });
  await send();
  const ruled = async (): Promise<boolean> =>
    (await namespace.run('nft', ['list', 'ruleset'])).includes('packets 300 ');
  await eventually('the packets have come to the rule', ruled);
  t.is((await peer.order('leave')).packets.length, 300);
  await send();
  t.is((await peer.order('seen')).packets.length, 300);
});

live('packets without room in the buffer are counted, each of them', async t => {
  const namespace = await PrivateNamespace.create(t);
  await namespace.nft(`table inet deny { chain inp { type filter hook input priority 0;
    udp dport 7001 counter log group 5 prefix "a" drop; }
    }`);
  const peer = new NflogPeer(namespace, { receiveBuffer: 4096 });
  await peer.answer();
  const traffic = new Traffic(namespace);
  const send = (packets: number) =>
    traffic.do('udpSend', { host: '127.0.0.1', port: 7001, packets, size: 10, answered: false });
  await freeze(peer.process.pid!);
  await send(3_000);
  peer.process.kill('SIGCONT');
  await eventually('the reader goes on', async () => (await peer.order('seen')).counts.overrun > 0);
  await send(1);
  const { packets, counts } = await eventually('the gap shows', async () => {
    const answer = await peer.order('seen');
    return answer.packets.length + answer.counts.lost >= 3_001 && answer;
  });
  t.true(counts.lost > 0);
  t.is(packets.length + counts.lost, 3_001);
});

test('the fallback cannot read NFLOG, which is an error', t => {
  const options: NflogOptions = { filter: {}, groups: [5], receiveBuffer: 4096 };
  t.throws(() => createFallbackBackend().openNflog(options, { onBatch() {}, onError() {} }), {
    code: 'CTFLOW_BACKEND_LACKS',
  });
});

live('without CAP_NET_ADMIN the error is not that the group is taken', async t => {
  const namespace = await PrivateNamespace.create(t);
  const { error } = await new NflogPeer(namespace, {}, ['setpriv', '--bounding-set=-net_admin', '--']).answer();
  t.is(error!.code, 'CTFLOW_PERMISSION');
});
