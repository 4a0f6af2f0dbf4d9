import test from 'ava';
import { Batch } from '../../../src/row/batch.js';
import { HASH, ROW_SIZE, STATE, TCP_STATES } from '../../../src/row/layout.generated.js';
import { ChangingTable } from '../../../bench/workload/changing-table.js';
import { Connections } from '../../../bench/workload/connections.js';

const TIME_WAIT = TCP_STATES.indexOf('TIME_WAIT');

for (const family of ['ipv4', 'ipv6'] as const) {
  test(`connections of ${family}: each number another one, and the same each time`, t => {
    const numbers = Array.from({ length: 40_000 }, (_, i) => i);
    const connections = new Connections(family);
    const seen = new Set<string>();
    const one = new Batch(1);
    one.count = 1;
    for (const number of numbers) {
      connections.write(number, 1, one, 0);
      seen.add(Buffer.from(one.bytes.subarray(0, HASH)).toString('latin1'));
    }
    t.is(seen.size, numbers.length);
    const [batch] = new Connections(family).batches([39_999], 1, 1);
    t.deepEqual(batch.bytes, one.bytes);
  });
}

/** Tuples of the dump, in its order. */
function tuples({ batches }: ChangingTable): string[] {
  return batches.flatMap(({ bytes, count }) =>
    Array.from({ length: count }, (_, i) => {
      const row = i * ROW_SIZE;
      return Buffer.from(bytes.subarray(row, row + STATE)).toString('latin1');
    }),
  );
}

test('a changing table: connections come and go, and those that stay keep their place', t => {
  const table = new ChangingTable('ipv4', 2_000, { fresh: 150, gone: 100, idle: 0.2, dying: false });
  const before = tuples(table);
  table.advance();
  const after = tuples(table);
  const stays = before.filter(tuple => after.includes(tuple));
  t.is(stays.length, 1_900);
  t.is(after.length, 2_050);
  t.is(table.size, 2_050);
  t.is(table.known, 2_150);
  t.deepEqual(
    after.filter(tuple => before.includes(tuple)),
    stays,
  );
});

test('a connection that is dying in one dump is gone in the next', t => {
  const table = new ChangingTable('ipv6', 1_000, { fresh: 0, gone: 200, idle: 0, dying: true });
  const names = tuples(table);
  const states = table.batches.flatMap(({ bytes, count }) =>
    Array.from({ length: count }, (_, i) => bytes[i * ROW_SIZE + STATE]),
  );
  const dying = names.filter((_, i) => states[i] === TIME_WAIT);
  t.true(dying.length > 80);
  table.advance();
  const after = tuples(table);
  t.true(dying.every(tuple => !after.includes(tuple)));
});
