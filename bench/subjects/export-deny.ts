import type { Backend } from '../../src/backend/backend.js';
import { DESTINATION_DEFAULTS } from '../../src/destination/destination.js';
import { CountingSink } from '../counting-sink.js';
import { same } from '../same.js';
import type { Case, Scene, Subject } from '../subject.js';
import { Arrivals } from '../workload/arrivals.js';
import { CaseClock } from '../workload/clock.js';
import { DeniedFlows } from '../workload/denied-flows.js';
import { MeasuredDestination } from '../workload/destination.js';

/**
 * From the deny store to the socket: every operation exports every flow. Before each of them, outside the timing, packets of all
 * flows are denied, those of some so long ago that they have ended as idle.
 */
export const exportDeny: Subject = {
  name: 'export-deny',
  summary: 'every denied flow from its store to a collector over UDP, some of them idle',
  connections: 20_000,
  packets: true,
  companion: true,
  async cases(scene: Scene): Promise<Case[]> {
    const cases: Case[] = [];
    for (const backend of scene.backends) cases.push(await exportCase(scene, backend));
    return cases;
  },
};

async function exportCase({ family, sizes }: Scene, backend: Backend): Promise<Case> {
  const { connections: records, gone: idle, mtu } = sizes;
  const clock = new CaseClock();
  const flows = new DeniedFlows(family, records, idle);
  const sink = await CountingSink.open(family);
  const destination = await MeasuredDestination.openFor(backend, flows.flows(), flows.names, sink, mtu);
  const arrivals = await Arrivals.at(sink);
  let before = 0;
  return {
    name: 'export',
    backend: backend.name,
    parameters: { connections: records, idle, mtu },
    items: records,
    prepare() {
      clock.take();
      flows.round();
      clock.forward(DESTINATION_DEFAULTS.activeFlowExportTimeout);
      before = destination.records;
    },
    operation: () => destination.export(),
    check() {
      const sent = destination.records - before;
      same(`records that ${backend.name} has exported`, sent, records);
      return arrivals.check(sent);
    },
    extra: () => arrivals.extra(),
    async close() {
      await destination.close();
      await sink.close();
    },
  };
}
