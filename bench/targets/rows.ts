import {
  cpu,
  difference,
  each,
  eachBeside,
  extra,
  type Choice,
  type Figure,
  type Measure,
  paired,
  ratio,
  scaled,
  sum,
} from './figures.js';

export type Unit = 'times' | 'seconds' | 'bytes' | 'count';

/** One line of the table: a figure, and what it is held to. */
export interface Target {
  readonly what: string;
  readonly unit: Unit;
  readonly figure: Figure;
  /** It must not be above this, or not below; with neither it stands beside the others. */
  readonly most?: number | Figure;
  readonly least?: number | Figure;
  /** Of a ratio: seconds of one row or record, of ctflow and of what it is held against. */
  readonly absolute?: { readonly ours: Figure; readonly beside: Figure };
}

const NANOSECOND = 1e-9;
const MEGABYTE = 1e6;
const SIZES = [100_000, 500_000];
const MILLION = 1_000_000;
const SMALL = 20_000;

const OFFLOAD = ', --udp-segmentation';

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
const mergeFloor = (connections: number): Choice => ({
  subject: 'poll',
  case: 'find and stamp',
  backend: 'floor',
  parameters: { connections },
});
const exported = (connections: number, mtu: number, offload = ''): Choice => ({
  subject: 'export-conntrack',
  case: `export${offload}`,
  parameters: { connections, mtu },
});
const sent = (mtu: number, offload = ''): Choice => ({
  subject: 'export-conntrack',
  case: `send${offload}`,
  backend: 'kernel',
  parameters: { connections: SMALL, mtu },
});
const exportBeside = (name: string): Choice => ({
  subject: 'peers-export',
  case: name,
  parameters: { mtu: 1400 },
  ...(name.startsWith('export') ? {} : { backend: 'peer' }),
});
const event = (subject: 'events' | 'peers-events'): Choice => ({
  subject,
  case: 'event to record',
  parameters: { mtu: 1400 },
});
const ulogd: Choice = { subject: 'peers-events', case: 'ulogd2', backend: 'peer', parameters: { mtu: 1400 } };
const coded = (subject: 'decode' | 'encode', backend: 'native' | 'fallback'): Choice => ({
  subject,
  case: subject,
  backend,
  ...(subject === 'encode' && { parameters: { mtu: 1400 } }),
});
const resident = (connections: number): Choice => ({
  subject: 'memory',
  case: 'poll and export',
  parameters: { connections },
});
const firstRecord: Choice = { subject: 'start-up', case: 'first record', parameters: { connections: MILLION } };
const longRun = (name: 'replayed' | 'kernel'): Choice => ({ subject: 'soak', case: name });

const absolute = (ours: Choice, beside: Choice, by: Measure): NonNullable<Target['absolute']> => ({
  ours: eachBeside(ours, beside, by),
  beside: eachBeside(beside, ours, by),
});

/** How many times as long ctflow takes as what cannot be beaten, or as its own native half. */
function held(what: string, by: Measure, ours: Choice, floor: Choice, most?: number): Target {
  return {
    what: `${what}: ${by === 'cpu' ? 'CPU' : 'wall'}`,
    unit: 'times',
    figure: paired(ours, floor, by),
    ...(most !== undefined && { most }),
    absolute: absolute(ours, floor, by),
  };
}

/** How many times as long another program takes. */
function faster(what: string, by: Measure, ours: Choice, peer: Choice, least?: number | Figure): Target {
  return {
    what: `${what}, how many times faster: ${by === 'cpu' ? 'CPU' : 'wall'}`,
    unit: 'times',
    figure: paired(peer, ours, by),
    ...(least !== undefined && { least }),
    absolute: absolute(ours, peer, by),
  };
}

/** Held to 0.85 of the peer's time against the raw dump. */
function besidePoll(name: string): Target[] {
  return SIZES.map(connections => {
    const peer: Choice = { subject: 'peers-poll', case: name, backend: 'peer', parameters: { connections } };
    const least = scaled(0.85, paired(peer, rawDump(connections), 'wall'));
    return faster(`a whole poll, ${text(connections)}, against ${name}`, 'wall', wholePoll(connections), peer, least);
  });
}

function exportAgainst(name: string, least: number): Target[] {
  const peer = exportBeside(name);
  return [
    faster(`export, against ${name}`, 'wall', exportBeside(`export${OFFLOAD}`), peer, least),
    faster(`export without offload, against ${name}`, 'wall', exportBeside('export'), peer),
  ];
}

