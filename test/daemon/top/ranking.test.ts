import test, { type ExecutionContext } from 'ava';
import type { TopPage } from '../../../src/daemon/top/page.js';
import { parseQuery, type TopQuery } from '../../../src/daemon/top/query.js';
import { DeniedRanking } from '../../../src/daemon/top/denied-ranking.js';
import { Ranking } from '../../../src/daemon/top/ranking.js';
import { Rates } from '../../../src/daemon/top/rates.js';
import { Enrichment } from '../../../src/inventory/enrichment.js';
import { NameTable } from '../../../src/record/name-table.js';
import { GONE } from '../../../src/store/connection-table.js';
import { ping, tcp, udp } from '../../helpers/builders/connections.js';
import { DeniedRig } from '../../helpers/builders/denied.js';
import { lookupOf } from '../../helpers/builders/inventory.js';
import type { Facts } from '../../helpers/builders/rows.js';
import { StoreRig } from '../../helpers/rigs/store-rig.js';

const HOUR = 3_600_000;

interface Ranked {
  readonly rig: StoreRig;
  rank(query: Partial<TopQuery>): Promise<Pick<TopPage, 'connections' | 'matching' | 'counted' | 'lines' | 'groups'>>;
  /** The source ports of the lines. */
  ports(query: Partial<TopQuery>): Promise<number[]>;
}

/** The connections of two polls, a second apart. */
async function ranked(before: (wall: number) => Facts[], then: (wall: number) => Facts[] = before): Promise<Ranked> {
  const rig = new StoreRig({ destinations: [] });
  const names = new NameTable();
  const { store, wall } = rig;
  const enrichment = new Enrichment(store, lookupOf(INVENTORY, names), names);
  const rates = new Rates({ table: store.table, polledAt: () => store.polledAt, replayed: false });
  rates.ask();
  for (const facts of [before, then]) {
    rig.poll(facts(wall));
    await rates.afterPoll(true);
    rig.advance(1_000);
  }
  const ranking = new Ranking({ store, extras: enrichment.extras }, names, rates);
  const rank: Ranked['rank'] = async query => (await ranking.rank(parseQuery(query), rig.wall)).found;
  const ports = async (query: Partial<TopQuery>): Promise<number[]> =>
    (await rank(query)).lines!.map(({ source }) => Number(source.split(':').at(-1)));
  return { rig, rank, ports };
}

const INVENTORY = {
  node: 'a',
  pods: [{ name: 'web', namespace: 'prod', node: 'a', addresses: ['10.1.0.1'] }],
  nodes: [{ name: 'b', addresses: ['10.2.0.1'] }],
  services: [{ name: 'db', namespace: 'prod', addresses: ['10.3.0.1'], ports: [{ name: 'sql', port: 5432 }] }],
};

function some(wall: number): Facts[] {
  return [
    tcp(1, wall - HOUR, [10, 1_000, 0, 0]),
    tcp(2, wall - 3 * HOUR, [30, 500, 0, 0], { state: 7 }),
    udp(3, wall - 2 * HOUR, [20, 4_000, 5, 4_000]),
    tcp(4, wall - 60_000, [1, 40, 0, 0], { state: 1, status: 8 }),
  ];
}

function moved(wall: number): Facts[] {
  const [first, second, third, fourth] = some(wall);
  return [{ ...first, counters: [11, 2_000, 0, 0] }, { ...second, counters: [30, 510, 0, 0] }, third, fourth];
}

test('connections are sorted by bytes, packets, rate, age and state, each also reversed', async t => {
  const { ports } = await ranked(some, moved);
  t.deepEqual(await ports({ sort: 'bytes' }), [3, 1, 2, 4]);
  t.deepEqual(await ports({ sort: 'bytes', reverse: true }), [4, 2, 1, 3]);
  t.deepEqual(await ports({ sort: 'packets' }), [2, 3, 1, 4]);
  t.deepEqual(await ports({ sort: 'rate' }), [1, 2, 3, 4]);
  t.deepEqual(await ports({ sort: 'age' }), [2, 3, 1, 4]);
  t.deepEqual(await ports({ sort: 'age', reverse: true }), [4, 1, 3, 2]);
  t.deepEqual(await ports({ sort: 'state' }), [4, 1, 2, 3], 'SYN_SENT, ESTABLISHED, TIME_WAIT, then UDP');
});

