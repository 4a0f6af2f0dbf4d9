import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { EventOptions } from '../../src/sources/events.js';
import { EVENT, EVENT_DESTROY, EVENT_WORD, ORIG_SPORT, ROW_SIZE } from '../../src/row/layout.generated.js';
import { loadBackend } from '../../src/backend/load.js';
import { DestroyLog } from '../../src/state/destroy-log.js';
import { NO_EVENTS } from '../helpers/fakes/fake-events.js';
import { eventually } from '../helpers/eventually.js';
import { freeze } from '../helpers/kernel/freeze.js';
import { HOST } from '../helpers/builders/journals.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';
import { temporaryPath } from '../helpers/temporary.js';
import { Traffic } from '../helpers/kernel/traffic.js';
import { EventPeer } from './events-rig.js';

const live = needs(test, ['native', 'namespace', 'conntrack']);
const DESTROY: EventOptions = { filter: {}, kinds: ['destroy'], receiveBuffer: 32 << 20, broadcastError: true };
const SMALL: EventOptions = { ...DESTROY, receiveBuffer: 4096 };
const UDP = 28; // octets of the headers

const numbers = (length: number) => Array.from({ length }, (_, n) => n);

/** A namespace with conntrack on, events for every connection. */
async function tracking(t: ExecutionContext): Promise<PrivateNamespace> {
  const namespace = await PrivateNamespace.create(t);
  await namespace.track();
  await namespace.sysctl('nf_conntrack_events', 1);
  await namespace.sysctl('nf_conntrack_udp_timeout', 600);
  return namespace;
}

/** Connections without traffic, from ports of two addresses. */
async function entries(t: ExecutionContext, namespace: PrivateNamespace, count: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ctflow-events-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const lines = numbers(count).map(
    n => `-I -s 10.0.0.${n >> 14} -d 10.1.0.1 -p udp --sport ${1 + (n & 16383)} --dport 53 -t 600\n`,
  );
  writeFileSync(join(folder, 'entries'), lines.join(''));
  await namespace.run('conntrack', ['-R', join(folder, 'entries')]);
}

live('1,000 flows end: 1,000 rows with their last counters', async t => {
  const namespace = await tracking(t);
  const peer = new EventPeer(namespace);
  const { receiveBuffer } = await peer.do('open', DESTROY);
  const most = Number(readFileSync('/proc/sys/net/core/rmem_max', 'utf8'));
  t.true([32 << 20, Math.min(32 << 20, most)].includes(receiveBuffer / 2), `${receiveBuffer}`);
  const traffic = new Traffic(namespace);
  const { port } = await traffic.do('udpListen', { host: '127.0.0.1' });
  await traffic.do('udpFlows', { host: '127.0.0.1', port, from: 20000, flows: 1000, size: 100 });
  t.deepEqual((await peer.do('seen', { drain: true })).events, [], 'none has ended');
  await namespace.run('conntrack', ['-F']);
  const { events, counts } = await peer.do('seen', { drain: true });
  t.deepEqual(
    events.toSorted((a, b) => a.sport - b.sport),
    numbers(1000).map(n => ({
      event: 'destroy',
      protocol: 17,
      sport: 20000 + n,
      dport: port,
      counters: [1, 100 + UDP, 0, 0],
      lasted: true,
    })),
  );
  t.deepEqual(counts, { ...NO_EVENTS, destroyed: 1000 });
  t.deepEqual(await peer.do('dying', { limit: 10 }), { count: 0 });
});

