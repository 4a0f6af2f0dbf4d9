/** An exporter with a state file that is stopped, killed and begun again while traffic goes on. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { DESTROY_LOG_RECORD_SIZE, DESTROY_LOG_RECORDS_AT } from '../../src/row/layout.generated.js';
import { Capture } from '../helpers/kernel/capture.js';
import { ctflow, startExporter, type RunningCommand } from '../helpers/kernel/command.js';
import { settledConnections } from '../helpers/kernel/conntrack-list.js';
import { eventually } from '../helpers/eventually.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { readWithPython } from '../helpers/oracles/python-ipfix.js';
import { needs } from '../helpers/kernel/require.js';
import { filesBeside } from '../helpers/rigs/file-rig.js';
import { temporaryPath } from '../helpers/temporary.js';
import { Traffic } from '../helpers/kernel/traffic.js';
import { byConnection, COUNTERS } from './compare.js';
import { expectedStandard, keyOf } from './collectors/expected.js';

const UDP_FLOWS = 1_000;
const TCP_CONNECTIONS = 40;
const RESTARTS = 3;

const rigged = needs(test.serial, ['namespace', 'conntrack', 'native', 'python3-ipfix']);

interface Uncertain {
  records: number;
  packets: number;
  octets: number;
}

/** What was exported; over TCP and in files each part is a session of its own. */
type Exported = Pick<Capture, 'everything'>;

class Scene {
  readonly namespace: PrivateNamespace;
  readonly capture: Exported;
  readonly state: string;
  readonly collector: Traffic;
  readonly #endpoint: string;
  readonly #traffic: Traffic;
  readonly #ending = new AbortController();
  #rounds: Promise<void> = Promise.resolve();

  private constructor(
    namespace: PrivateNamespace,
    collector: Traffic,
    capture: Exported,
    state: string,
    endpoint: string,
    traffic: Traffic,
  ) {
    this.namespace = namespace;
    this.collector = collector;
    this.capture = capture;
    this.state = state;
    this.#endpoint = endpoint;
    this.#traffic = traffic;
  }

  static async begin(t: ExecutionContext, protocol: 'udp' | 'tcp' | 'file'): Promise<Scene> {
    const namespace = await PrivateNamespace.create(t);
    await namespace.track();
    await namespace.sysctl('nf_conntrack_events', 1);
    const collector = new Traffic(namespace);
    const path = temporaryPath(t, 'flows.ipfix');
    const files = { everything: async () => filesBeside(path).map(file => readFileSync(file)) };
    const capture = protocol === 'file' ? files : await Capture[protocol](collector, 4739);
    const endpoint = protocol === 'file' ? `file://${path}` : `${protocol}://127.0.0.1:4739`;
    return new Scene(namespace, collector, capture, temporaryPath(t, 'state'), endpoint, new Traffic(namespace));
  }

