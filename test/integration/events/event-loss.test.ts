/** On the real kernel: receive buffers that overflow, NEW and UPDATE events, connections for which there are no events. */
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Capture } from '../../helpers/kernel/capture.js';
import { startExporter, type RunningCommand } from '../../helpers/kernel/command.js';
import { listConnections } from '../../helpers/kernel/conntrack-list.js';
import { eventually } from '../../helpers/eventually.js';
import { freeze } from '../../helpers/kernel/freeze.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { readWithPython } from '../../helpers/oracles/python-ipfix.js';
import type { OracleRecord } from '../../helpers/oracles/record.js';
import { needs } from '../../helpers/kernel/require.js';
import { Traffic } from '../../helpers/kernel/traffic.js';
import { digested } from '../../helpers/fakes/unread.js';
import { Decoder, valuesOf } from '../../helpers/builders/wire.js';

const FIRST_PORT = 20_000;
const SIZE = 10;
const UDP_HEADERS = 28;

const rigged = needs(test.serial, ['namespace', 'conntrack', 'native', 'python3-ipfix']);

async function tracking(t: ExecutionContext): Promise<PrivateNamespace> {
  const namespace = await PrivateNamespace.create(t);
  await namespace.track();
  await namespace.sysctl('nf_conntrack_events', 1);
  return namespace;
}

/** Records of flows that have arrived over TCP up to now, or in `parts`. */
async function flowsOf(capture: Capture, parts?: Buffer[]): Promise<OracleRecord[]> {
  const bytes = Buffer.concat(parts ?? (await capture.parts()));
  const records = bytes.length > 0 ? await readWithPython(bytes) : [];
  return records.filter(({ flowId }) => flowId !== undefined);
}

/** The counts in the last line of the log. */
async function lastCounts(t: ExecutionContext, exporter: RunningCommand) {
  t.is((await exporter.stop()).code, 0);
  return exporter.log().at(-1) as unknown as {
    events: {
      overrun: number;
      destroyed: number;
      lost: number;
      unread: number;
      pollOnly: number;
      changes: EventCounts;
    };
    store: { added: number; unseen: number; eventless: number };
    pendingEvents: { count: number; overflow: number; expired: number; resyncs: number };
    poll: { polls: number };
  };
}
type EventCounts = { overrun: number; created: number; updated: number };

for (const [kind, count] of [
  ['destroy', 5_000],
  ['all', 1_000],
] as const) {
  rigged(
    `--events ${kind}: with a buffer of 4 KiB and ${count} flows destroyed at once all final counters are exported`,
    async t => {
      const namespace = await tracking(t);
      const capture = await Capture.tcp(new Traffic(namespace), 4739);
      const flags = `--flow-poll-interval 1h --event-buffer 4096 --hold-ended on --events ${kind} --zero-delta-records`;
      const exporter = await startExporter(namespace, 'native', ['tcp://127.0.0.1:4739'], flags);
      const traffic = new Traffic(namespace);
      const { port } = await traffic.do('udpListen', { host: '127.0.0.1' });
      await traffic.do('udpFlows', { host: '127.0.0.1', port, from: FIRST_PORT, flows: count, size: SIZE });
      await freeze(exporter.pid);
      await namespace.run('conntrack', ['-D', '-p', 'udp', '--dport', String(port)]);
      process.kill(exporter.pid, 'SIGCONT');
      const ended = await eventually(
        'a record of each end',
        async () => {
          const flows = (await flowsOf(capture)).filter(({ flowEndReason }) => flowEndReason === '4');
          return flows.length >= count && flows;
        },
        120_000,
      );
      const { events, store } = await lastCounts(t, exporter);
      const flows = await flowsOf(capture, await capture.everything());
      t.is(ended.length, count);
      t.is(new Set(ended.map(({ sourceTransportPort }) => sourceTransportPort)).size, count);
      const sum = (name: string): number => flows.reduce((total, { [name]: value }) => total + Number(value), 0);
      t.is(sum('packetDeltaCount'), count);
      t.is(sum('octetDeltaCount'), count * (SIZE + UDP_HEADERS));
      t.true(ended.every(({ octetTotalCount }) => octetTotalCount === String(SIZE + UDP_HEADERS)));
      t.true(events.overrun > 0, 'ENOBUFS is counted');
      t.like(events, { destroyed: count, lost: 0, unread: 0 });
      t.is(store.eventless, 0);
    },
  );
}

rigged('all: lost NEW events are counted, and an extra poll finds the connections', async t => {
  const namespace = await tracking(t);
  const capture = await Capture.tcp(new Traffic(namespace), 4739);
  const flags = '--flow-poll-interval 1h --event-buffer 4096 --hold-ended on --events all';
  const exporter = await startExporter(namespace, 'native', ['tcp://127.0.0.1:4739'], flags);
  const traffic = new Traffic(namespace);
  const { port } = await traffic.do('udpListen', { host: '127.0.0.1' });
  await freeze(exporter.pid);
  await traffic.do('udpFlows', { host: '127.0.0.1', port, from: FIRST_PORT, flows: 1_000, size: SIZE });
  process.kill(exporter.pid, 'SIGCONT');
  const flows = await eventually('a record of each', async () => {
    const records = await flowsOf(capture);
    return records.length >= 1_000 && records;
  });
  t.is(flows.length, 1_000);
  t.true(flows.every(({ packetDeltaCount, flowEndReason }) => packetDeltaCount === '1' && flowEndReason === '2'));
  const { events, pendingEvents, poll } = await lastCounts(t, exporter);
  t.true(events.changes.overrun > 0);
  t.true(events.changes.created < 1_000, `${events.changes.created}`);
  t.is(events.lost, 0, 'no end was lost');
  t.true(pendingEvents.resyncs >= 1);
  t.is(poll.polls, 2 + pendingEvents.resyncs, 'the first, the last, and those out of turn');
});