test('what is not known comes last in either order', async t => {
  const { counters: _, ...uncounted } = tcp(9, 0, [0, 0, 0, 0]);
  const { ports, rank } = await ranked(
    wall => [uncounted, ...some(wall)],
    wall => [uncounted, ...moved(wall)],
  );
  t.deepEqual(await ports({ sort: 'bytes' }), [3, 1, 2, 4, 9]);
  t.deepEqual(await ports({ sort: 'bytes', reverse: true }), [4, 2, 1, 3, 9]);
  t.is((await ports({ sort: 'rate', reverse: true })).at(-1), 9);
  const { lines, matching, counted } = await rank({ rows: 5 });
  t.deepEqual([matching, counted], [5, 4]);
  const { bytes, packets, rate } = lines![4];
  t.deepEqual([bytes, packets, rate], [undefined, undefined, undefined], 'nothing, and not zero');
});

test('a page has the rows that were asked for, those that match the filter alone, and counts of all', async t => {
  const { rig, rank, ports } = await ranked(some, moved);
  t.deepEqual(await ports({ rows: 2, skip: 1 }), [1, 2]);
  t.deepEqual(await ports({ rows: 0 }), []);
  t.deepEqual(await ports({ filter: 'protocol == tcp && bytes > 100' }), [1, 2]);
  const { connections, matching, lines } = await rank({ filter: 'src.port == 1' });
  t.deepEqual([connections, matching], [4, 1]);
  t.deepEqual(lines, [
    {
      protocol: 'tcp',
      source: '192.0.2.1:1',
      destination: '198.51.100.1:443',
      state: 'ESTABLISHED',
      packets: 11,
      bytes: 2_000,
      rate: 1_000,
      age: HOUR + 2_000,
    },
  ]);
  rig.store.table.flags[0] |= GONE;
  t.deepEqual(await ports({ filter: 'src.port <= 2' }), [2], 'the kernel has it no longer');
});

test('connections are shown with zone, names and addresses of either family', async t => {
  const { rank } = await ranked(wall => [
    tcp(1, wall, [1, 9, 0, 0], { source: '2001:db8::1', destination: '2001:db8::2', zone: 7 }),
    tcp(2, wall, [1, 8, 0, 0], { source: '10.1.0.1', destination: '10.3.0.1', destinationPort: 5432 }),
    tcp(3, wall, [1, 7, 0, 0], { source: '10.2.0.1', destination: '10.1.0.1' }),
    ping(4, wall, [1, 6, 0, 0]),
    udp(5, wall, [1, 5, 0, 0], { status: 8 }),
  ]);
  const { lines } = await rank({});
  const facts = lines!.map(({ source, destination, state, zone, sourceName, destinationName, service }) =>
    [source, destination, state, zone, sourceName, destinationName, service].join(' '),
  );
  t.deepEqual(facts, [
    '[2001:db8::1]:1 [2001:db8::2]:443 ESTABLISHED 7   ',
    '10.1.0.1:2 10.3.0.1:5432 ESTABLISHED  prod/web  prod/db:sql',
    '10.2.0.1:3 10.1.0.1:443 ESTABLISHED  b prod/web ',
    '192.0.2.1 198.51.100.1 REPLIED    ',
    '192.0.2.1:5 198.51.100.1:53 UNREPLIED    ',
  ]);
});

async function groups(t: ExecutionContext, query: Partial<TopQuery>): Promise<string[]> {
  const { rank } = await ranked(wall => [
    tcp(1, wall - HOUR, [1, 9, 0, 0], { source: '10.1.0.1', destination: '10.3.0.1', destinationPort: 5432, zone: 7 }),
    tcp(2, wall, [1, 100, 0, 0], { source: '10.2.0.1' }),
    tcp(3, wall, [1, 7, 0, 0], { source: '10.1.0.1' }),
    udp(4, wall, [1, 6, 0, 0], { source: '2001:db8::1', destination: '2001:db8::2' }),
    ping(5, wall, [1, 5, 0, 0], { destination: '10.1.0.1' }),
  ]);
  const { groups, lines } = await rank(query);
  t.is(lines, undefined);
  t.is(groups!.leftOut, 0);
  return groups!.lines.map(({ name, connections, bytes, age }) => `${name} ${connections} ${bytes} ${age}`);
}

