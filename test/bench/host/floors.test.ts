import test from 'ava';
import { buildCompanion } from '../../../bench/host/companion.js';
import { loadFloors } from '../../../bench/host/floors.js';
import { Batch } from '../../../src/row/batch.js';
import { ID_WORD, ORIG_PACKETS_WORD, ROW_WORDS, START_NS_WORD } from '../../../src/row/layout.generated.js';
import { addresses, answer, be32, be64, DONE, entry, ports, u8 } from '../../helpers/builders/netlink-builder.js';
import { needs } from '../../helpers/kernel/require.js';

const MINUTES = 60_000;
const withCargo = needs(test, ['linux', 'cargo']);

test.before(t => {
  t.timeout(20 * MINUTES);
  buildCompanion();
});

withCargo('the floor of encoding copies the beginning of each record, of all about as much', t => {
  const records = Uint8Array.from({ length: 40 }, (_, i) => i);
  const out = new Uint8Array(8);
  loadFloors()!.copyRecords(records, 10, 3, 7, out);
  t.deepEqual([...out], [0, 1, 10, 11, 20, 21, 22, 0]);
});

for (const littleEndian of [true, false]) {
  withCargo(`the floor of decoding passes every attribute, ${littleEndian ? 'little' : 'big'}-endian`, t => {
    const source = Uint8Array.of(10, 0, 0, 1);
    const tuple = [addresses(source, source), ports(6, 1, 2)];
    const message = entry(
      2,
      [
        [1, tuple], // with 7: both of the addresses, three of the protocol
        [3, be32(6)],
        [
          9,
          [
            [1, be64(7n)],
            [2, be64(8n)],
          ],
        ],
        [4, [[1, [[1, u8(3)]]]]],
      ],
      littleEndian,
    );
    const other = answer(DONE, 0, littleEndian);
    const walked = loadFloors()!.walkAttributes(Buffer.concat([message, message, other]), littleEndian);
    t.deepEqual(walked, { entries: 2, attributes: 2 * 15, octets: 2 * (8 + 1 + 4 + 4 + 16 + 1) });
  });
}

/** Rows with these ids, and counters that are as high as the number of the dump. */
function dumpOf(ids: readonly number[], dump: number): Batch {
  const batch = new Batch(Math.max(ids.length, 1));
  batch.count = ids.length;
  for (const [i, id] of ids.entries()) {
    batch.u32[i * ROW_WORDS + ID_WORD] = id;
    batch.u32[i * ROW_WORDS + START_NS_WORD] = 1;
    batch.u32[i * ROW_WORDS + ORIG_PACKETS_WORD] = dump;
  }
  return batch;
}

withCargo('the floor of merging: rows stay in their order, come and go', t => {
  const floor = new (loadFloors()!.MergeFloor)(8);
  const dumps = [[1, 2, 3, 4, 5], [1, 6, 5, 7], [7], [], [8, 9]];
  const known = new Set<number>();
  for (const [i, ids] of dumps.entries()) {
    const { bytes, count } = dumpOf(ids, i + 1);
    floor.begin();
    floor.merge(bytes, count);
    floor.end();
    for (const id of ids) known.add(id);
    t.is(floor.size, ids.length);
    t.is(floor.added, known.size);
    t.is(floor.counted(), ids.length * (i + 1));
  }
});

withCargo('the floor of merging takes what has another start for another connection', t => {
  const floor = new (loadFloors()!.MergeFloor)(2);
  const { bytes, u32 } = dumpOf([1], 5);
  for (const start of [1, 2]) {
    u32[START_NS_WORD] = start;
    floor.begin();
    floor.merge(bytes, 1);
    floor.end();
    t.is(floor.size, 1);
    t.is(floor.added, start);
  }
});
