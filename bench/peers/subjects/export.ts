import { ConnectionStore } from '../../../src/store/connection-store.js';
import { DESTINATION_DEFAULTS } from '../../../src/destination/destination-options.js';
import { Companion } from '../../host/companion.js';
import { CountingSink } from '../../host/counting-sink.js';
import { same } from '../../same.js';
import type { Case, Scene, Subject, Times } from '../../subject.js';
import { exportConntrack, mergeDump } from '../../subjects/export.js';
import { Arrivals } from '../../workload/arrivals.js';
import { ChangingTable } from '../../workload/changing-table.js';
import { CaseClock } from '../../workload/clock.js';
import { MeasuredDestination } from '../../workload/destination.js';
import { now } from '../../workload/now.js';
import { ANTREA_PEER, GO_PEERS } from '../go.js';

const STILL = { fresh: 0, gone: 0, idle: 0, dying: false };
const ORDERS = [
  { order: 'single', name: 'go-ipfix, a record a message' },
  { order: 'buffered', name: 'go-ipfix, buffered' },
] as const;

/** Every record to a collector over UDP, by ctflow and by go-ipfix, which has the records in memory of its own. */
export const peersExport: Subject = {
  ...exportConntrack,
  name: 'peers-export',
  summary: 'records to a collector over UDP: ctflow from the store, go-ipfix, Antrea from its store',
  async cases(scene: Scene): Promise<Case[]> {
    const cases = [...(await exportConntrack.cases(scene))];
    if (scene.peers?.includes('go-ipfix')) cases.push(...(await goIpfixCases(scene)));
    if (scene.peers?.includes('antrea') && scene.family === 'ipv4') cases.push(await antreaCase(scene));
    return cases;
  },
};

async function goIpfixCases(scene: Scene): Promise<Case[]> {
  const { connections: records, gone, mtu } = scene.sizes;
  const cases: Case[] = [];
  for (const { order, name } of ORDERS) {
    const sink = await CountingSink.open(scene.family);
    const program = await Companion.startProgram<{ port: string }>(GO_PEERS, ['ipfix', address(sink), String(mtu)]);
    await Promise.all([program.ask(`learn ${records}`), teach(scene, Number(program.ready.port))]);
    const arrivals = await Arrivals.at(sink);
    cases.push({
      name,
      backend: 'peer',
      parameters: { connections: records, gone, mtu },
      items: records,
      operation: () => program.ask<Times>(order),
      check: () => arrivals.check(records),
      extra: () => arrivals.extra(),
      async close() {
        await program.close();
        await sink.close();
      },
    });
  }
  return cases;
}

/** Sends the peer the records that ctflow exports, over TCP, so that none is lost. */
async function teach({ backends, family, sizes }: Scene, port: number): Promise<void> {
  const clock = new CaseClock();
  clock.take();
  const table = new ChangingTable(family, sizes.connections, STILL);
  const store = new ConnectionStore({ maxConnections: sizes.connections, firstSight: 'total', born: now() });
  const collector = { host: '127.0.0.1', port, protocol: 'tcp' } as const;
  const destination = await MeasuredDestination.open(backends[0], store, collector, sizes.mtu);
  mergeDump(store, table);
  clock.forward(DESTINATION_DEFAULTS.activeFlowExportTimeout);
  // TCP takes them in parts
  while (destination.records < sizes.connections) await destination.export();
  await destination.close();
}

async function antreaCase({ family, sizes: { connections: records, gone, mtu } }: Scene): Promise<Case> {
  const sink = await CountingSink.open(family);
  // as in ctflow's case those that are gone are exported too, beside those that the dump shows
  const sizes = [records - gone, gone, gone].map(String);
  const program = await Companion.startProgram(ANTREA_PEER, [address(sink), ...sizes]);
  const arrivals = await Arrivals.at(sink);
  let exported = 0;
  return {
    name: 'Antrea',
    backend: 'peer',
    parameters: { connections: records, gone, mtu },
    items: records,
    async operation(): Promise<Times> {
      const answer = await program.ask<Times & { records: number }>('export');
      exported = answer.records;
      return answer;
    },
    check() {
      same('records that Antrea has exported', exported, records);
      return arrivals.check(records);
    },
    extra: () => arrivals.extra(),
    async close() {
      await program.close();
      await sink.close();
    },
  };
}

function address({ host, port }: CountingSink): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
