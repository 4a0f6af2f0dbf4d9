/** Profile nat on a router: events of its NAT, against what nft counted and what conntrack lists. */
import test from 'ava';
import { elementByName } from '../../src/ipfix/registry.js';
import { Capture } from '../helpers/kernel/capture.js';
import { BACKENDS, startExporter } from '../helpers/kernel/command.js';
import { eventually } from '../helpers/eventually.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { readWithPython } from '../helpers/oracles/python-ipfix.js';
import type { OracleRecord } from '../helpers/oracles/record.js';
import { needs } from '../helpers/kernel/require.js';
import { Traffic } from '../helpers/kernel/traffic.js';
import { parseCounters } from '../helpers/kernel/nft-truth.js';
import { Decoder, valuesOf } from '../helpers/builders/wire.js';

const FLOWS = 200;
/** What python3-ipfix does not know. */
const TAUGHT = [elementByName('natInstanceID')];

/** Both ends are translated; `translated` counts the connections. */
const RULES = `table ip translation {
  counter translated { }
  chain destinations {
    type nat hook prerouting priority -100
    iif inside ip daddr 203.0.113.80 udp dport 53 dnat to 198.51.100.2:5300
  }
  chain sources {
    type nat hook postrouting priority 100
    oif outside meta l4proto udp masquerade to :40000-60000
    oif outside masquerade
  }
  chain count {
    type filter hook postrouting priority 2147483646
    ct state new ct status ! confirmed ct status snat,dnat counter name translated
  }
}`;

/** A client, a router that translates, and a server. */
async function routed(t: { teardown(done: () => Promise<void>): void }) {
  const router = await PrivateNamespace.create(t);
  const [client, server] = [await router.nest(), await router.nest()];
  await router.link({ name: 'inside', addresses: ['192.0.2.1/24'] }, client, {
    name: 'uplink',
    addresses: ['192.0.2.2/24'],
  });
  await router.link({ name: 'outside', addresses: ['198.51.100.1/24'] }, server, {
    name: 'uplink',
    addresses: ['198.51.100.2/24'],
  });
  await client.run('ip', ['route', 'add', 'default', 'via', '192.0.2.1']);
  await router.track();
  await router.sysctl('ipv4/ip_forward', 1);
  await router.nft(RULES);
  return { router, client, server };
}

const translatedBy = async (router: PrivateNamespace): Promise<number> =>
  parseCounters(await router.run('nft', ['-j', 'list', 'counters'])).get('translated')!.packets;

/** The pair of tuples of an event, as one text. */
const pairOf = (record: OracleRecord): string =>
  [
    'protocolIdentifier',
    'sourceIPv4Address',
    'sourceTransportPort',
    'destinationIPv4Address',
    'destinationTransportPort',
    'postNATSourceIPv4Address',
    'postNAPTSourceTransportPort',
    'postNATDestinationIPv4Address',
    'postNAPTDestinationTransportPort',
  ]
    .map(name => record[name])
    .join(' ');

const pairsOf = (records: readonly OracleRecord[], event: string): string[] =>
  records
    .filter(({ natEvent }) => natEvent === event)
    .map(pairOf)
    .sort();

