import test from 'ava';
import * as fc from 'fast-check';
import { ENTRY_WORDS, IDENTITY_WORDS } from '../../src/state/entry-block.js';
import { ExportedTable } from '../../src/state/exported-table.js';
import { entry } from '../helpers/builders/journals.js';
import { seeded } from '../helpers/seed.js';

test('property: it finds what a map finds, by id, start and destination', t => {
  const name = fc.record({ id: fc.nat(5), start: fc.nat(3), destination: fc.nat(2) });
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.nat(1000)), { maxLength: 80 }), puts => {
      const table = new ExportedTable(puts.length);
      const model = new Map<string, number>();
      for (const [{ id, start, destination }, packets] of puts) {
        const words = entry(id, start, [packets, 0, 0, 0], { destination });
        const to = table.place(words, 0);
        table.words[to + IDENTITY_WORDS] = packets;
        model.set(`${id} ${start} ${destination}`, packets);
      }
      t.is(table.count, model.size);
      for (let id = 0; id <= 5; id++) {
        for (let start = 0; start <= 3; start++) {
          for (let destination = 0; destination <= 2; destination++) {
            const word = table.find(entry(id, start, []), 0, destination);
            const expected = model.get(`${id} ${start} ${destination}`);
            t.is(word < 0 ? undefined : table.words[word + IDENTITY_WORDS], expected);
            if (word >= 0) t.is(table.destinationAt(word), destination);
          }
        }
      }
    }),
    seeded(t),
  );
});

test('a million entries are distinct', t => {
  const table = new ExportedTable(1_000_000);
  const words = entry(0, 0, []);
  for (let id = 0; id < 1_000_000; id++) {
    words[0] = Math.imul(id, 2_654_435_761);
    words[1] = id >>> 4;
    t.is(table.place(words, 0), id * ENTRY_WORDS);
  }
  t.is(table.count, 1_000_000);
});

test('a looked up entry stays known, whatever is written', t => {
  const table = new ExportedTable(2);
  const open = table.place(entry(1, 1, []), 0);
  const over = table.place(entry(2, 2, [], { ended: true }), 0);
  table.mark(open);
  t.deepEqual([table.isMarked(open), table.isEnded(open)], [true, false]);
  t.deepEqual([table.isMarked(over), table.isEnded(over)], [false, true]);
});