live('a TCP connection from its first packet to its end', async t => {
  const namespace = await tracking(t);
  await namespace.sysctl('nf_conntrack_tcp_timeout_time_wait', 1);
  const peer = new EventPeer(namespace);
  await peer.do('open', { ...DESTROY, kinds: ['new', 'update', 'destroy'], broadcastError: false });
  const traffic = new Traffic(namespace);
  const { port } = await traffic.do('tcpListen', { host: '127.0.0.1', answer: 500 });
  const { handle } = await traffic.do('tcpOpen', { host: '127.0.0.1', port, send: 100, expect: 500 });
  await traffic.do('tcpClose', { handle });
  await eventually('it leaves the table', async () => {
    await namespace.run('conntrack', ['-L']); // evicts what has expired
    return (await peer.do('seen', { drain: true })).counts.destroyed === 1;
  });
  const { events, counts } = await peer.do('seen', { drain: true });
  t.true(events.every(({ protocol, dport }) => protocol === 6 && dport === port));
  t.deepEqual(
    events.filter(({ event }) => event !== 'update').map(({ event, lasted }) => [event, lasted]),
    [
      ['new', false],
      ['destroy', true],
    ],
  );
  t.is(events[0].event, 'new');
  t.is(events.at(-1)!.event, 'destroy');
  t.deepEqual(
    // CLOSE_WAIT only where the server's ACK goes before its FIN
    events.slice(0, -1).flatMap(({ state }) => (state === undefined || state === 'CLOSE_WAIT' ? [] : state)),
    ['SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'LAST_ACK', 'TIME_WAIT'],
  );
  const [packets, octets, replyPackets, replyOctets] = events.at(-1)!.counters!;
  t.true(packets >= 5 && replyPackets >= 3);
  t.true(octets >= 100 + packets * 40 && replyOctets >= 500 + replyPackets * 40);
  t.deepEqual(counts, { ...NO_EVENTS, created: 1, updated: events.length - 2, destroyed: 1 });
});

live('a refused connection, which no dump shows, is seen', async t => {
  const namespace = await tracking(t);
  const peer = new EventPeer(namespace);
  await peer.do('open', DESTROY);
  const traffic = new Traffic(namespace);
  const opening = traffic.do('tcpOpen', { host: '127.0.0.1', port: 9, send: 1, expect: 1 });
  await t.throwsAsync(opening, { message: /ECONNREFUSED/ });
  t.is(await namespace.run('conntrack', ['-L']), '');
  const { events } = await peer.do('seen', { drain: true });
  t.deepEqual(
    events.map(({ event, protocol, dport, counters }) => [event, protocol, dport, counters![0], counters![2]]),
    [['destroy', 6, 9, 1, 1]],
  );
});

live('the filter holds for events', async t => {
  const namespace = await tracking(t);
  const peer = new EventPeer(namespace);
  await peer.do('open', { ...DESTROY, filter: { protocols: [6] } });
  await entries(t, namespace, 100);
  const traffic = new Traffic(namespace);
  await t.throwsAsync(traffic.do('tcpOpen', { host: '127.0.0.1', port: 9, send: 1, expect: 1 }));
  await namespace.run('conntrack', ['-F']);
  const { events, counts } = await peer.do('seen', { drain: true });
  t.deepEqual(
    events.map(({ protocol }) => protocol),
    [6],
  );
  t.deepEqual(counts, { ...NO_EVENTS, destroyed: 1, filtered: 100 });
});

live('events without room in a small buffer stay on the dying list and are delivered again', async t => {
  const namespace = await tracking(t);
  const peer = new EventPeer(namespace);
  await peer.do('open', SMALL);
  const watcher = new EventPeer(namespace);
  await watcher.do('open', { ...SMALL, kinds: [] });
  const traffic = new Traffic(namespace);
  const { port } = await traffic.do('udpListen', { host: '127.0.0.1' });
  await traffic.do('udpFlows', { host: '127.0.0.1', port, from: 20000, flows: 5000, size: 10 });
  await freeze(peer.process.pid!);
  await namespace.run('conntrack', ['-F']);
  const { count } = await watcher.do('dying', { limit: 1_000_000 });
  t.true(count > 4500 && count < 5000, `${count}`); // what the buffer took is not on it
  t.deepEqual(await watcher.do('dying', { limit: 100 }), { count: 100 });
  peer.process.kill('SIGCONT');
  const { events, counts } = await eventually(
    'all are delivered',
    async () => {
      const answer = await peer.do('seen', { drain: true });
      return answer.counts.destroyed >= 5000 && answer;
    },
    60_000,
  );
  t.is(events.length, 5000);
  t.is(new Set(events.map(({ sport }) => sport)).size, 5000);
  t.true(events.every(({ counters }) => counters!.join() === `1,${10 + UDP},0,0`));
  t.true(counts.overrun > 0);
  t.deepEqual(counts, { ...NO_EVENTS, destroyed: 5000, overrun: counts.overrun });
  t.deepEqual(await watcher.do('dying', { limit: 1 }), { count: 0 });
});

live('with NETLINK_BROADCAST_ERROR turned off the dying list empties, and events are lost', async t => {
  const namespace = await tracking(t);
  const peer = new EventPeer(namespace);
  await peer.do('open', { ...DESTROY, receiveBuffer: 1 << 17 }); // room for less than what is kept in the end
  const watcher = new EventPeer(namespace);
  await watcher.do('open', { ...SMALL, kinds: [] });
  await entries(t, namespace, 20_000);
  const { read, kept, left } = await peer.do('letGoBlocked', { least: 16_384 });
  t.true(kept > 2500 && kept < 20_000 - read, `${kept} are kept of those that were not read, ${read} were`);
  t.is(left, 0);
  t.deepEqual(await watcher.do('dying', { limit: 1 }), { count: 0 });
  const { counts } = await peer.do('seen', { drain: true });
  t.true(counts.overrun > 0 && counts.destroyed >= read, JSON.stringify(counts));
  t.true(counts.destroyed < 20_000 - 2500, `${counts.destroyed}`);
});

live('while JavaScript takes no rows the thread waits, and nothing is lost', async t => {
  const namespace = await tracking(t);
  const peer = new EventPeer(namespace);
  await peer.do('open', DESTROY);
  await entries(t, namespace, 20_000);
  const { read, threads } = await peer.do('flushBlocked', { least: 16_384 });
  t.true(read >= 16_384 && read < 17_000, `${read}`);
  t.is(threads, 1);
  const { events, counts } = await peer.do('seen', { drain: true });
  t.is(events.length, 20_000);
  t.is(counts.destroyed, 20_000);
});

live('rows are in the destroy log before they are delivered', async t => {
  const namespace = await tracking(t);
  const path = temporaryPath(t, 'ends');
  const { log } = listeningLogger();
  const ends = DestroyLog.load({ path, identity: HOST, log, fresh: true });
  const peer = new EventPeer(namespace);
  await peer.do('open', { ...DESTROY, destroyLog: ends.open()! });
  await entries(t, namespace, 3_000);
  const { read } = await peer.do('flushBlocked', { least: 3_000, close: 'close' });
  t.is(read, 3_000);
  t.is((await peer.do('seen', { drain: false })).events.length, 0);
  const ports = new Set<number>();
  await ends.read(({ u16, u32, count }) => {
    for (let row = 0; row < count; row++) {
      ports.add(u16[(row * ROW_SIZE + ORIG_SPORT) >> 1]);
      t.is(u32[(row * ROW_SIZE + EVENT) >> 2], EVENT_DESTROY);
    }
  });
  t.is(ports.size, 3_000);
});

live('close ends a thread that waits for room', async t => {
  const namespace = await tracking(t);
  const peer = new EventPeer(namespace);
  await peer.do('open', DESTROY);
  await entries(t, namespace, 20_000);
  const { read, threads } = await peer.do('flushBlocked', { least: 16_384, close: 'close' });
  t.true(read < 20_000, `${read}`);
  t.is(threads, 0);
});

live('drain reads all waiting events, and does not wait for later ones', async t => {
  const namespace = await tracking(t);
  const peer = new EventPeer(namespace);
  await peer.do('open', DESTROY);
  await entries(t, namespace, 20_000);
  const { threads } = await peer.do('flushBlocked', { least: 16_384, close: 'leave' });
  t.is(threads, 0);
  const { events, counts } = await peer.do('seen', { drain: false });
  t.is(events.length, 20_000);
  t.deepEqual(counts, { ...NO_EVENTS, destroyed: 20_000 });
  await entries(t, namespace, 10);
  await namespace.run('conntrack', ['-F']);
  t.is((await namespace.run('conntrack', ['-L', 'dying'])).trim(), '', 'later ones are held for nobody');
});

live('close ends a thread that waits for events; an open listener keeps no process alive', async t => {
  const namespace = await tracking(t);
  const [closed, open] = [new EventPeer(namespace), new EventPeer(namespace)];
  await closed.do('open', DESTROY);
  t.deepEqual(await closed.do('close', {}), { threads: 0 });
  await t.throwsAsync(closed.do('setBroadcastError', { on: true }), { message: 'The event listener is closed' });
  t.deepEqual((await closed.do('seen', { drain: true })).counts, NO_EVENTS);
  await t.throwsAsync(closed.do('dying', { limit: 1 }), { message: 'The event listener is closed' });
  await open.do('open', DESTROY);
  await open.do('leave', {});
  t.is(await open.ended(), 0);
});

live('without CAP_NET_ADMIN the kernel refuses', async t => {
  const namespace = await tracking(t);
  const peer = new EventPeer(namespace, ['setpriv', '--bounding-set=-net_admin', '--']);
  await t.throwsAsync(peer.do('open', DESTROY), {
    message: 'Cannot listen to conntrack events: Operation not permitted (os error 1)',
    code: 'CTFLOW_PERMISSION',
  });
});

if (process.getuid?.() === 0) {
  live('events of another network namespace are received', async t => {
    const namespace = await tracking(t);
    const backend = await loadBackend('native');
    let ended = 0;
    const options = { ...DESTROY, netns: `/proc/${namespace.pid}/ns/net` };
    const source = backend.openEvents(options, {
      onBatch: ({ count, u32 }) => {
        t.is(u32[EVENT_WORD], EVENT_DESTROY);
        ended += count;
      },
      onError: error => t.fail(error.message),
    });
    t.teardown(() => source.close());
    await entries(t, namespace, 10);
    await namespace.run('conntrack', ['-F']);
    await source.drain();
    t.is(ended, 10);
    await namespace.close();
    t.is(await source.dyingCount(1), 0, 'it is held open');
  });
}