/** What ctflow is held to: native, ratios to floors and to other programs in one run. */
export const TARGETS: readonly Target[] = [
  ...SIZES.flatMap(connections =>
    (
      [
        ['wall', 1.08],
        ['cpu', 1.2],
      ] as const
    ).map(([by, most]) =>
      held(
        `a whole poll, ${text(connections)} connections, against the raw dump`,
        by,
        wholePoll(connections),
        rawDump(connections),
        most,
      ),
    ),
  ),
  ...besidePoll('conntrack -L -o extended'),
  ...besidePoll('ti-mo/conntrack'),
  {
    what: 'first record of 1,000,000 connections after the start, against the raw dump: wall',
    unit: 'times',
    figure: paired(firstRecord, { ...firstRecord, case: 'raw dump', backend: 'kernel' }, 'wall'),
    most: 1.3,
    absolute: absolute(firstRecord, { ...firstRecord, case: 'raw dump', backend: 'kernel' }, 'wall'),
  },
  held('decode, against walking the attributes', 'cpu', coded('decode', 'native'), {
    subject: 'decode',
    case: 'walk the attributes',
    backend: 'floor',
  }),
  held('merge, 10,000, against finding and stamping', 'cpu', merge(10_000), mergeFloor(10_000), 4),
  held('merge, 1,000,000, against finding and stamping', 'cpu', merge(MILLION), mergeFloor(MILLION)),
  faster(
    "merge and look up, against Antrea's store",
    'wall',
    { subject: 'peers-merge', case: 'merge and look up', backend: 'both' },
    { subject: 'peers-merge', case: 'Antrea', backend: 'peer' },
    8,
  ),
  held(
    'encode, against copying as many bytes',
    'cpu',
    coded('encode', 'native'),
    { subject: 'encode', case: 'copy the bytes', backend: 'floor', parameters: { mtu: 1400 } },
    2,
  ),
  held('export without offload, MTU 1,400, against sending', 'cpu', exported(SMALL, 1400), sent(1400), 2),
  held('export, MTU 1,400, against sending', 'cpu', exported(SMALL, 1400, OFFLOAD), sent(1400, OFFLOAD), 3),
  held('export without offload, MTU 512, against sending', 'cpu', exported(SMALL, 512), sent(512)),
  held('export, MTU 512, against sending', 'cpu', exported(SMALL, 512, OFFLOAD), sent(512, OFFLOAD)),
  ...exportAgainst('go-ipfix, a record a message', 15),
  ...exportAgainst('go-ipfix, buffered', 2.5),
  ...exportAgainst('Antrea', 20),
  held('DESTROY event to record, against reading the datagrams', 'cpu', event('events'), {
    subject: 'events',
    case: 'read the datagrams',
    backend: 'kernel',
    parameters: { mtu: 1400 },
  }),
  held(
    'NEW and DESTROY of translated connections to records of profile nat, against reading the datagrams',
    'cpu',
    { subject: 'nat', case: 'events to records', parameters: { mtu: 1400 } },
    { subject: 'nat', case: 'read the datagrams', backend: 'kernel', parameters: { mtu: 1400 } },
    2,
  ),
  faster('DESTROY event to record, against ulogd2', 'cpu', event('peers-events'), ulogd, 2),
  faster('DESTROY event to record, against ulogd2', 'wall', event('peers-events'), ulogd, 1.5),
  held('decode, the fallback against native', 'cpu', coded('decode', 'fallback'), coded('decode', 'native'), 4),
  held('encode, the fallback against native', 'cpu', coded('encode', 'fallback'), coded('encode', 'native'), 4),
  ...[MILLION, 10 * MILLION].map((connections): Target => ({
    what: `bytes a connection, one destination, ${text(connections)}`,
    unit: 'bytes',
    figure: extra(resident(connections), 'bytesAConnection'),
    most: 300,
  })),
  {
    what: 'resident memory, 1,000,000 connections',
    unit: 'bytes',
    figure: extra(resident(MILLION), 'rss'),
    most: 450 * MEGABYTE,
  },
  {
    what: 'event loop delay while 1,000,000 are polled and exported, p99',
    unit: 'seconds',
    figure: extra(
      { subject: 'end-to-end', case: 'poll and export', parameters: { connections: MILLION } },
      'loopDelayP99',
    ),
    most: 0.004,
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
    what: 'the long run, real kernel: CPU, against 1.3 times the raw dumps and 400 ns a record',
    unit: 'times',
    figure: ratio(
      cpu(longRun('kernel')),
      sum(
        scaled(1.3, extra(longRun('kernel'), 'rawDumpCpu')),
        scaled(400 * NANOSECOND, extra(longRun('kernel'), 'sent')),
      ),
    ),
    most: 1.25,
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
];

function text(connections: number): string {
  return connections.toLocaleString('en');
}
