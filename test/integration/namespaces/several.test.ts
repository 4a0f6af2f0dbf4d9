/** `--netns` with several network namespaces: each is an observation domain of its own, and what happens to one costs the others nothing. */
import test, { type ExecutionContext } from 'ava';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Count } from '../../../src/cli/demo/traffic/loopback-count.js';
import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import { eventually } from '../../helpers/eventually.js';
import { samplesOf } from '../../helpers/exposition.js';
import { flows, udpCollector, type CollectorSocket } from '../../helpers/fakes/collector-socket.js';
import { BACKENDS, startExporter } from '../../helpers/kernel/command.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { parseCounters, TRUTH_TABLE } from '../../helpers/kernel/nft-truth.js';
import { needs } from '../../helpers/kernel/require.js';
import { exporterFiles, securedCollector } from '../../helpers/tls/secured-collector.js';
import { temporaryPath } from '../../helpers/temporary.js';

const COUNT = 10;
/** Connections of each round of traffic, and echo requests of each. */
const CONNECTIONS = 6;
const REQUESTS = 15;

/** What nft and records count: packets and octets of both directions, and connections. */
interface Sum extends Count {
  readonly connections: number;
}

async function counted(namespace: PrivateNamespace): Promise<Sum> {
  const counters = parseCounters(await namespace.run('nft', ['-j', 'list', 'counters']));
  return { ...counters.get('truth')!, connections: counters.get('begun')!.packets };
}

/** Tells its traffic apart from that of others: by the size of its packets. */
async function talk(namespace: PrivateNamespace, number: number): Promise<void> {
  const ping = `ping -q -c ${REQUESTS} -i 0.02 -s ${100 + number} 127.0.0.1 >/dev/null`;
  await namespace.run('sh', ['-c', Array.from({ length: CONNECTIONS }, () => ping).join('; ')]);
}

async function prepare(namespace: PrivateNamespace): Promise<PrivateNamespace> {
  await namespace.track();
  await namespace.nft(TRUTH_TABLE);
  return namespace;
}

const number = (record: CollectedRecord, element: string): number => Number(record.get(element) ?? 0);

/** What the records of a domain say, each delta once. */
function exported(records: readonly CollectedRecord[]): Sum {
  const sum = (...elements: string[]): number =>
    records.reduce((all, record) => all + elements.reduce((one, name) => one + number(record, name), 0), 0);
  return {
    packets: sum('packetDeltaCount', 'reversePacketDeltaCount'),
    octets: sum('octetDeltaCount', 'reverseOctetDeltaCount'),
    connections: new Set(records.map(record => record.get('flowId'))).size,
  };
}

/** The names that came with the domains. */
function domains({ records }: CollectorSocket): Map<string, number> {
  const named = records.filter(record => record.isOptions && record.get('observationDomainName') !== undefined);
  return new Map(
    named.map(record => [String(record.get('observationDomainName')), number(record, 'observationDomainId')]),
  );
}

function add(one: Sum, other: Sum): Sum {
  return {
    packets: one.packets + other.packets,
    octets: one.octets + other.octets,
    connections: one.connections + other.connections,
  };
}

interface Statistics {
  readonly namespacesLeft: number;
  readonly destinations: readonly {
    readonly name: string;
    readonly transport: { readonly connects: number; readonly messages: number; readonly lostRecords: number };
  }[];
}

/** Sequence numbers of messages that do not go on where the one before has ended: RFC 7011 counts data records. */
function gaps({ messages, records }: CollectorSocket, domain: number): number[] {
  const begun = messages.filter(message => message.readUInt32BE(12) === domain).map(message => message.readUInt32BE(8));
  const counts = new Map(begun.map(sequence => [sequence, 0]));
  for (const { message } of records)
    if (message.observationDomain === domain) counts.set(message.sequence, counts.get(message.sequence)! + 1);
  const sequences = [...counts.keys()].sort((one, other) => one - other);
  return sequences.filter((sequence, i) => i > 0 && sequence !== sequences[i - 1] + counts.get(sequences[i - 1])!);
}

