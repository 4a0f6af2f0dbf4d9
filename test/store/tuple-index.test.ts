import test from 'ava';
import * as fc from 'fast-check';
import type { Batch } from '../../src/row/batch.js';
import { ConnectionTable } from '../../src/store/connection-table.js';
import {
  FAMILY,
  HASH_WORD,
  ORIG_ZONE,
  PROTOCOL,
  REPLY_DPORT,
  RULE,
  RULE_WORD,
  STATE,
} from '../../src/row/layout.generated.js';
import { SlotList } from '../../src/store/slot-list.js';
import { TupleIndex } from '../../src/store/tuple-index.js';
import { rows } from '../helpers/builders/rows.js';
import { seeded } from '../helpers/seed.js';

const CAPACITY = 24;

/** A connection of a small universe; `hash` makes many of them collide, and wrap around the end of the index. */
function connection(number: number, hash: number): Batch {
  const batch = rows({ sourcePort: number + 1, destinationPort: 80, zone: 1, state: 3, counters: [1, 1, 1, 1] });
  batch.u32[HASH_WORD] = hash;
  return batch;
}

/** Table, index and list together, as the store uses them, against a Map and an array. */
class Model {
  readonly table = new ConnectionTable(CAPACITY);
  readonly index = new TupleIndex(this.table.rows, CAPACITY);
  readonly list = SlotList.of(CAPACITY);
  readonly slotOf = new Map<number, number>();
  order: number[] = [];

  add(number: number, row: Batch): void {
    if (this.slotOf.has(number) || this.table.full) return;
    const slot = this.table.allocate(row.u32, 0);
    if ([...this.slotOf.values()].includes(slot)) throw new Error(`slot ${slot} was handed out twice`);
    this.index.insert(slot);
    this.list.push(slot);
    this.slotOf.set(number, slot);
    this.order.push(number);
  }

  remove(number: number): void {
    const slot = this.slotOf.get(number);
    if (slot === undefined) return;
    this.index.remove(slot);
    this.list.remove(slot);
    this.table.free(slot);
    this.slotOf.delete(number);
    this.order = this.order.filter(other => other !== number);
  }

  touch(number: number): void {
    const slot = this.slotOf.get(number);
    if (slot === undefined) return;
    this.list.push(slot);
    this.order = [...this.order.filter(other => other !== number), number];
  }

  /** Every connection is found at its slot, and nothing else is: no orphan, no ghost. */
  check(universe: readonly Batch[]): string | undefined {
    for (const [number, row] of universe.entries()) {
      const found = this.index.find(row.u32, 0);
      if (found !== (this.slotOf.get(number) ?? -1)) return `connection ${number} found at ${found}`;
    }
    const listed: number[] = [];
    for (let slot = this.list.head; slot >= 0; slot = this.list.after(slot)) listed.push(slot);
    if (listed.join() !== this.order.map(number => this.slotOf.get(number)).join()) return `list ${listed}`;
    return this.table.count === this.slotOf.size ? undefined : `count ${this.table.count}`;
  }
}

test('a re-created key leaves no orphan: index, table and list do what a Map and an array do', t => {
  const hashes = fc.array(fc.constantFrom(0, 1, 2, 61, 62, 63, 64, 0x8000_003f, 0xffff_ffff), {
    minLength: 40,
    maxLength: 40,
  });
  const operation = fc.tuple(fc.constantFrom('add', 'add', 'remove', 'touch'), fc.nat(39));
  let operations = 0;
  fc.assert(
    fc.property(hashes, fc.array(operation, { minLength: 100, maxLength: 100 }), (hash, script) => {
      const universe = hash.map((h, number) => connection(number, h));
      const model = new Model();
      for (const [what, number] of script) {
        operations++;
        if (what === 'add') model.add(number, universe[number]);
        else if (what === 'remove') model.remove(number);
        else model.touch(number);
        const fault = model.check(universe);
        if (fault) throw new Error(`after ${what} ${number}: ${fault}`);
      }
      return true;
    }),
    { ...seeded(t), numRuns: 120 },
  );
  t.true(operations >= 10_000, `${operations} operations`);
});

test('a full table is found whole', t => {
  const model = new Model();
  const universe = Array.from({ length: CAPACITY + 1 }, (_, number) => connection(number, 63));
  universe.forEach((row, number) => model.add(number, row));
  t.true(model.table.full);
  t.is(model.slotOf.size, CAPACITY);
  t.is(model.check(universe), undefined);
});

test('the tuple alone decides, and of a denied packet its rule, not the state, the id or the counters', t => {
  const table = new ConnectionTable(1);
  const index = new TupleIndex(table.rows, 1);
  index.insert(table.allocate(connection(1, 7).u32, 0));
  const other = connection(1, 7);
  other.bytes[STATE] = 8;
  other.u32.fill(9, HASH_WORD + 1, RULE_WORD);
  t.is(index.find(other.u32, 0), 0);
  for (const offset of [0, 16, 32, 48, 64, REPLY_DPORT, FAMILY, PROTOCOL, ORIG_ZONE, ORIG_ZONE + 2, RULE]) {
    const changed = connection(1, 7);
    changed.bytes[offset] ^= 1;
    t.is(index.find(changed.u32, 0), -1, `byte ${offset} is part of the tuple`);
  }
});

test('clear forgets every tuple', t => {
  const table = new ConnectionTable(4);
  const index = new TupleIndex(table.rows, 4);
  const universe = [0, 1, 2].map(number => connection(number, 5));
  for (const row of universe) index.insert(table.allocate(row.u32, 0));
  index.clear();
  t.deepEqual(
    universe.map(row => index.find(row.u32, 0)),
    [-1, -1, -1],
  );
});
