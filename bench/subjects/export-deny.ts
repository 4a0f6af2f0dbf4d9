import type { Case, Scene, Subject } from '../subject.js';
import { CaseClock } from '../workload/clock.js';
import { DeniedFlows } from '../workload/denied-flows.js';
import { exportCase, sendCase, type Exported } from '../workload/export-case.js';

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
    const native = scene.backends.find(({ name }) => name === 'native');
    if (native) cases.push(await sendCase(scene, native, exported(scene)));
    for (const backend of scene.backends) cases.push(await exportCase(scene, backend, exported(scene)));
    return cases;
  },
};

function exported({ family, sizes }: Scene): Exported {
  const { connections: records, gone: idle } = sizes;
  const flows = new DeniedFlows(family, records, idle);
  return {
    name: 'export',
    parameters: { connections: records, idle },
    flows: flows.flows(),
    names: flows.names,
    clock: new CaseClock(),
    change() {
      flows.round();
      return records;
    },
  };
}
