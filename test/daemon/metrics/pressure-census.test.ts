import test from 'ava';
import { PressureCensus } from '../../../src/daemon/metrics/pressure-census.js';
import { PRESSURE_METRICS } from '../../../src/daemon/metrics/pressure-metrics.js';
import { TableGrowth } from '../../../src/daemon/table-growth.js';
import { NameTable } from '../../../src/record/name-table.js';
import { udp } from '../../helpers/builders/connections.js';
import { masqueraded } from '../../helpers/builders/translated.js';
import { StoreRig } from '../../helpers/rigs/store-rig.js';

const COUNTERS = [1, 1, 0, 0] as const;

function census(rig: StoreRig, growth = new TableGrowth(), lasts?: number): PressureCensus {
  return new PressureCensus({ store: rig.store, extras: {} }, new NameTable(), growth, lasts);
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
  const figures = await census(rig).figures();
  const samples = Object.fromEntries(PRESSURE_METRICS.metrics.map(({ name, read }) => [name, read(figures)]));
  t.deepEqual(
    samples['ctflow_top_source_entries'],
    Array.from({ length: 10 }, (_, i) => [[String(i + 1)], 20 - i]),
  );
  t.deepEqual(samples['ctflow_top_destination_entries'], [[['1'], 212]]);
  t.deepEqual(samples['ctflow_timeout_entries'], [[['2m-5m'], 212]]);
  t.deepEqual(samples['ctflow_top_snat_ports'], [[['1'], 2]]);
  t.deepEqual(samples['ctflow_conntrack_full_seconds'], []);
});

test('counts are given again for a while, and the forecast is that of now', async t => {
  const rig = new StoreRig({ destinations: [] });
  const growth = new TableGrowth();
  rig.poll([udp(1, rig.wall, COUNTERS)]);
  const [lasting, anew] = [census(rig, growth), census(rig, growth, 0)];
  const before = await lasting.figures();
  await anew.figures();
  rig.poll([udp(1, rig.wall, COUNTERS), udp(2, rig.wall, COUNTERS)]);
  for (const at of [0, 1_000]) growth.observe({ entries: at, limit: 10_000 }, at);
  const after = await lasting.figures();
  t.is(after.groups, before.groups);
  t.deepEqual([before.forecast, after.forecast?.rate], [undefined, 1_000]);
  t.is((await anew.figures()).groups.source.lines[0].entries, 2);
});
