import type { Backend } from '../../src/backend/backend.js';
import { DESTINATION_DEFAULTS } from '../../src/destination/destination.js';
import type { NameTable } from '../../src/record/name-table.js';
import type { Flows } from '../../src/record/flows.js';
import { CountingSink } from '../host/counting-sink.js';
import type { Parameters } from '../results/results.js';
import { same } from '../same.js';
import type { Case, Scene } from '../subject.js';
import { Arrivals } from './arrivals.js';
import type { CaseClock } from './clock.js';
import { MeasuredDestination } from './destination.js';

/** Flows that are exported in rounds. */
export interface Exported {
  readonly name: string;
  readonly parameters: Parameters;
  /** Connections first. */
  readonly flows: readonly Flows[];
  readonly names: NameTable;
  /** With --udp-segmentation. */
  readonly segment?: boolean;
  /** The clock of the flows. */
  readonly clock: CaseClock;
  /** What happens between two exports; then the active timeout passes. @returns records that are due */
  change(): number;
}

/** From stores to the socket: every operation exports all that is due. Its first round is over. */
export async function exportCase(scene: Scene, backend: Backend, exported: Exported): Promise<Case> {
  const { name, parameters, flows, names, segment = false, clock } = exported;
  const sink = await CountingSink.open(scene.family);
  const collector = { host: sink.host, port: sink.port, segment };
  const destination = await MeasuredDestination.openFor(backend, flows, names, collector, scene.sizes.mtu);
  const arrivals = await Arrivals.at(sink);
  let before = 0;
  let due = 0;
  const round = {
    prepare() {
      clock.take();
      due = exported.change();
      clock.forward(DESTINATION_DEFAULTS.activeFlowExportTimeout);
      before = destination.records;
    },
    operation: () => destination.export(),
    check() {
      const sent = destination.records - before;
      same(`records that ${backend.name} has exported`, sent, due);
      return arrivals.check(sent);
    },
  };
  round.prepare();
  await round.operation();
  await round.check();
  return {
    name,
    backend: backend.name,
    parameters: { ...parameters, mtu: scene.sizes.mtu },
    items: scene.sizes.connections,
    ...round,
    extra: () => arrivals.extra(),
    async close() {
      await destination.close();
      await sink.close();
    },
  };
}
