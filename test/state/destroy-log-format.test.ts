import test, { type ExecutionContext } from 'ava';
import * as fc from 'fast-check';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import {
  DESTROY_LOG_RECORD_SIZE,
  DESTROY_LOG_RECORDS_AT,
  LAYOUT_VERSION,
  ROW_SIZE,
} from '../../src/row/layout.generated.js';
import {
  encodeDestroyHeader,
  DESTROY_HEADER_SIZE,
  readDestroyHeader,
  readRecords,
} from '../../src/state/destroy-log-format.js';
import { encodeFileHeader } from '../../src/state/journal-file.js';
import { endsRecord } from '../helpers/builders/destroy-log-writer.js';
import { HOST, resealHeader } from '../helpers/builders/journals.js';
import { seeded } from '../helpers/seed.js';
import { temporaryPath } from '../helpers/temporary.js';

const row = (n: number): Uint8Array => new Uint8Array(ROW_SIZE).fill(n);

/** A file with these records, each at its place. */
function fileOf(capacity: number, records: readonly [place: number, n: number][]): Buffer {
  const last = Math.max(-1, ...records.map(([place]) => place % capacity));
  const bytes = Buffer.alloc(DESTROY_LOG_RECORDS_AT + (last + 1) * DESTROY_LOG_RECORD_SIZE);
  for (const [place, n] of records)
    bytes.set(endsRecord(place, row(n)), DESTROY_LOG_RECORDS_AT + (place % capacity) * DESTROY_LOG_RECORD_SIZE);
  return bytes;
}

async function readBack(t: ExecutionContext, bytes: Uint8Array, capacity: number, done: number) {
  const path = temporaryPath(t, 'ends');
  writeFileSync(path, bytes);
  const fd = openSync(path, 'r');
  const rows: number[] = [];
  try {
    const behind = await readRecords(fd, { capacity, done }, read => {
      rows.push(read.every(byte => byte === read[0]) ? read[0] : -1);
    });
    return { rows, behind };
  } finally {
    closeSync(fd);
  }
}

test('a ring that says it is larger than any file is read to the end of the file alone', async t => {
  // a read for each 4096 records that are not there took minutes
  const capacity = 2 ** 32 - 1;
  const bytes = fileOf(capacity, [
    [0, 1],
    [1, 2],
    [2, 3],
  ]);
  t.deepEqual(await readBack(t, bytes, capacity, 0), { rows: [1, 2, 3], behind: 3 });
  t.deepEqual(await readBack(t, bytes, capacity, 2), { rows: [3], behind: 3 });
  // places go on behind the ring's end
  const next = fileOf(capacity, [[capacity, 4]]);
  t.deepEqual(await readBack(t, next, capacity, capacity - 1), { rows: [4], behind: capacity + 1 });
});

test('the header has capacity and free space, beyond 2^32 too', t => {
  const header = { capacity: 322_638, done: 2 ** 40 + 5 };
  t.deepEqual(readDestroyHeader(encodeDestroyHeader(HOST, header), HOST), header);
});

test('a header of another file is refused with a reason', t => {
  const good = (): Buffer => Buffer.from(encodeDestroyHeader(HOST, { capacity: 10, done: 3 }));
  const refused = (bytes: Uint8Array, host = HOST): string => String(readDestroyHeader(bytes, host));
  t.regex(refused(Buffer.concat([encodeFileHeader(HOST), Buffer.alloc(20)])), /not a destroy log/);
  t.regex(refused(new Uint8Array(0)), /not a destroy log/);
  t.regex(refused(good(), { ...HOST, namespace: 7 }), /another network namespace/);
  t.regex(refused(good(), { ...HOST, boot: HOST.boot.replace('0', '1') }), /another boot/);
  const version = good();
  version[8] ^= 3;
  resealHeader(version);
  t.regex(refused(version), /of version 2/);
  for (let length = 64; length < DESTROY_HEADER_SIZE; length++) {
    t.regex(refused(good().subarray(0, length)), /header is damaged/);
  }
  for (let at = 64; at < DESTROY_HEADER_SIZE; at++) {
    const damaged = good();
    damaged[at] ^= 0x40;
    t.regex(refused(damaged), /header is damaged/);
  }
  t.regex(refused(encodeDestroyHeader(HOST, { capacity: 0, done: 0 })), /header is damaged/);
  t.true(LAYOUT_VERSION > 0);
});

test('records are read in the order they were written, across the end of the file', async t => {
  const bytes = fileOf(4, [
    [6, 6],
    [7, 7],
    [8, 8],
    [9, 9],
  ]);
  t.deepEqual(await readBack(t, bytes, 4, 6), { rows: [6, 7, 8, 9], behind: 10 });
});

test('free and unused records are skipped', async t => {
  const bytes = fileOf(6, [
    [0, 1],
    [1, 2],
    [2, 3],
    [4, 5],
  ]);
  t.deepEqual(await readBack(t, bytes, 6, 1), { rows: [2, 3, 5], behind: 5 });
  t.deepEqual(await readBack(t, bytes, 6, 5), { rows: [], behind: 5 });
  t.deepEqual(await readBack(t, new Uint8Array(0), 6, 5), { rows: [], behind: 5 });
});

test('a file truncated anywhere gives the whole records', async t => {
  const bytes = fileOf(8, [
    [0, 1],
    [1, 2],
    [2, 3],
  ]);
  for (let length = DESTROY_LOG_RECORDS_AT; length <= bytes.length; length++) {
    const whole = Math.floor((length - DESTROY_LOG_RECORDS_AT) / DESTROY_LOG_RECORD_SIZE);
    t.deepEqual(await readBack(t, bytes.subarray(0, length), 8, 0), { rows: [1, 2, 3].slice(0, whole), behind: whole });
  }
});

test('a record half written over an old one is neither of them', async t => {
  for (let cut = 1; cut < DESTROY_LOG_RECORD_SIZE; cut++) {
    const bytes = fileOf(2, [
      [0, 1],
      [1, 2],
    ]);
    bytes.set(endsRecord(2, row(3)).subarray(0, cut), DESTROY_LOG_RECORDS_AT);
    // byte 12 to 15 are nothing's
    t.deepEqual(await readBack(t, bytes, 2, 1), { rows: [2], behind: 2 }, `cut at ${cut}`);
  }
});

test('property: damage removes the record that it hits, and never makes one', async t => {
  const damage = fc.record({ at: fc.nat(5 * DESTROY_LOG_RECORD_SIZE - 1), by: fc.integer({ min: 1, max: 255 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), async all => {
      const bytes = fileOf(
        5,
        [0, 1, 2, 3, 4].map(place => [place, place + 1]),
      );
      const hit = new Set<number>();
      for (const { at, by } of all) {
        bytes[DESTROY_LOG_RECORDS_AT + at] ^= by;
        hit.add(Math.floor(at / DESTROY_LOG_RECORD_SIZE));
      }
      const { rows } = await readBack(t, bytes, 5, 0);
      if (rows.includes(-1)) throw new Error('a damaged row is given out');
      for (let place = 0; place < 5; place++) {
        if (!hit.has(place) && !rows.includes(place + 1)) throw new Error('a whole row is left out');
      }
    }),
    { ...seeded(t), numRuns: 100 },
  );
  t.pass();
});
