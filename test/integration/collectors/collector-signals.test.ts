/** What a TCP or TLS collector costs that is ended, frozen or killed in the middle, held against what `conntrack -L` counts. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { balance, type Balance } from '../../../proof/balance.js';
import { Ledger } from '../../../proof/ledger.js';
import type { DestinationStats } from '../../../src/destination/destination-stats.js';
import { BACKENDS, RunningCommand, startExporter, type BackendName } from '../../helpers/kernel/command.js';
import { listConnections, settledConnections, type ListedConnection } from '../../helpers/kernel/conntrack-list.js';
import { eventually } from '../../helpers/eventually.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { needs } from '../../helpers/kernel/require.js';
import { Traffic } from '../../helpers/kernel/traffic.js';
import { Authority } from '../../helpers/tls/authority.js';

const PORT = 4739;
type Protocol = 'tcp' | 'tls';
const FLOWS = 600;
const NOTHING = { connections: 0, packets: 0, octets: 0 };
/** Ports of the flows that are deleted in the middle. */
const ENDED = 30;

/** Both sides have a certificate. @returns flags of the collector, or of the exporter */
function flagsFor(authority: Authority | undefined, name: string): string[] {
  if (!authority) return [];
  const { tlsCertificate, tlsKey } = authority.issue({ names: [name] });
  return ['--tls-ca', authority.tlsCa, '--tls-certificate', tlsCertificate, '--tls-key', tlsKey];
}

class Scene {
  readonly namespace: PrivateNamespace;
  readonly exporter: RunningCommand;
  readonly collectors: RunningCommand[] = [];
  readonly #backend: BackendName;
  readonly #traffic: Traffic;
  readonly #gone: ListedConnection[] = [];
  /** Of a collector. */
  readonly #listen: readonly string[];

  private constructor(
    namespace: PrivateNamespace,
    exporter: RunningCommand,
    backend: BackendName,
    listen: readonly string[],
  ) {
    this.namespace = namespace;
    this.#listen = listen;
    this.#backend = backend;
    this.exporter = exporter;
    this.#traffic = new Traffic(namespace);
  }

  static async open(t: ExecutionContext, backend: BackendName, more = '', protocol: Protocol = 'tcp'): Promise<Scene> {
    const namespace = await PrivateNamespace.create(t);
    await namespace.track();
    // small buffers are soon full
    for (const [name, sizes] of [
      ['tcp_rmem', '4096 65536 131072'],
      ['tcp_wmem', '4096 16384 131072'],
    ]) {
      await namespace.run('sh', ['-c', 'cat >"$0"', `/proc/sys/net/ipv4/${name}`], { input: sizes });
    }
    const endpoint = `${protocol}://127.0.0.1:${PORT}`;
    const authority = protocol === 'tls' ? new Authority('scene') : undefined;
    const listen = [endpoint, ...flagsFor(authority, 'IP:127.0.0.1')];
    const collector = await listening(namespace, listen);
    more += ` ${flagsFor(authority, 'DNS:exporter.test').join(' ')}`;
    const flags = `--reconnect-interval 100ms --options-interval 0s --active-flow-export-timeout 100ms${more}`;
    const scene = new Scene(namespace, await startExporter(namespace, backend, [endpoint], flags), backend, listen);
    scene.collectors.push(collector);
    await scene.#traffic.do('udpListen', { host: '127.0.0.1', port: 6000 });
    return scene;
  }

  get collector(): RunningCommand {
    return this.collectors.at(-1)!;
  }

