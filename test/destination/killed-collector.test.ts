import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import * as fc from 'fast-check';
import { parseEndpoint, type Endpoint } from '../../src/common/endpoint.js';
import { eventually } from '../helpers/eventually.js';
import { QUIET_HOST } from '../helpers/fakes/quiet-host.js';
import { spawnCtflow } from '../helpers/kernel/cli.js';
import { begin, many, Rig } from '../helpers/rigs/destination-rig.js';
import { seeded } from '../helpers/seed.js';
import { collectorFiles, exporterFiles, PROTOCOLS, testOver } from '../helpers/tls/secured-collector.js';

const KILLS = 20;
/** Milliseconds that a collector lives at most, once records have come to it. */
const LONGEST_LIFE = 80;
const CONNECTIONS = 40;

/** `ctflow collect` in a process of its own, and the records that it has printed. */
class Collector {
  readonly #child: ReturnType<typeof spawnCtflow>;
  #stdout = '';
  #stderr = '';

  private constructor(t: ExecutionContext, args: readonly string[]) {
    this.#child = spawnCtflow(['collect', '--format', 'json', ...args]);
    t.teardown(() => void this.#child.kill('SIGKILL'));
    this.#child.stdout.on('data', chunk => (this.#stdout += chunk));
    this.#child.stderr.on('data', chunk => (this.#stderr += chunk));
  }

  static async start(t: ExecutionContext, endpoint: Endpoint): Promise<{ collector: Collector; endpoint: Endpoint }> {
    const { protocol, host, port } = endpoint;
    const {
      tlsCa = '',
      tlsCertificate = '',
      tlsKey = '',
    } = protocol === 'tls' || protocol === 'dtls' ? collectorFiles(host) : {};
    const files = tlsCa === '' ? [] : ['--tls-ca', tlsCa, '--tls-certificate', tlsCertificate, '--tls-key', tlsKey];
    const collector = new Collector(t, ['--listen', `${protocol}://${host}:${port}`, ...files]);
    const [, listening] = await eventually('the collector listens', () => {
      if (collector.#child.exitCode !== null) throw new Error(`the collector does not run: ${collector.#stderr}`);
      return /listening on (\S+)\n/.exec(collector.#stderr) ?? undefined;
    });
    return { collector, endpoint: parseEndpoint(listening) };
  }

  /** The flow and its packets until then, of each record: no two records have the same. The last line may have been cut off. */
  get records(): string[] {
    const lines = this.#stdout.split('\n').slice(0, -1);
    return lines.map(line => {
      const { sourceTransportPort, packetTotalCount } = JSON.parse(line) as Record<string, unknown>;
      return `${String(sourceTransportPort)}: ${String(packetTotalCount)}`;
    });
  }

  async kill(): Promise<void> {
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }
}

for (const protocol of PROTOCOLS) {
  testOver(
    protocol,
    `the process of a ${protocol} collector is killed at ${KILLS} random moments: the exporter goes on by itself, and no record comes twice`,
    async (t, backend) => {
      const moments = fc.sample(fc.integer({ min: 0, max: LONGEST_LIFE }), { ...seeded(t), numRuns: KILLS });
      let { collector, endpoint } = await Collector.start(t, { protocol, host: QUIET_HOST, port: 0 });
      const secured = protocol === 'tls' || protocol === 'dtls';
      const rig = new Rig(backend, endpoint, { handshakeInterval: 300, ...(secured && exporterFiles()) });
      await begin(t, rig);
      let packets = 0;
      const end = new AbortController();
      const exporting = (async () => {
        for (; !end.signal.aborted; await sleep(5)) {
          rig.poll(...many(CONNECTIONS, ++packets));
          await rig.destination.export();
        }
      })();
      t.teardown(() => end.abort());
      const records: string[] = [];
      for (const moment of moments) {
        await eventually('records', () => collector.records.length > 0);
        await sleep(moment);
        await collector.kill();
        records.push(...collector.records);
        ({ collector } = await Collector.start(t, endpoint));
      }
      await eventually('records after the last kill', () => collector.records.length > 0);
      end.abort();
      await exporting;
      await rig.destination.close(10_000);
      const { session } = rig.destination.stats();
      await eventually('what was exported last', () => collector.records.some(one => one.endsWith(`: ${packets}`)));
      records.push(...collector.records);
      t.true(session.records >= records.length);
      t.is(records.length - new Set(records).size, 0, 'records that came twice');
    },
  );
}