for (const { needs: wanted } of BACKENDS.filter(({ name }) => name === 'native')) {
  needs(test.serial, ['namespace', 'conntrack', 'ping', ...wanted])(
    'native: one of ten namespaces is deleted and made again, and the other nine lose nothing',
    async t => {
      const owner = await PrivateNamespace.create(t);
      const others = await Promise.all(Array.from({ length: COUNT - 1 }, () => owner.nest()));
      const namespaces = await Promise.all([owner, ...others].map(prepare));
      const names = namespaces.map((_, i) => temporaryPath(t, `ns${i}`));
      const stand = (i: number, namespace: PrivateNamespace): void => {
        rmSync(names[i], { force: true });
        symlinkSync(`/proc/${namespace.pid}/ns/net`, names[i]);
      };
      namespaces.forEach((namespace, i) => stand(i, namespace));
      const collector = await udpCollector(t);
      const to = `udp://127.0.0.1:${collector.endpoint.port}`;
      const exporter = await startExporter(owner, 'native', [to], `--netns ${names.join(',')}`, 'owner');
      const gone = 5;
      // all talk at once, and the one that is about to go talks for half the time
      const talking = Promise.all(
        namespaces.flatMap((namespace, i) =>
          i === gone ? [talk(namespace, i)] : [talk(namespace, i).then(() => talk(namespace, i))],
        ),
      );
      await talk(namespaces[gone], gone);
      await eventually(
        'the first round is over',
        async () => (await counted(namespaces[gone])).connections === 2 * CONNECTIONS,
      );
      await eventually('every packet is answered', async () => {
        const { packets } = await counted(namespaces[gone]);
        return packets === 2 * CONNECTIONS * REQUESTS * 2;
      });
      const before = await counted(namespaces[gone]);
      rmSync(names[gone]);
      await eventually('it is missed', () => exporter.messages().includes('ctflow waits for it'));
      await namespaces[gone].close();
      const again = await prepare(await owner.nest());
      stand(gone, again);
      await eventually('it is read again', () => exporter.messages().includes('the network namespace is there again'));
      await talk(again, gone);
      await talking;
      const truth = await Promise.all(namespaces.map((one, i) => counted(i === gone ? again : one)));
      truth[gone] = add(truth[gone], before);
      const { code, stderr } = await exporter.stop();
      t.is(code, 0, stderr);
      const { namespacesLeft, destinations } = exporter.log().at(-1) as unknown as Statistics;
      await eventually('every message is read', () => {
        const sent = destinations.reduce((sum, { transport }) => sum + transport.messages, 0);
        return collector.messages.length === sent;
      });
      t.is(namespacesLeft, 1);
      t.is(destinations.length, COUNT);
      for (const { name, transport } of destinations)
        t.like(transport, { connects: 1, lostRecords: 0 }, `${name} has kept its session`);
      const named = domains(collector);
      t.deepEqual([...named.keys()].sort(), [...names].sort(), 'each domain has its name');
      t.is(new Set(named.values()).size, COUNT, 'no two namespaces have one domain');
      for (const [i, name] of names.entries()) {
        const domain = named.get(name)!;
        const records = flows(collector).filter(({ message }) => message.observationDomain === domain);
        t.deepEqual(gaps(collector, domain), [], `${name}: no message is missing`);
        t.deepEqual(exported(records), truth[i], `${name}: nothing is missing, nothing is doubled`);
        for (const record of records) checkSize(t, record, i);
      }
    },
  );

  needs(test.serial, ['namespace', 'conntrack', 'ping', ...wanted])(
    'native: --netns all reads namespaces that appear, and makes room when one is gone',
    async t => {
      const owner = await PrivateNamespace.create(t);
      const made = (): Promise<PrivateNamespace> => owner.nest().then(prepare);
      const collector = await udpCollector(t);
      const to = `udp://127.0.0.1:${collector.endpoint.port}`;
      // /run/netns of its own, so that nothing is left on the machine, and nobody else's namespace is read
      const mount = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs tmpfs /run && exec "$@"', 'sh'];
      const flags = '--netns all --max-namespaces 3 --metrics 127.0.0.1:0';
      const exporter = await startExporter(owner, 'native', [to], flags, 'owner', mount);
      const folder = `/proc/${exporter.pid}/root/run/netns`;
      const name = async (name: string): Promise<PrivateNamespace> => {
        const namespace = await made();
        symlinkSync(`/proc/${namespace.pid}/ns/net`, join(folder, name));
        return namespace;
      };
      // the first one has `ip netns` make the folder
      mkdirSync(folder);
      const blue = await name('blue');
      await eventually('blue has its name', () => domains(collector).has('blue'));
      await talk(blue, 1);
      const green = await name('green');
      await eventually('green has its name', () => domains(collector).has('green'));
      await name('red');
      await eventually('red is refused', () => exporter.messages().includes('--max-namespaces'));
      const { url } = exporter.log().find(({ msg }) => msg === 'metrics and health are served') as { url: string };
      const metrics = async (): Promise<Map<string, number>> => samplesOf(await (await fetch(`${url}/metrics`)).text());
      const first = await metrics();
      t.is(first.get('ctflow_namespaces'), 3);
      t.is(first.get('ctflow_namespaces_refused'), 1);
      t.true(first.get('ctflow_connections_added_total{netns="blue"}')! >= CONNECTIONS);
      t.is(first.get('ctflow_connections_added_total{netns="green"}'), 0);
      const truth = await counted(blue);
      rmSync(join(folder, 'blue'));
      await eventually(
        'red is read in its place',
        async () => (await metrics()).get('ctflow_namespaces_refused') === 0,
      );
      t.true(domains(collector).has('red'));
      t.like(Object.fromEntries(await metrics()), {
        ctflow_namespaces: 3,
        ctflow_namespaces_refused: 0,
        ctflow_namespaces_retired_total: 1,
        ctflow_namespaces_retired_unexported_records_total: 0,
      });
      await talk(green, 2);
      const { code, stderr } = await exporter.stop();
      t.is(code, 0, stderr);
      const of = (name: string) => {
        const domain = domains(collector).get(name)!;
        return exported(flows(collector).filter(({ message }) => message.observationDomain === domain));
      };
      t.deepEqual(of('blue'), truth);
      t.deepEqual(of('green'), await counted(green));
    },
  );
}