test('connections are summed up by source, zone, service and name', async t => {
  t.deepEqual(await groups(t, { group: 'source' }), [
    '10.2.0.1 1 100 2000',
    `10.1.0.1 2 16 ${HOUR + 2_000}`,
    '2001:db8::1 1 6 2000',
    '192.0.2.1 1 5 2000',
  ]);
  t.deepEqual(await groups(t, { group: 'zone', sort: 'state' }), ['0 4 118 2000', `7 1 9 ${HOUR + 2_000}`]);
  t.deepEqual(await groups(t, { group: 'service' }), [
    'tcp/443 2 107 2000',
    `prod/db:sql 1 9 ${HOUR + 2_000}`,
    'udp/53 1 6 2000',
    'icmp 1 5 2000',
  ]);
  t.deepEqual(await groups(t, { group: 'name', sort: 'age' }), [
    `prod/web 3 21 ${HOUR + 2_000}`,
    'b 1 100 2000',
    ' 1 6 2000',
  ]);
  t.deepEqual(await groups(t, { group: 'destination', sort: 'state' }), [
    '198.51.100.1 2 107 2000',
    `10.3.0.1 1 9 ${HOUR + 2_000}`,
    '2001:db8::2 1 6 2000',
    '10.1.0.1 1 5 2000',
  ]);
  t.deepEqual(await groups(t, { group: 'state' }), [
    `tcp ESTABLISHED 3 116 ${HOUR + 2_000}`,
    'udp ASSURED 1 6 2000',
    'icmp REPLIED 1 5 2000',
  ]);
  t.deepEqual(await groups(t, { group: 'timeout' }), [
    `5d- 3 116 ${HOUR + 2_000}`,
    '2m-5m 1 6 2000',
    '30s-1m 1 5 2000',
  ]);
  t.deepEqual(await groups(t, { group: 'snat' }), []);
  t.deepEqual(await groups(t, { group: 'source', skip: 1, rows: 1, filter: 'protocol == tcp' }), [
    `10.1.0.1 2 16 ${HOUR + 2_000}`,
  ]);
});

test('denied packets have an order of their own, with the rules that have denied them', async t => {
  const rig = new DeniedRig();
  rig.logged(
    { protocol: 6, sourcePort: 1, destinationPort: 22, octets: 40 },
    { protocol: 6, sourcePort: 1, destinationPort: 22, octets: 40 },
    { protocol: 17, sourcePort: 2, destinationPort: 53, octets: 900, rule: 3 },
  );
  const extras = { rules: rig.denied.ruleOf, ruleFacts: rig.rules.facts };
  const ranking = new DeniedRanking({ store: rig.denied, extras }, rig.names);
  const rank = async (query: Partial<TopQuery>): Promise<NonNullable<TopPage['denied']>> =>
    (await ranking.rank(parseQuery({ deniedRows: 5, ...query }), rig.wall)).found;
  t.is((await rank({})).flows, 0, 'they wait for the poll that may have counted them');
  rig.advance(1_000);
  await rig.matched([]);
  rig.advance(1_000);
  await rig.matched([]);
  const { flows, lines } = await rank({ sort: 'rate' });
  t.is(flows, 2);
  t.deepEqual(lines, [
    {
      protocol: 'tcp',
      source: '192.0.2.1:1',
      destination: '198.51.100.1:22',
      rule: 'ssh',
      packets: 2,
      bytes: 80,
      age: 2_000,
    },
    {
      protocol: 'udp',
      source: '192.0.2.1:2',
      destination: '198.51.100.1:53',
      rule: 'plain',
      packets: 1,
      bytes: 900,
      age: 2_000,
    },
  ]);
  t.deepEqual(
    (await rank({ sort: 'bytes' })).lines.map(({ rule }) => rule),
    ['plain', 'ssh'],
  );
  const filtered = await rank({ filter: 'denied && rule == "ssh"', deniedRows: 1 });
  t.deepEqual([filtered.flows, filtered.matching, filtered.lines.length], [2, 1, 1]);
});
