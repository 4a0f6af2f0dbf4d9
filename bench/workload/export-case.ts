import type { Backend } from '../../src/backend/backend.js';
import { DESTINATION_DEFAULTS } from '../../src/destination/destination-options.js';
import type { NameTable } from '../../src/record/name-table.js';
import type { Flows } from '../../src/record/flows.js';
import { CountingSink } from '../host/counting-sink.js';
import { nativeBinding } from '../host/native-binding.js';
import type { Parameters } from '../results/results.js';
import { same } from '../same.js';
import type { Case, Scene } from '../subject.js';
import { Arrivals } from './arrivals.js';
import type { CaseClock } from './clock.js';
import { MeasuredDestination } from './destination.js';
import { RecordedMessages } from './recorded-messages.js';

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
  const { sink, destination, arrivals, round } = await exporting(scene, backend, exported);
  return {
    ...caseOf(scene, backend.name, exported.name, exported),
    ...round,
    extra: () => arrivals.extra(),
    async close() {
      await destination.close();
      await sink.close();
    },
  };
}

/**
 * The floor of an export: the messages of a later round, which stand in memory, to the same system calls. The collector knows
 * their templates.
 * @param backend native
 */
export async function sendCase(scene: Scene, backend: Backend, exported: Exported): Promise<Case> {
  const recorded = new RecordedMessages(backend);
  const { sink, destination, arrivals, round } = await exporting(scene, recorded.backend, exported);
  recorded.begin();
  round.prepare();
  const before = destination.records;
  await round.operation();
  await round.check();
  const records = destination.records - before;
  await destination.close();
  const { bursts } = recorded;
  const messages = bursts.reduce((sum, { lengths }) => sum + lengths.length / 2, 0);
  const { UdpSender } = await nativeBinding();
  const sender = new UdpSender(sink.host, sink.port, '', 0, exported.segment ?? false);
  let taken = 0;
  return {
    ...caseOf(scene, 'kernel', exported.segment ? 'send, --udp-segmentation' : 'send', exported),
    operation() {
      taken = 0;
      for (const { bytes, lengths } of bursts) taken += sender.send(bytes, lengths).messages;
    },
    async check() {
      const lost = await arrivals.check(records);
      return taken < messages ? `the kernel took ${taken} of ${messages} messages` : lost;
    },
    extra: () => arrivals.extra(),
    async close() {
      sender.close();
      await sink.close();
    },
  };
}

function caseOf(
  { sizes: { connections, mtu } }: Scene,
  backend: Case['backend'],
  name: string,
  { parameters }: Exported,
): Pick<Case, 'name' | 'backend' | 'parameters' | 'items'> {
  return { name, backend, parameters: { ...parameters, mtu }, items: connections };
}

/** A collector, and a destination that has exported the first round to it. */
async function exporting(scene: Scene, backend: Backend, { flows, names, segment = false, clock, change }: Exported) {
  const sink = await CountingSink.open(scene.family);
  const collector = { host: sink.host, port: sink.port, segment };
  const destination = await MeasuredDestination.openFor(backend, flows, names, collector, scene.sizes.mtu);
  const arrivals = await Arrivals.at(sink);
  let before = 0;
  let due = 0;
  const round = {
    prepare() {
      clock.take();
      due = change();
      clock.forward(DESTINATION_DEFAULTS.activeFlowExportTimeout);
      before = destination.records;
    },
    operation: () => destination.export(),
    check() {
      clock.rest();
      const sent = destination.records - before;
      same(`records that ${backend.name} has exported`, sent, due);
      return arrivals.check(sent);
    },
  };
  round.prepare();
  await round.operation();
  await round.check();
  return { sink, destination, arrivals, round };
}