/** A record is of the namespace that its domain says. */
function checkSize(t: ExecutionContext, record: CollectedRecord, i: number): void {
  // IPv4 and ICMP have 28 octets
  t.is(number(record, 'octetTotalCount'), number(record, 'packetTotalCount') * (100 + i + 28));
}

needs(test.serial, ['namespace', 'conntrack', 'ping', 'native', 'openssl'])(
  'native: each of two namespaces has a TLS session of its own, with the certificate of the one exporter',
  async t => {
    const owner = await PrivateNamespace.create(t);
    const namespaces = await Promise.all([owner, await owner.nest()].map(prepare));
    const names = namespaces.map(({ pid }, i) => {
      const name = temporaryPath(t, `ns${i}`);
      symlinkSync(`/proc/${pid}/ns/net`, name);
      return name;
    });
    const collector = await securedCollector(t, 'tls', '127.0.0.1');
    const { tlsCa, tlsCertificate, tlsKey } = exporterFiles();
    const tls = `--tls-ca ${tlsCa} --tls-certificate ${tlsCertificate} --tls-key ${tlsKey}`;
    const to = `tls://127.0.0.1:${collector.endpoint.port}`;
    const exporter = await startExporter(owner, 'native', [to], `--netns ${names.join(',')} ${tls}`, 'owner');
    await Promise.all(namespaces.map(talk));
    const { code, stderr } = await exporter.stop();
    t.is(code, 0, stderr);
    const { destinations } = exporter.log().at(-1) as unknown as Statistics;
    t.is(destinations.length, 2);
    for (const { name, transport } of destinations) t.like(transport, { connects: 1, lostRecords: 0 }, name);
    await eventually('every message is read', () => {
      const sent = destinations.reduce((sum, { transport }) => sum + transport.messages, 0);
      return collector.messages.length === sent;
    });
    const named = domains(collector);
    t.deepEqual([...named.keys()].sort(), [...names].sort());
    const sessions = new Set<string>();
    for (const [i, name] of names.entries()) {
      const domain = named.get(name)!;
      const records = flows(collector).filter(({ message }) => message.observationDomain === domain);
      t.deepEqual(exported(records), await counted(namespaces[i]), `${name}: nothing is missing, nothing is doubled`);
      for (const record of records) checkSize(t, record, i);
      const from = new Set(records.map(record => record.exporter));
      t.is(from.size, 1, 'one connection for all of its records');
      for (const one of from) sessions.add(one);
    }
    t.is(sessions.size, 2, 'and none is shared');
  },
);