  async anotherCollector(): Promise<void> {
    this.collectors.push(await listening(this.namespace, this.#listen));
  }

  /** Another datagram on each of the flows, and on some new ones, a poll apart. */
  async traffic(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await this.#traffic.do('udpFlows', { host: '127.0.0.1', port: 6000, from: 10_000, flows: FLOWS, size: 10 });
      await sleep(250);
    }
  }

  /** Some of the flows leave the kernel, with counters that are known. */
  async endSome(): Promise<void> {
    const told = await settledConnections(this.namespace);
    await this.#polled();
    const ending = told.filter(({ original }) => Number(original.sport) < 10_000 + ENDED);
    for (const { original } of ending) {
      const { src, dst, sport, dport } = original;
      await this.namespace.run('conntrack', [
        '-D',
        '-p',
        'udp',
        '-s',
        src,
        '-d',
        dst,
        '--sport',
        sport!,
        '--dport',
        dport!,
      ]);
    }
    this.#gone.push(...ending);
    await this.#polled();
  }

  /** Waits until a poll has begun and ended, where no event tells the exporter what it would miss. */
  async #polled(): Promise<void> {
    if (this.#backend === 'native') return;
    const table = readFileSync(`/proc/${this.namespace.pid}/net/nf_conntrack`).length;
    const read = () => Number(/rchar: (\d+)/.exec(readFileSync(`/proc/${this.exporter.pid}/io`, 'utf8'))![1]);
    const before = read();
    // the rest of a dump that was under way, and a whole one
    await eventually('the table is read twice', () => read() - before > 2.5 * table);
  }

  /** Ends the exporter, then the collector. @returns what the exporter counted, and how the records hold against the kernel */
  /** @param ends the exit code of the exporter */
  async conclude(ends = 0): Promise<DestinationStats & { collected: number; balance: Balance }> {
    const listed = [...(await settledConnections(this.namespace)), ...this.#gone];
    // an exporter that ends does not wait long for a collector that is behind
    if (this.exporter.running) {
      await eventually('the collector has caught up', () => this.#queues().every(octets => octets === 0));
    }
    const { code, stderr } = await this.exporter.stop();
    if (code !== ends) throw new Error(`the exporter ended with ${code}: ${stderr}`);
    if (this.collector.running) {
      await this.namespace.readToEnd(PORT);
      await this.collector.stop();
    }
    const ledger = new Ledger();
    for (const { stdout } of this.collectors) {
      for (const line of stdout.split('\n')) if (line.endsWith('}')) ledger.add(JSON.parse(line));
    }
    const sum = (what: 'packets' | 'bytes'): number =>
      listed.reduce((all, { original, reply }) => all + Number(original[what]) + Number(reply[what] ?? 0), 0);
    const kernel = { connections: listed.length, packets: sum('packets'), octets: sum('bytes') };
    const { destinations } = this.exporter.log().at(-1) as unknown as { destinations: DestinationStats[] };
    return { ...destinations[0], collected: ledger.records, balance: balance(kernel, ledger.connections) };
  }

  freeze(): void {
    process.kill(this.collector.pid, 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.collector.pid, 'SIGCONT');
  }

  /** Waits until records lie unread in the collector's socket and the exporter can hand over no more. */
  async stuck(): Promise<void> {
    let before = '';
    let same = 0;
    await eventually('the collector’s socket is full', async () => {
      await this.traffic(2);
      const [unsent, unread] = this.#queues();
      const now = `${unsent} ${unread}`;
      same = now === before ? same + 1 : 0;
      before = now;
      return unsent > 0 && unread > 0 && same >= 2;
    });
  }

  /** Octets that the collector's kernel does not have yet, and that the collector has not read. */
  #queues(): [number, number] {
    const lines = readFileSync(`/proc/${this.namespace.pid}/net/tcp`, 'utf8')
      .split('\n')
      .map(line => line.trim().split(/\s+/))
      .filter(([, , , state]) => state === '01');
    const toward = (end: number) => lines.filter(line => line[end].endsWith(':1283')).map(line => line[4].split(':'));
    return [
      toward(2).reduce((all, [unsent]) => all + Number.parseInt(unsent, 16), 0),
      toward(1).reduce((all, [, unread]) => all + Number.parseInt(unread, 16), 0),
    ];
  }

  /** Resident memory of the exporter, octets. */
  memory(): number {
    const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.exporter.pid}/status`, 'utf8'))!;
    return Number(kilobytes) * 1024;
  }
}

async function listening(namespace: PrivateNamespace, listen: readonly string[]): Promise<RunningCommand> {
  const collector = new RunningCommand(namespace, ['collect', '--format', 'json', '--listen', ...listen]);
  await eventually('the collector listens', () => collector.stderr.includes('listening'));
  return collector;
}

/** Waits until the exporter has told of as many flows as there are. */
async function told(scene: Scene): Promise<void> {
  const listed = await listConnections(scene.namespace);
  await eventually('records of every flow', () => scene.collector.stdout.split('\n').length > listed.length);
}

for (const { name: backend, needs: wanted } of BACKENDS) {
  const rigged = needs(test.serial, ['linux', 'namespace', 'conntrack', 'openssl', ...wanted]);

  rigged(`${backend}: a TCP collector ended by SIGTERM and another one in its place: missing 0, doubled 0`, async t => {
    const scene = await Scene.open(t, backend);
    await scene.traffic(2);
    await told(scene);
    const traffic = scene.traffic(6);
    await sleep(400);
    const { code, stderr } = await scene.collector.stop('SIGTERM');
    t.is(code, 0);
    t.regex(stderr, / 0 lost, 0 undecodable sets, 0 malformed messages/);
    await traffic;
    await scene.endSome();
    await scene.anotherCollector();
    await scene.traffic(1);
    const { balance: found, transport, collected, session } = await scene.conclude();
    t.deepEqual(found.missing, NOTHING);
    t.deepEqual(found.doubled, NOTHING);
    t.like(transport, { lostRecords: 0, uncertainRecords: 0, connects: 2 });
    t.is(collected, session.records);
  });

  rigged(`${backend}: a frozen TCP collector: missing 0, doubled 0, memory bounded`, async t => {
    const scene = await Scene.open(t, backend);
    await scene.traffic(2);
    await told(scene);
    scene.freeze();
    await scene.stuck();
    await scene.endSome();
    const before = scene.memory();
    await scene.traffic(8);
    const grown = scene.memory() - before;
    t.true(grown < 32 << 20, `${grown} octets more`);
    scene.thaw();
    const { balance: found, transport, collected, session } = await scene.conclude();
    t.deepEqual(found.missing, NOTHING);
    t.deepEqual(found.doubled, NOTHING);
    t.like(transport, { lostRecords: 0, uncertainRecords: 0, connects: 1 });
    t.is(collected, session.records);
  });

  const killed = async (t: ExecutionContext, protocol: Protocol): Promise<void> => {
    const scene = await Scene.open(t, backend, '', protocol);
    await scene.traffic(2);
    await told(scene);
    scene.freeze();
    await scene.stuck();
    await scene.collector.stop('SIGKILL');
    await scene.anotherCollector();
    await scene.endSome();
    // another one, at any moment while it reads
    const traffic = scene.traffic(3);
    await sleep(200 + 300 * Math.random());
    await scene.collector.stop('SIGKILL');
    await traffic;
    await scene.anotherCollector();
    await scene.traffic(1);
    const { balance: found, transport, collected, session } = await scene.conclude();
    t.deepEqual(found.doubled, NOTHING);
    t.true(found.missing.octets > 0, 'what lay unread is lost');
    t.is(transport.lostRecords, 0);
    const missing = session.records - collected;
    t.true(missing > 0 && missing <= transport.uncertainRecords, `${missing} of ${transport.uncertainRecords}`);
    t.is(transport.connects, 3);
  };

  for (const protocol of ['tcp', 'tls'] as const) {
    const title = `a ${protocol.toUpperCase()} collector killed by SIGKILL`;
    rigged(`${backend}: ${title}: doubled 0, missing at most the uncertain records`, t => killed(t, protocol));
  }

  rigged(`${backend}: the exporter stops while its TCP collector is frozen; unsent records are counted`, async t => {
    const scene = await Scene.open(t, backend, ' --shutdown-timeout 3s');
    await scene.traffic(2);
    await told(scene);
    scene.freeze();
    await scene.stuck();
    await scene.traffic(1);
    const { code, stderr } = await scene.exporter.stop();
    t.is(code, 1, stderr);
    t.regex(stderr, /CTFLOW_UNEXPORTED/);
    t.regex(scene.exporter.messages(), /not exported at shutdown/);
    scene.thaw();
    const { balance: found, transport, collected, session } = await scene.conclude(1);
    t.deepEqual(found.doubled, NOTHING);
    t.is(session.records, transport.records + transport.lostRecords);
    t.is(collected, transport.records, 'what the kernel took arrives');
    t.true(transport.uncertainRecords > 0);
  });
}
