import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause } from '../../src/cli/demo/pause.js';
import { balance, type ConnectionCount } from '../balance.js';
import type { Finding, ProofCase } from '../case.js';
import { collectorEndpoint, CollectorProcess } from '../collector-process.js';
import { ExporterProcess } from '../exporter-process.js';
import type { TrafficSummary } from '../generator.js';
import { Ledger } from '../ledger.js';
import type { Size } from '../scene.js';
import { NO_FAULTS, readKernel } from '../truth.js';
import { eventually } from '../../test/helpers/eventually.js';
import { PrivateNamespace } from '../../test/helpers/kernel/namespace.js';
import { TRUTH_TABLE } from '../../test/helpers/kernel/nft-truth.js';
import type { Scope } from '../../test/helpers/kernel/scope.js';
import { Traffic } from '../../test/helpers/kernel/traffic.js';
import { holds, none, NOTHING_LOST } from './criteria.js';

/** Namespaces one after another. */
const LIVES = 5;
/** Connections in each. */
const CONNECTIONS = 200;
const PACKETS = 3;

export const namespaceGone: ProofCase = {
  name: 'namespace-gone',
  title: `a network namespace given by name that goes and is made anew, ${LIVES} times`,
  criterion: `${NOTHING_LOST}; each namespace is left and released`,
  run,
};

async function run(scope: Scope, size: Size): Promise<Finding> {
  const folder = mkdtempSync(join(tmpdir(), 'ctflow-proof-'));
  scope.teardown(() => rmSync(folder, { recursive: true }));
  const [name, records] = [join(folder, 'netns'), join(folder, 'records.json')];
  const home = await PrivateNamespace.create(scope);
  const collector = await CollectorProcess.start(home, records, 'tcp');
  const began = performance.now();
  const kernel = { connections: 0, packets: 0, octets: 0 };
  let exporter: ExporterProcess | undefined;
  for (let life = 0; life < LIVES; life++) {
    const inner = await home.nest();
    await inner.run('nft', ['-f', '-'], { input: TRUTH_TABLE });
    await inner.track();
    symlinkSync(`/proc/${inner.pid}/ns/net`, name);
    const flags = [
      '--collector',
      collectorEndpoint('tcp'),
      '--netns',
      name,
      '--flow-poll-interval',
      `${size.pollInterval}ms`,
    ];
    if (exporter) {
      const running = exporter;
      await eventually('the next one is read', () => said(running, 'is there again') === life);
    } else exporter = await ExporterProcess.start(home, flags);
    add(kernel, await makeTraffic(inner));
    // some ended, some in the last poll, some after it
    await pause(size.pollInterval * (life / LIVES) * 2);
    rmSync(name);
    const running = exporter;
    await eventually('it is left', () => said(running, 'waits for it') === life + 1);
    await inner.close();
  }
  const end = await exporter!.stop();
  await collector.readEverything();
  await collector.stop();
  const ledger = new Ledger();
  await ledger.read(records);
  const found = balance(kernel, ledger.connections);
  const left = said(exporter!, 'was deleted');
  const traffic: TrafficSummary = {
    flows: LIVES * CONNECTIONS,
    denied: 0,
    long: 0,
    kinds: { udp: LIVES * CONNECTIONS },
    datagrams: LIVES * CONNECTIONS * PACKETS,
    datagramOctets: 0,
    deniedDatagrams: 0,
    deniedOctets: 0,
    streamOctets: 0,
    failed: 0,
    begunSeconds: (performance.now() - began) / 1000,
    seconds: (performance.now() - began) / 1000,
  };
  return {
    ...found,
    traffic,
    exporter: end,
    faults: NO_FAULTS,
    failures: [
      ...none('missing', found.missing),
      ...none('doubled', found.doubled),
      ...holds(left === LIVES, `${left} namespaces of ${LIVES} were left`),
    ],
    notes: [`${LIVES} namespaces with ${CONNECTIONS} connections each`],
  };
}

/** Connections over loopback, and what the kernel counted of them. */
async function makeTraffic(inner: PrivateNamespace): Promise<ConnectionCount> {
  const traffic = new Traffic(inner);
  const { port } = await traffic.do('udpListen', { host: '127.0.0.1', answer: 99 });
  for (let from = 10_000; from < 10_000 + CONNECTIONS; from++) {
    await traffic.do('udpSend', { host: '127.0.0.1', port, from, packets: PACKETS, size: 40, answered: true });
  }
  const { connections, packets, octets } = await readKernel(inner);
  return { connections, packets, octets };
}

function add(sum: { connections: number; packets: number; octets: number }, more: ConnectionCount): void {
  sum.connections += more.connections;
  sum.packets += more.packets;
  sum.octets += more.octets;
}

function said(exporter: ExporterProcess, text: string): number {
  return exporter.log().filter(({ msg }) => String(msg).includes(text)).length;
}
