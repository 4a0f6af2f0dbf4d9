import test from 'ava';
import { type Counted, PressureCounts } from '../../../src/daemon/top/pressure-counts.js';
import { type Pressure, PRESSURES } from '../../../src/daemon/top/pressure-page.js';
import { NameTable } from '../../../src/record/name-table.js';
import { GONE } from '../../../src/store/connection-table.js';
import { ping, tcp, udp } from '../../helpers/builders/connections.js';
import type { Facts } from '../../helpers/builders/rows.js';
import { masqueraded } from '../../helpers/builders/translated.js';
import { StoreRig } from '../../helpers/rigs/store-rig.js';

const COUNTERS = [1, 1, 0, 0] as const;
const MOST = 1 << 10;

/** A store that has polled these. */
function polled(facts: (wall: number) => Facts[]): StoreRig {
  const rig = new StoreRig({ destinations: [], maxConnections: 4_096 });
  rig.poll(facts(rig.wall));
  return rig;
}

async function count(rig: StoreRig, rows = 10, most = MOST): Promise<Counted<Pressure>> {
  return (await new PressureCounts({ store: rig.store, extras: {} }, new NameTable(), most, PRESSURES).count(rows))
    .found;
}

test('entries are counted by source, destination, zone, state and remaining timeout', async t => {
  const rig = polled(wall => [
    tcp(1, wall, COUNTERS),
    tcp(2, wall, COUNTERS, { state: 7, timeout: 9 }),
    tcp(3, wall, COUNTERS, { source: '2001:db8::1', destination: '2001:db8::2', zone: 7 }),
    udp(4, wall, COUNTERS, { timeout: 10 }),
    udp(5, wall, COUNTERS, { status: 8, source: '192.0.2.9', timeout: 431_999 }),
    udp(6, wall, COUNTERS, { status: 10, replyZone: 7, destination: '192.0.2.9', timeout: 119 }),
    ping(7, wall, COUNTERS),
    { protocol: 50, status: 8 },
  ]);
  const { counted, groups } = await count(rig);
  t.is(counted, 8);
  const lines = (kind: keyof typeof groups): string[] =>
    groups[kind].lines.map(({ name, entries }) => `${name}: ${entries}`);
  t.deepEqual(lines('source'), ['192.0.2.1: 6', '2001:db8::1: 1', '192.0.2.9: 1']);
  t.deepEqual(lines('destination'), ['198.51.100.1: 6', '2001:db8::2: 1', '192.0.2.9: 1']);
  t.deepEqual(lines('zone'), ['0: 6', '7: 2']);
  t.deepEqual(lines('state').sort(), [
    '50 UNREPLIED: 1',
    'icmp REPLIED: 1',
    'tcp ESTABLISHED: 2',
    'tcp TIME_WAIT: 1',
    'udp ASSURED: 1',
    'udp REPLIED: 1',
    'udp UNREPLIED: 1',
  ]);
  t.deepEqual(lines('timeout'), [
    '0s-10s: 1',
    '10s-30s: 1',
    '30s-1m: 1',
    '1m-2m: 1',
    '1d-5d: 1',
    '5d-: 2',
    'unknown: 1',
  ]);
  t.deepEqual(
    groups.timeout.lines.map(({ timeout }) => timeout),
    [
      { from: 0, below: 10 },
      { from: 10, below: 30 },
      { from: 30, below: 60 },
      { from: 60, below: 120 },
      { from: 86_400, below: 432_000 },
      { from: 432_000 },
      undefined,
    ],
  );
  t.deepEqual(groups.snat, { count: 0, entries: 0, leftOut: 0, lines: [] });
});

test('translated sources are counted by what must have different ports', async t => {
  const six = { source: '2001:db8::1', destination: '2001:db8::2', replyDestination: '2001:db8::9' };
  const rig = polled(wall => [
    masqueraded(1, wall, COUNTERS),
    masqueraded(2, wall, COUNTERS),
    masqueraded(3, wall, COUNTERS, { source: '192.0.2.77' }),
    // to another port, another address, by another protocol, in another zone
    masqueraded(4, wall, COUNTERS, { destinationPort: 54 }),
    masqueraded(5, wall, COUNTERS, { destination: '198.51.100.2' }),
    tcp(6, wall, COUNTERS, { destinationPort: 53, replyDestination: '203.0.113.1' }),
    masqueraded(7, wall, COUNTERS, { replyZone: 7 }),
    // the remote end is the one behind a translated destination, too
    masqueraded(8, wall, COUNTERS, { destination: '203.0.113.5', replySource: '198.51.100.1' }),
    masqueraded(9, wall, COUNTERS, six),
    // the port alone
    udp(10, wall, COUNTERS, { replyDestinationPort: 11 }),
    // no port, and no translation
    ping(11, wall, COUNTERS, { replyDestination: '203.0.113.1' }),
    udp(12, wall, COUNTERS),
    udp(13, wall, COUNTERS, { replySource: '198.51.100.7' }),
  ]);
  const { groups } = await count(rig);
  t.deepEqual(groups.snat.lines.map(({ name, entries }) => `${name}: ${entries}`).sort(), [
    'tcp 203.0.113.1 > 198.51.100.1:53: 1',
    'udp 192.0.2.1 > 198.51.100.1:53: 1',
    'udp 2001:db8::9 > [2001:db8::2]:53: 1',
    'udp 203.0.113.1 > 198.51.100.1:53 zone 7: 1',
    'udp 203.0.113.1 > 198.51.100.1:53: 4',
    'udp 203.0.113.1 > 198.51.100.1:54: 1',
    'udp 203.0.113.1 > 198.51.100.2:53: 1',
  ]);
  t.deepEqual([groups.snat.count, groups.snat.entries], [7, 10]);
  t.deepEqual(groups.snat.lines[0].snat, {
    protocol: 'udp',
    external: '203.0.113.1',
    remote: '198.51.100.1',
    remotePort: 53,
  });
});

test('what no line shows, and what found no room, is said', async t => {
  const rig = polled(wall =>
    Array.from({ length: 300 }, (_, i) => udp(i, wall, COUNTERS, { source: `10.0.${i >> 7}.${i & 127}` })),
  );
  const shown = (await count(rig, 2)).groups.source;
  t.deepEqual([shown.count, shown.entries, shown.leftOut, shown.lines.length], [300, 300, 0, 2]);
  const small = (await count(rig, 2, 256)).groups.source;
  t.deepEqual([small.count, small.entries, small.leftOut], [256, 256, 44]);
});

test('an entry that the kernel has no longer is not counted', async t => {
  const rig = polled(wall => [tcp(1, wall, COUNTERS), tcp(2, wall, COUNTERS)]);
  rig.store.table.flags[0] |= GONE;
  t.is((await count(rig)).counted, 1);
});
