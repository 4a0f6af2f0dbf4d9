import { cpu, difference, each, extra, type Choice, type Figure, ratio, scaled, sum, wall } from './figures.js';

export type Unit = 'times' | 'seconds' | 'bytes' | 'count';

/** One line of the table: a figure, and what it is held to. */
export interface Target {
  readonly what: string;
  readonly unit: Unit;
  readonly figure: Figure;
  /** It must not be above this, or not below; with neither it stands beside the others. */
  readonly most?: number | Figure;
  readonly least?: number | Figure;
}

const NANOSECOND = 1e-9;
const MICROSECOND = 1e-6;
const MEGABYTE = 1e6;
const SIZES = [100_000, 500_000];
const MILLION = 1_000_000;
const SMALL = 20_000;

const rawDump = (connections: number): Choice => ({
  subject: ['peers-poll', 'dump'],
  case: 'raw dump',
  backend: 'kernel',
  parameters: { connections },
});
const wholePoll = (connections: number): Choice => ({
  subject: ['peers-poll', 'dump'],
  case: 'poll',
  parameters: { connections },
});
const merge = (connections: number): Choice => ({
  subject: 'poll',
  case: 'merge',
  backend: 'both',
  parameters: { connections },
});
const exported = (connections: number, mtu: number): Choice => ({
  subject: 'export-conntrack',
  case: 'export',
  parameters: { connections, mtu },
});
const SEGMENTATION = 'export, --udp-segmentation';
const exportBeside = (name: string): Choice => ({
  subject: 'peers-export',
  case: name,
  parameters: { mtu: 1400 },
  ...(name.startsWith('export') ? {} : { backend: 'peer' }),
});
const encoded = (backend: 'native' | 'fallback'): Choice => ({
  subject: 'encode',
  case: 'encode',
  backend,
  parameters: { mtu: 1400 },
});
const resident: Choice = { subject: 'memory', case: 'poll and export', parameters: { connections: MILLION } };
const longRun = (name: 'replayed' | 'kernel'): Choice => ({ subject: 'soak', case: name });

/** A peer's time against ctflow's, held to 0.85 of its time against the raw dump. */
function besidePoll(title: string, name: string): Target[] {
  return SIZES.map(connections => {
    const peer = wall({ subject: 'peers-poll', case: name, backend: 'peer', parameters: { connections } });
    return {
      what: `a whole poll, ${connections.toLocaleString('en')} connections, ${title}: how many times faster`,
      unit: 'times',
      figure: ratio(peer, wall(wholePoll(connections))),
      least: scaled(0.85, ratio(peer, wall(rawDump(connections)))),
    };
  });
}

