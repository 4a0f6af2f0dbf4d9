import test from 'ava';
import { Batch } from '../../../src/row/batch.js';
import { Tally } from '../../../src/cli/demo/tally.js';
import {
  ID,
  ORIG_OCTETS,
  ORIG_OCTETS_WORD,
  ORIG_PACKETS,
  ORIG_SPORT,
  REPLY_OCTETS,
  REPLY_PACKETS,
  STATE,
} from '../../../src/row/layout.generated.js';
import type { DumpSummary, Source } from '../../../src/sources/source.js';

const SUMMARY: DumpSummary = { startedAt: 0, rows: 1, complete: true, skipped: {} };

/** Plays batches, one a dump. */
function playing(batches: Batch[]): Source {
  return {
    kind: 'replay',
    async dump(onBatch) {
      const batch = batches.shift();
      if (!batch) return undefined;
      await onBatch(batch, 0);
      return SUMMARY;
    },
    sysctl: name => `sysctl of ${name}`,
    setSysctl: () => {},
    close: () => {},
  };
}

function batch(rows: { port: number; id: number; state: number; counters: [number, number, number, number] }[]): Batch {
  const made = new Batch(rows.length);
  for (const [row, { port, id, state, counters }] of rows.entries()) {
    const at = row * made.size;
    made.u16[(at + ORIG_SPORT) >> 1] = port;
    made.bytes[at + STATE] = state;
    made.u32[(at + ID) >> 2] = id;
    [ORIG_PACKETS, ORIG_OCTETS, REPLY_PACKETS, REPLY_OCTETS].forEach((offset, i) => {
      made.u32[(at + offset) >> 2] = counters[i];
    });
    made.count++;
  }
  return made;
}

test('the last counters of each connection are kept, whatever its state, and every row is passed on', async t => {
  const tally = new Tally(
    playing([
      batch([
        { port: 1, id: 7, state: 3, counters: [1, 100, 2, 200] },
        { port: 2, id: 8, state: 3, counters: [1, 10, 1, 10] },
      ]),
      batch([
        { port: 1, id: 7, state: 7, counters: [3, 300, 4, 400] },
        { port: 1, id: 9, state: 1, counters: [1, 1, 0, 0] }, // the tuple once more, another entry
      ]),
    ]),
  );
  let rows = 0;
  const count = (seen: Batch) => {
    rows += seen.count;
  };
  t.is(await tally.dump(count), SUMMARY);
  t.deepEqual(tally.total(), { packets: 5, octets: 320 });
  await tally.dump(count);
  t.deepEqual(tally.total(), { packets: 7 + 2 + 1, octets: 700 + 20 + 1 });
  t.is(await tally.dump(count), undefined);
  t.is(rows, 4);
  t.is(tally.sysctl('x'), 'sysctl of x');
  t.is(tally.kind, 'replay');
});

test('octets beyond 32 bits', async t => {
  const large = batch([{ port: 1, id: 1, state: 0, counters: [0, 5, 0, 0] }]);
  large.u32[ORIG_OCTETS_WORD + 1] = 3;
  const tally = new Tally(playing([large]));
  await tally.dump(() => {});
  t.is(tally.total().octets, 3 * 2 ** 32 + 5);
});
