import test from 'ava';
import { Census } from '../../../src/daemon/metrics/census.js';
import { ConnectionTable, GONE } from '../../../src/store/connection-table.js';
import { tcp, udp } from '../../helpers/builders/connections.js';
import { rows, type Facts } from '../../helpers/builders/rows.js';

function tableOf(all: readonly Facts[]): ConnectionTable {
  const table = new ConnectionTable(all.length + 1);
  for (const facts of all) table.allocate(rows(facts).u32, 0);
  return table;
}

const sorted = <T>(list: readonly T[]): T[] => [...list].sort((a, b) => (String(a) < String(b) ? -1 : 1));

test('connections are counted by protocol, state and family', async t => {
  const census = new Census(
    tableOf([
      tcp(1, 0, [1, 1, 1, 1]),
      tcp(2, 0, [1, 1, 1, 1]),
      tcp(3, 0, [1, 1, 1, 1], { state: 7 }),
      tcp(4, 0, [1, 1, 1, 1], { source: '2001:db8::1', destination: '2001:db8::2' }),
      udp(5, 0, [1, 1, 1, 1]),
      udp(6, 0, [1, 1, 1, 1], { status: 0x8 }),
      udp(7, 0, [1, 1, 1, 1], { status: 0xa }),
      { protocol: 132, sourcePort: 8, destinationPort: 9, sctpState: 4 },
      // without a name here
      { protocol: 50, status: 0x8 },
      { protocol: 89, status: 0x8 },
    ]),
  );
  const { byState, byZone } = await census.count();
  t.deepEqual(
    sorted(byState.map(([protocol, state, family, count]) => `${protocol} ${state} ${family} ${count}`)),
    sorted([
      'tcp ESTABLISHED ipv4 2',
      'tcp TIME_WAIT ipv4 1',
      'tcp ESTABLISHED ipv6 1',
      'udp ASSURED ipv4 1',
      'udp UNREPLIED ipv4 1',
      'udp REPLIED ipv4 1',
      'sctp ESTABLISHED ipv4 1',
      'other UNREPLIED ipv4 2',
    ]),
  );
  t.deepEqual(byZone, [['0', 10]]);
});

test('connections that are gone and free slots are not counted', async t => {
  const table = tableOf([tcp(1, 0, [1, 1, 1, 1]), tcp(2, 0, [1, 1, 1, 1]), tcp(3, 0, [1, 1, 1, 1])]);
  table.flags[0] |= GONE;
  table.free(1);
  t.deepEqual((await new Census(table).count()).byState, [['tcp', 'ESTABLISHED', 'ipv4', 1]]);
});

test('offloaded connections are counted, and those whose counters are suspect', async t => {
  const offload = (port: number, status: number): Facts => tcp(port, 0, [1, 1, 1, 1], { status });
  const table = tableOf([offload(1, 0x400e), offload(2, 0x800e), offload(3, 0xe), offload(4, 0x400e)]);
  table.flags[3] |= GONE;
  t.like(await new Census(table).count(), { offloaded: 2, suspect: 0 });
  t.like(await new Census(table, slot => slot === 1).count(), { offloaded: 2, suspect: 1 });
  t.like(await new Census(table, () => true).count(), { offloaded: 2, suspect: 2 });
});

test('zones beyond 64 are other, and a zone keeps its label while it has connections', async t => {
  const table = tableOf(Array.from({ length: 70 }, (_, i) => udp(1, 0, [1, 1, 0, 0], { originalZone: 100 + i })));
  const census = new Census(table, undefined, 0);
  const first = (await census.count()).byZone;
  t.is(first.length, 65);
  t.deepEqual(first.slice(0, 2), [
    ['100', 1],
    ['101', 1],
  ]);
  t.deepEqual(first.at(-1), ['other', 6]);
  table.free(0); // zone 100
  const lower = rows(udp(2, 0, [1, 1, 0, 0], { originalZone: 1 }), udp(3, 0, [1, 1, 0, 0], { replyZone: 2 }));
  table.allocate(lower.u32, 0);
  const second = (await census.count()).byZone;
  t.is(second.length, 65);
  t.is(second.find(([zone]) => zone === '163')![1], 1, 'it had a label, and keeps it');
  t.is(
    second.reduce((sum, [, count]) => sum + count, 0),
    70,
  );
});

test('counts are given again for a while, and the event loop has its turn within a walk', async t => {
  const table = new ConnectionTable(200_000);
  const { u32 } = rows(tcp(1, 0, [1, 1, 1, 1]));
  for (let i = 0; i < 200_000; i++) table.allocate(u32, 0);
  const census = new Census(table);
  let turns = 0;
  const count = census.count();
  const turn = (): void => void (turns++, (walking = setImmediate(turn)));
  let walking = setImmediate(turn);
  const { byState } = await count;
  clearImmediate(walking);
  t.deepEqual(byState, [['tcp', 'ESTABLISHED', 'ipv4', 200_000]]);
  t.true(turns > 0, 'it took more than one slice');
  table.free(0);
  t.is(await census.count(), await count);
});