rigged(
  'all: without kernel timestamps the start is the time of the NEW event, and all TCP states are exported',
  async t => {
    const namespace = await tracking(t);
    await namespace.sysctl('nf_conntrack_timestamp', 0);
    const capture = await Capture.udp(new Traffic(namespace), 4739);
    const flags = '--flow-poll-interval 1h --events all --tcp-state-history --mtu 1400';
    const exporter = await startExporter(namespace, 'native', ['udp://127.0.0.1:4739'], flags);
    const traffic = new Traffic(namespace);
    const { port } = await traffic.do('tcpListen', { host: '127.0.0.1', answer: 500 });
    const before = Date.now();
    const { handle } = await traffic.do('tcpOpen', { host: '127.0.0.1', port, send: 100, expect: 500 });
    await digested(exporter.pid);
    const opened = Date.now();
    await traffic.do('tcpClose', { handle });
    await eventually('its TIME_WAIT begins', async () =>
      (await listConnections(namespace)).some(
        ({ original, state }) => original.dport === String(port) && state === 'TIME_WAIT',
      ),
    );
    await namespace.run('conntrack', ['-D', '-p', 'tcp', '--dport', String(port)]);
    const flow = await eventually('its record', async () => {
      const records = new Decoder('udp').decode((await capture.parts()).map(bytes => ({ bytes }))).map(valuesOf);
      return records.find(({ destinationTransportPort }) => destinationTransportPort === port);
    });
    const start = Number(flow['flowStartMilliseconds']);
    t.true(start >= before && start <= opened, `${before} ${start} ${opened}`);
    t.is(flow['tcpState'], 'TIME_WAIT');
    // CLOSE_WAIT only where the server's ACK goes before its FIN
    t.regex(String(flow['tcpStatePrevList']), /^SYN_SENT,SYN_RECV,ESTABLISHED,FIN_WAIT,(CLOSE_WAIT,)?LAST_ACK$/);
    const { events, pendingEvents } = await lastCounts(t, exporter);
    t.log(`${events.changes.created} NEW and ${events.changes.updated} UPDATE events`);
    t.like(pendingEvents, { count: 0, overflow: 0, expired: 0, resyncs: 0 });
  },
);

rigged('all: the end of a closed connection is that of its last packet, also where it is taken out later', async t => {
  const namespace = await tracking(t);
  const capture = await Capture.udp(new Traffic(namespace), 4739);
  const flags = '--flow-poll-interval 1h --events all';
  const exporter = await startExporter(namespace, 'native', ['udp://127.0.0.1:4739'], flags);
  const traffic = new Traffic(namespace);
  const { port } = await traffic.do('tcpListen', { host: '127.0.0.1', answer: 500 });
  const { handle } = await traffic.do('tcpOpen', { host: '127.0.0.1', port, send: 100, expect: 500 });
  // in whole seconds the timer would not tell the packets of the handshake from those of the end
  await sleep(300);
  const closed = Date.now();
  await traffic.do('tcpClose', { handle });
  await eventually('its TIME_WAIT begins', async () =>
    (await listConnections(namespace)).some(
      ({ original, state }) => original.dport === String(port) && state === 'TIME_WAIT',
    ),
  );
  const over = Date.now();
  await digested(exporter.pid);
  await sleep(1_500);
  await namespace.run('conntrack', ['-D', '-p', 'tcp', '--dport', String(port)]);
  const flow = await eventually('its record', async () =>
    (await flowsOf(capture)).find(({ destinationTransportPort }) => destinationTransportPort === String(port)),
  );
  const end = Number(flow['flowEndMilliseconds']);
  t.true(end >= closed && end <= over, `${closed} ${end} ${over}`);
  t.is((await exporter.stop()).code, 0);
});

rigged(
  'connections older than the events setting are found by polls alone, and counted; the setting stays',
  async t => {
    const namespace = await tracking(t);
    await namespace.sysctl('nf_conntrack_events', 2);
    const traffic = new Traffic(namespace);
    const { port } = await traffic.do('udpListen', { host: '127.0.0.1' });
    const flows = (from: number) => traffic.do('udpFlows', { host: '127.0.0.1', port, from, flows: 3, size: SIZE });
    await flows(FIRST_PORT);
    const capture = await Capture.tcp(new Traffic(namespace), 4739);
    const exporter = await startExporter(
      namespace,
      'native',
      ['tcp://127.0.0.1:4739'],
      '--setup-sysctl --zero-delta-records',
    );
    await flows(FIRST_PORT + 100);
    await namespace.run('conntrack', ['-D', '-p', 'udp', '--dport', String(port)]);
    await eventually('all have ended', async () => {
      const ended = (await flowsOf(capture)).filter(({ flowEndReason }) => flowEndReason === '4');
      return ended.length === 6;
    });
    const { events, store } = await lastCounts(t, exporter);
    t.is(events.pollOnly, 3);
    // a listener in any network namespace is enough for the kernel to make events for them all the same
    t.true(events.destroyed >= 3);
    t.is(events.destroyed + store.eventless, 6);
    t.regex(exporter.messages(), /polls alone show their end/);
    t.regex(exporter.messages(), /nf_conntrack_events stays at 1/);
    t.is((await namespace.run('cat', ['/proc/sys/net/netfilter/nf_conntrack_events'])).trim(), '1');
  },
);
