import test from 'ava';
import { PressureCensus, type PressureSubject } from '../../../src/daemon/metrics/pressure-census.js';
import { PRESSURE_METRICS, type PressureFigures } from '../../../src/daemon/metrics/pressure-metrics.js';
import { TableGrowth } from '../../../src/daemon/table-growth.js';
import { usablePorts } from '../../../src/daemon/top/snat-ports.js';
import { NameTable } from '../../../src/record/name-table.js';
import { udp } from '../../helpers/builders/connections.js';
import { masqueraded } from '../../helpers/builders/translated.js';
import { StoreRig } from '../../helpers/rigs/store-rig.js';

const COUNTERS = [1, 1, 0, 0] as const;

/** @param poll when the poll began that is counted, milliseconds */
function census(
  rig: StoreRig,
  { growth = new TableGrowth(), ...more }: Partial<PressureSubject> = {},
  lasts?: number,
  poll = { at: 0, now: 0 },
): PressureCensus {
  const flows = [{ store: rig.store, extras: {} }];
  const polledAt = () => ({ wall: rig.wall, monotonic: poll.at });
  return new PressureCensus(
    { stored: { flows, names: new NameTable(), polledAt }, growth, ...more },
    lasts,
    () => poll.now,
  );
}

function samplesOf(figures: PressureFigures): Record<string, unknown> {
  return Object.fromEntries(PRESSURE_METRICS.metrics.map(({ name, read }) => [name, read(figures)]));
}

test('the largest have a rank, and no more than ten of them', async t => {
  const rig = new StoreRig({ destinations: [], maxConnections: 1_000 });
  const { wall } = rig;
  const of = (source: number): string => `10.0.0.${source}`;
  // the twentieth source has twenty entries
  const some = Array.from({ length: 210 }, (_, i) => {
    const source = Math.ceil((Math.sqrt(8 * (i + 1) + 1) - 1) / 2);
    return udp(i, wall, COUNTERS, { source: of(source) });
  });
  rig.poll([...some, masqueraded(500, wall, COUNTERS), masqueraded(501, wall, COUNTERS)]);
  const samples = samplesOf(await census(rig).figures());
  t.deepEqual(
    samples['ctflow_top_source_entries'],
    Array.from({ length: 10 }, (_, i) => [[String(i + 1)], 20 - i]),
  );
  t.deepEqual(samples['ctflow_top_destination_entries'], [[['1'], 212]]);
  t.deepEqual(samples['ctflow_timeout_entries'], [[['2m-5m'], 212]]);
  t.deepEqual(samples['ctflow_top_snat_ports'], [[['1'], 2]]);
  // nobody has said which ports there are
  for (const name of [
    'top_snat_ports_free',
    'snat_ports_used_ratio',
    'snat_ports_exhausted_seconds',
    'conntrack_full_seconds',
  ])
    t.deepEqual(samples[`ctflow_${name}`], [], name);
});

test('counts are given again for a while, and the forecast is that of now', async t => {
  const rig = new StoreRig({ destinations: [] });
  const growth = new TableGrowth();
  rig.poll([udp(1, rig.wall, COUNTERS)]);
  const [lasting, anew] = [census(rig, { growth }), census(rig, { growth }, 0)];
  const before = await lasting.figures();
  await anew.figures();
  rig.poll([udp(1, rig.wall, COUNTERS), udp(2, rig.wall, COUNTERS)]);
  for (const at of [0, 1_000]) growth.observe({ entries: at, limit: 10_000 }, at);
  const after = await lasting.figures();
  t.is(after.groups, before.groups);
  t.deepEqual([before.forecast, after.forecast?.rate], [undefined, 1_000]);
  t.is((await anew.figures()).groups.source.lines[0].entries, 2);
});

test('of ports that the settings give it is known how many are free, and until when: by two counts, and no old one', async t => {
  const rig = new StoreRig({ destinations: [], maxConnections: 1_000 });
  const { wall } = rig;
  const poll = { at: 1_000, now: 1_000 };
  const snatPorts = [{ external: '203.0.113.1', ports: { from: 1_000, to: 1_199 } }];
  const counted = census(rig, { snatPorts }, 0, poll);
  const others = masqueraded(900, wall, COUNTERS, { replyDestination: '203.0.113.2' });
  const connections = (ports: number) => [
    ...Array.from({ length: ports }, (_, i) => masqueraded(i, wall, COUNTERS)),
    others,
  ];
  const next = async (ports: number, at: number, now = at): Promise<Record<string, unknown>> => {
    rig.poll(connections(ports));
    [poll.at, poll.now] = [at, now];
    return samplesOf(await counted.figures());
  };
  const usable = usablePorts(200);
  const first = await next(100, 1_000);
  t.deepEqual(first['ctflow_top_snat_ports'], [
    [['1'], 100],
    [['2'], 1],
  ]);
  // of the other address it is not known
  t.deepEqual(first['ctflow_top_snat_ports_free'], [[['1'], 100]]);
  t.deepEqual(first['ctflow_snat_ports_used_ratio'], [[[], 100 / usable]]);
  t.deepEqual(first['ctflow_snat_ports_exhausted_seconds'], []);
  const second = await next(110, 11_000);
  t.deepEqual(second['ctflow_snat_ports_exhausted_seconds'], [[[], usable - 110]]);
  // the same poll again, 3 s later
  t.deepEqual((await next(110, 11_000, 14_000))['ctflow_snat_ports_exhausted_seconds'], [[[], usable - 110 - 3]]);
  t.deepEqual((await next(109, 15_000))['ctflow_snat_ports_exhausted_seconds'], []);
  t.deepEqual((await next(112, 12_000_000))['ctflow_snat_ports_exhausted_seconds'], [], 'hours later');
  const full = await next(200, 12_001_000);
  t.deepEqual(full['ctflow_top_snat_ports_free'], [[['1'], 0]]);
  t.deepEqual(full['ctflow_snat_ports_exhausted_seconds'], [[[], 0]]);
  const { fullest, soonest } = (await counted.ports())!;
  t.is(fullest!.line.name, 'udp 203.0.113.1 > 198.51.100.1:53');
  t.is(soonest!.name, fullest!.line.name);
  t.is(await census(rig).ports(), undefined);
});