  start(flags = ''): Promise<RunningCommand> {
    const quick = `--flow-poll-interval 100ms --active-flow-export-timeout 50ms --mtu 9000 --state ${this.state} ${flags}`;
    return startExporter(this.namespace, 'native', [this.#endpoint], quick);
  }

  /** Connections, all there when this resolves, that say something again and again until they are told to rest. */
  async talk(): Promise<void> {
    const { port } = await this.#traffic.do('udpListen', { host: '127.0.0.1' });
    const server = await this.#traffic.do('tcpListen', { host: '127.0.0.1', answer: 10 });
    const handles: number[] = [];
    for (let i = 0; i < TCP_CONNECTIONS; i++) {
      const opened = await this.#traffic.do('tcpOpen', { host: '127.0.0.1', port: server.port, send: 7, expect: 10 });
      handles.push(opened.handle);
    }
    const say = async (size: number): Promise<void> => {
      await this.#traffic.do('udpFlows', { host: '127.0.0.1', port, from: 20_000, flows: UDP_FLOWS, size });
      await this.#traffic.do('tcpSend', { handles, send: size });
    };
    await say(20);
    const round = async (): Promise<void> => {
      for (let size = 21; !this.#ending.signal.aborted; size++) {
        await say(size);
        await sleep(50); // half of a poll's interval
      }
    };
    this.#rounds = round();
  }

  /** Resolves when the exporter's session over TCP gets no further: buffers are full. */
  async stuck(): Promise<void> {
    let before = 0;
    await eventually('the session gets no further', async () => {
      await sleep(1_000);
      const [, queued] =
        (await this.namespace.run('ss', ['-Htn', 'dport = :4739'])).match(/^ESTAB\s+\d+\s+(\d+)/m) ?? [];
      const same = Number(queued) > 0 && Number(queued) === before;
      before = Number(queued);
      return same;
    });
  }

  async rest(): Promise<void> {
    this.#ending.abort();
    await this.#rounds;
  }

  /** For each connection of the kernel, the counters that it has and the sums that were exported. */
  async compare(t: ExecutionContext): Promise<{ missing: Uncertain; doubled: number }> {
    const listed = await settledConnections(this.namespace);
    const parts = await this.capture.everything();
    // each TCP connection and each file is a session of its own
    const sessions = this.#endpoint.startsWith('udp') ? [Buffer.concat(parts)] : parts;
    const records = (await Promise.all(sessions.map(session => readWithPython(session)))).flat();
    const flows = byConnection(records);
    const missing: Uncertain = { records: 0, packets: 0, octets: 0 };
    let doubled = 0;
    for (const connection of listed) {
      const expected = expectedStandard(connection, 'native');
      const reported = flows.get(keyOf(expected)) ?? [];
      for (const [delta, total] of COUNTERS) {
        const left = Number(expected[total]) - reported.reduce((sum, record) => sum + Number(record[delta]), 0);
        if (left < 0) doubled++;
        if (delta.toLowerCase().includes('packet')) missing.packets += Math.max(left, 0);
        else missing.octets += Math.max(left, 0);
      }
      for (const record of reported) {
        const silent = COUNTERS.every(([delta]) => record[delta] === '0');
        if (silent && record === reported[0]) t.fail('the first record of a connection has something in it');
      }
    }
    t.is(listed.length, UDP_FLOWS + TCP_CONNECTIONS);
    return { missing, doubled };
  }
}

/** Nothing is doubled, and no more is missing than this. */
async function missesAtMost(t: ExecutionContext, scene: Scene, uncertain: Uncertain): Promise<void> {
  const { missing, doubled } = await scene.compare(t);
  t.log({ missing, uncertain });
  t.is(doubled, 0);
  t.true(missing.packets <= uncertain.packets, `${missing.packets} packets missing, ${uncertain.packets} uncertain`);
  t.true(missing.octets <= uncertain.octets, `${missing.octets} octets missing, ${uncertain.octets} uncertain`);
}

/** What a run says of the one before it. */
function uncertainOf(exporter: RunningCommand): Uncertain {
  const said = exporter.log().find(({ restartUncertain }) => restartUncertain !== undefined);
  return (said?.['restartUncertain'] as Uncertain | undefined) ?? { records: 0, packets: 0, octets: 0 };
}

function stateOf(exporter: RunningCommand): Record<string, unknown> {
  return exporter.log().at(-1)!['state'] as Record<string, unknown>;
}

for (const protocol of ['udp', 'tcp'] as const) {
  rigged(`${protocol}: stopped by SIGTERM three times: missing 0, doubled 0`, async t => {
    const scene = await Scene.begin(t, protocol);
    let exporter = await scene.start();
    await scene.talk();
    for (let restart = 0; restart < RESTARTS; restart++) {
      await sleep(1_500);
      t.is((await exporter.stop()).code, 0);
      t.like(stateOf(exporter), { restartUncertain: { records: 0 }, errors: 0, endedWhileDown: 0 });
      await sleep(300);
      exporter = await scene.start();
      await eventually('those of before are found', () => exporter.messages().includes('found again'));
    }
    await scene.rest();
    await sleep(500);
    t.is((await exporter.stop()).code, 0);
    t.deepEqual(await scene.compare(t), { missing: { records: 0, packets: 0, octets: 0 }, doubled: 0 });
    t.is(stateOf(exporter)['restored'], UDP_FLOWS + TCP_CONNECTIONS);
  });
}

for (const protocol of ['udp', 'tcp', 'file'] as const) {
  rigged(`${protocol}: killed three times: doubled 0, missing at most the uncertain records`, async t => {
    const scene = await Scene.begin(t, protocol);
    const flags = protocol === 'file' ? '--file-max-size 65536 --file-keep-size off' : '';
    let exporter = await scene.start(flags);
    await scene.talk();
    const uncertain: Uncertain = { records: 0, packets: 0, octets: 0 };
    for (let restart = 0; restart < RESTARTS; restart++) {
      await sleep(500 + Math.random() * 1_000);
      await exporter.stop('SIGKILL');
      exporter = await scene.start(flags);
      const { records, packets, octets } = uncertainOf(exporter);
      uncertain.records += records;
      uncertain.packets += packets;
      uncertain.octets += octets;
    }
    await scene.rest();
    await sleep(500);
    t.is((await exporter.stop()).code, 0);
    await missesAtMost(t, scene, uncertain);
  });
}

rigged('tcp: stopped by SIGTERM while the collector is frozen: the next exporter sends the unsent records', async t => {
  const scene = await Scene.begin(t, 'tcp');
  // small buffers are soon full
  await scene.namespace.run('tee', ['/proc/sys/net/ipv4/tcp_wmem'], { input: '4096 16384 131072' });
  const first = await scene.start('--shutdown-timeout 2s');
  await scene.talk();
  await sleep(500);
  scene.collector.signal('SIGSTOP');
  await scene.stuck();
  const { code, stderr } = await first.stop();
  t.is(code, 1);
  t.regex(stderr, /CTFLOW_UNEXPORTED: [1-9][0-9]* records .* Start ctflow with this state file again/);
  scene.collector.signal('SIGCONT');
  const second = await scene.start();
  const uncertain = uncertainOf(second);
  await scene.rest();
  await sleep(500);
  t.is((await second.stop()).code, 0);
  await missesAtMost(t, scene, uncertain);
});

const ENDING = 2_000;

rigged(
  'killed with ended connections received and not exported: the next exporter exports them, and nothing twice',
  async t => {
    const scene = await Scene.begin(t, 'udp');
    const traffic = new Traffic(scene.namespace);
    const { port } = await traffic.do('udpListen', { host: '127.0.0.1' });
    const uncertain: Uncertain[] = [];
    let recovered = 0;
    // one collector may have been told when the exporter is killed; the other one comes at the very end
    const flags = '--collector tcp://127.0.0.1:4740 --reconnect-interval 100ms';
    let exporter = await scene.start(flags);
    for (let round = 0; round < RESTARTS; round++) {
      // the same tuples each time
      await traffic.do('udpFlows', { host: '127.0.0.1', port, from: 20_000, flows: ENDING, size: 10 });
      if (round !== 1) await sleep(300); // polled, or known by the end alone
      await scene.namespace.run('conntrack', ['-F']);
      const written = DESTROY_LOG_RECORDS_AT + (round + 1) * ENDING * DESTROY_LOG_RECORD_SIZE;
      await eventually('they are written down', () => statSync(`${scene.state}.ends`).size >= written);
      await exporter.stop('SIGKILL');
      exporter = await scene.start(flags);
      uncertain.push(uncertainOf(exporter));
      recovered += Number(exporter.log().find(line => 'recovered' in line)?.['recovered'] ?? 0);
    }
    const late = await Capture.tcp(scene.collector, 4740);
    const sessions = (): number => exporter.messages().split('export session started').length - 1;
    await eventually('the other collector is found', () => sessions() === 2);
    t.is((await exporter.stop()).code, 0);
    t.false(existsSync(`${scene.state}.ends`));
    const lost = uncertain.reduce((sum, { records: many }) => sum + many, 0);
    const [told, toldLate] = [await toldOf(scene.capture, port), await toldOf(late, port)];
    t.log({ recovered, uncertain: lost, told: told.size });
    t.true(recovered >= RESTARTS * ENDING);
    for (const flows of [told, toldLate]) t.true([...flows.values()].every(packets => packets === 1));
    t.true(told.size <= RESTARTS * ENDING && told.size >= RESTARTS * ENDING - lost, `${told.size} told`);
    t.is(toldLate.size, RESTARTS * ENDING);
  },
);

/** Packets that were told of each connection to a port. */
async function toldOf(capture: Exported, port: number): Promise<Map<string, number>> {
  const told = new Map<string, number>();
  for (const record of await readWithPython(Buffer.concat(await capture.everything()))) {
    if (Number(record['destinationTransportPort']) !== port) continue;
    const key = `${record['sourceTransportPort']} ${record['flowStartMilliseconds']}`;
    told.set(key, (told.get(key) ?? 0) + Number(record['packetDeltaCount']));
  }
  return told;
}

rigged('without timestamps, without netlink and beside another exporter a state file is refused', async t => {
  const scene = await Scene.begin(t, 'udp');
  const run = ['run', '--collector', 'udp://127.0.0.1:4739', '--state', scene.state];
  const exporter = await scene.start();
  const second = await ctflow(scene.namespace, [...run, '--backend', 'native']);
  t.is(second.code, 1);
  t.regex(second.stderr, /CTFLOW_STATE: .* is in use by process \d+/);
  t.is((await exporter.stop()).code, 0);
  const fallback = await ctflow(scene.namespace, [...run, '--backend', 'fallback']);
  t.is(fallback.code, 2);
  t.regex(fallback.stderr, /CTFLOW_USAGE: --state needs/);
  await scene.namespace.sysctl('nf_conntrack_timestamp', 0);
  const untimed = await ctflow(scene.namespace, [...run, '--backend', 'native']);
  t.is(untimed.code, 1);
  t.regex(untimed.stderr, /CTFLOW_KERNEL_SETTING: --state needs start times/);
});