/** What ctflow is held to: native, medians, ratios within one run. */
export const TARGETS: readonly Target[] = [
  ...SIZES.flatMap((connections): Target[] => [
    {
      what: `a whole poll, ${connections.toLocaleString('en')} connections, against the raw dump: wall`,
      unit: 'times',
      figure: ratio(wall(wholePoll(connections)), wall(rawDump(connections))),
      most: 1.1,
    },
    {
      what: `a whole poll, ${connections.toLocaleString('en')} connections, against the raw dump: CPU`,
      unit: 'times',
      figure: ratio(cpu(wholePoll(connections)), cpu(rawDump(connections))),
      most: 1.3,
    },
  ]),
  ...besidePoll('against conntrack -L -o extended', 'conntrack -L -o extended'),
  ...besidePoll('against ti-mo/conntrack', 'ti-mo/conntrack'),
  {
    what: "merge and look up, against Antrea's store, a connection: how many times faster",
    unit: 'times',
    figure: ratio(
      each({ subject: 'peers-merge', case: 'Antrea', backend: 'peer' }),
      each({ subject: 'peers-merge', case: 'merge and look up', backend: 'both' }),
    ),
    least: 8,
  },
  { what: 'merge alone, a connection, 10,000', unit: 'seconds', figure: each(merge(10_000)), most: 120 * NANOSECOND },
  {
    what: 'merge alone, a connection, 1,000,000',
    unit: 'seconds',
    figure: each(merge(MILLION)),
    most: 250 * NANOSECOND,
  },
  {
    what: 'export, a record, MTU 1,400',
    unit: 'seconds',
    figure: each(exported(SMALL, 1400)),
    most: 400 * NANOSECOND,
  },
  { what: 'export, a record, MTU 512', unit: 'seconds', figure: each(exported(SMALL, 512)) },
  {
    what: 'export, a record, MTU 1,400, --udp-segmentation',
    unit: 'seconds',
    figure: each({ ...exported(SMALL, 1400), case: SEGMENTATION }),
    most: 400 * NANOSECOND,
  },
  {
    what: 'export, against go-ipfix with a record a message: how many times faster',
    unit: 'times',
    figure: ratio(wall(exportBeside('go-ipfix, a record a message')), wall(exportBeside('export'))),
    least: 20,
  },
  {
    what: 'export, --udp-segmentation, against go-ipfix with a record a message: how many times faster',
    unit: 'times',
    figure: ratio(wall(exportBeside('go-ipfix, a record a message')), wall(exportBeside(SEGMENTATION))),
    least: 20,
  },
  {
    what: 'export, against go-ipfix buffered: how many times faster',
    unit: 'times',
    figure: ratio(wall(exportBeside('go-ipfix, buffered')), wall(exportBeside('export'))),
    least: 3,
  },
  {
    what: 'export, --udp-segmentation, against go-ipfix buffered: how many times faster',
    unit: 'times',
    figure: ratio(wall(exportBeside('go-ipfix, buffered')), wall(exportBeside(SEGMENTATION))),
    least: 3,
  },
  { what: 'encode alone, a record', unit: 'seconds', figure: each(encoded('native')), most: 60 * NANOSECOND },
  { what: 'encode alone, a record, fallback', unit: 'seconds', figure: each(encoded('fallback')) },
  {
    what: 'bytes a connection, one destination, 1,000,000',
    unit: 'bytes',
    figure: extra(resident, 'bytesAConnection'),
    most: 320,
  },
  {
    what: 'resident memory, 1,000,000 connections',
    unit: 'bytes',
    figure: extra(resident, 'rss'),
    most: 450 * MEGABYTE,
  },
  {
    what: 'event loop delay while 1,000,000 are polled and exported, p99',
    unit: 'seconds',
    figure: extra(
      { subject: 'end-to-end', case: 'poll and export', parameters: { connections: MILLION } },
      'loopDelayP99',
    ),
    most: 0.01,
  },
  {
    what: 'merge and export of a connection, 1,000,000 against 20,000',
    unit: 'times',
    figure: ratio(
      sum(each(merge(MILLION)), each(exported(MILLION, 1400))),
      sum(each(merge(SMALL)), each(exported(SMALL, 1400))),
    ),
    most: 2.5,
  },
  { what: 'the long run, replayed: CPU', unit: 'seconds', figure: cpu(longRun('replayed')), most: 2 },
  {
    what: 'the long run, real kernel: CPU, held to 1.3 times the raw dumps and 400 ns a record',
    unit: 'seconds',
    figure: cpu(longRun('kernel')),
    most: sum(
      scaled(1.3, extra(longRun('kernel'), 'rawDumpCpu')),
      scaled(400 * NANOSECOND, extra(longRun('kernel'), 'sent')),
    ),
  },
  ...(['replayed', 'kernel'] as const).flatMap((name): Target[] => [
    {
      what: `the long run, ${name}: peak memory`,
      unit: 'bytes',
      figure: extra(longRun(name), 'peakRss'),
      most: 250 * MEGABYTE,
    },
    {
      what: `the long run, ${name}: records lost`,
      unit: 'count',
      figure: difference(extra(longRun(name), 'sent'), extra(longRun(name), 'received')),
      most: 0,
    },
  ]),
  {
    what: 'DESTROY event to record, a flow: CPU',
    unit: 'seconds',
    figure: each({ subject: 'events', case: 'event to record', parameters: { mtu: 1400 } }, cpu),
    most: 2.2 * MICROSECOND,
  },
];