needs(test.serial, ['namespace', 'conntrack', 'native', 'python3-ipfix'])(
  'native: each translated connection has a create and a delete event with its pair of tuples, and one record at its end',
  async t => {
    const { router, client, server } = await routed(t);
    await router.sysctl('nf_conntrack_events', 1);
    const capture = await Capture.tcp(new Traffic(router), 4739);
    const flags = '--profile nat --flow-poll-interval 1h --nat-instance 7';
    const exporter = await startExporter(router, 'native', ['tcp://127.0.0.1:4739'], flags);
    const begun = Date.now();
    const [near, far] = [new Traffic(client), new Traffic(server)];
    await far.do('udpListen', { host: '198.51.100.2', port: 5300, answer: 60 });
    await near.do('udpFlows', { host: '203.0.113.80', port: 53, from: 20_000, flows: FLOWS, size: 30 });
    await near.do('udpSend', { host: '198.51.100.2', port: 5300, packets: 3, size: 30, answered: true });
    await client.run('ping', ['-c', '1', '198.51.100.2']);
    // one that is not translated
    const own = new Traffic(router);
    await own.do('udpListen', { host: '192.0.2.1', port: 5400, answer: 60 });
    await near.do('udpSend', { host: '192.0.2.1', port: 5400, packets: 1, size: 30, answered: true });
    const listed = await router.run('conntrack', ['-L', '-p', 'udp', '--orig-dst', '203.0.113.80']);
    const expected = [...listed.matchAll(TUPLES)]
      .map(([, a, b, c, d, e, f, g, h]) => ['17', a, c, b, d, f, h, e, g].join(' '))
      .sort();
    t.is(expected.length, FLOWS);
    const translated = await translatedBy(router);
    t.is(translated, FLOWS + 2);
    await router.run('conntrack', ['-D', '-p', 'udp']);
    await router.run('conntrack', ['-D', '-p', 'icmp']);
    t.is((await exporter.stop()).code, 0);
    const stopped = exporter.log().find(({ msg }) => msg === 'stopped')!;
    t.deepEqual(stopped['nat'], {
      created: translated,
      lateFromPoll: 0,
      lateFromDestroy: 0,
      deleted: translated,
      unregistered: 0,
    });
    t.is((stopped['events'] as { changes: { updated: number } }).changes.updated, 0);
    const stream = Buffer.concat(await capture.everything());
    const records = (await readWithPython(stream, TAUGHT)).filter(
      record => record['natEvent'] !== undefined || record['flowId'] !== undefined,
    );
    const [creates, deletes] = [pairsOf(records, '4'), pairsOf(records, '5')];
    t.is(creates.length, translated);
    t.deepEqual(deletes, creates);
    t.deepEqual(
      creates.filter(pair => pair.includes('203.0.113.80')),
      expected,
    );
    const ends = records.filter(({ natEvent }) => natEvent === undefined);
    t.deepEqual(ends.map(pairOfEnd).sort(), creates.map(withoutIdentifier).sort());
    t.true(ends.every(({ octetTotalCount }) => Number(octetTotalCount) > 0));
    for (const record of records) {
      if (record['natEvent'] === undefined) continue;
      const time = Number(record['observationTimeMilliseconds']);
      t.true(time >= begun && time <= Date.now(), `${time}`);
      t.is(record['natInstanceID'], '7');
    }
    // and what the collector of ctflow reads of it
    const collected = new Decoder('tcp').decode(messagesOf(stream)).map(valuesOf);
    t.is(collected.filter(({ natEvent }) => natEvent === 4).length, translated);
  },
);

const TUPLES = /src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+) .*?src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)/g;

/** Of an ICMP event the identifier stands in place of a port, which a flow record does not have. */
const withoutIdentifier = (pair: string): string =>
  pair.startsWith('1 ') ? pair.replace(/^(1 \S+) \S+ (\S+) (\S*) (\S+) \S+/, '$1  $2 $3 $4 ') : pair;
const pairOfEnd = (record: OracleRecord): string => pairOf(record);

function messagesOf(stream: Buffer): { bytes: Buffer }[] {
  const messages: { bytes: Buffer }[] = [];
  for (let at = 0; at < stream.length; at += stream.readUInt16BE(at + 2))
    messages.push({ bytes: stream.subarray(at, at + stream.readUInt16BE(at + 2)) });
  return messages;
}

for (const { name: backend, needs: wanted } of BACKENDS) {
  needs(test.serial, ['namespace', 'conntrack', 'python3-ipfix', ...wanted])(
    `${backend}: by polls alone, a session is created when the first poll shows it and deleted when none does`,
    async t => {
      const { router, client, server } = await routed(t);
      const capture = await Capture.udp(new Traffic(router), 4739);
      const exporter = await startExporter(router, backend, ['udp://127.0.0.1:4739'], '--profile nat --events off');
      const [near, far] = [new Traffic(client), new Traffic(server)];
      await far.do('udpListen', { host: '198.51.100.2', port: 5300, answer: 60 });
      await near.do('udpSend', { host: '203.0.113.80', port: 53, packets: 3, size: 30, answered: true });
      const records = async (event: string): Promise<OracleRecord[]> =>
        (await readWithPython(Buffer.concat(await capture.parts()), TAUGHT)).filter(
          ({ natEvent }) => natEvent === event,
        );
      await eventually('the create event', async () => (await records('4')).length === 1);
      await router.run('conntrack', ['-D', '-p', 'udp']);
      await eventually('the delete event', async () => (await records('5')).length === 1);
      t.is((await exporter.stop()).code, 0);
      const [create] = await records('4');
      t.is(create['postNATDestinationIPv4Address'], '198.51.100.2');
      t.is(pairOf((await records('5'))[0]), pairOf(create));
      const stopped = exporter.log().find(({ msg }) => msg === 'stopped')!;
      t.like(stopped['nat'], { created: 1, lateFromPoll: 1, deleted: 1 });
      t.true(exporter.messages().includes('NAT events are made from polls alone'));
    },
  );
}
