import test from 'ava';
import { Batch } from '../../src/row/batch.js';
import * as layout from '../../src/row/layout.generated.js';
import { hashTuple } from '../../src/row/tuple-hash.js';

const { FAMILY, HASH, ORIG_SPORT, ORIG_SRC, ORIG_ZONE, PROTOCOL, REPLY_DPORT, REPLY_ZONE } = layout;

function hashOf(fill: (row: Batch) => void): number {
  const row = new Batch(1);
  fill(row);
  hashTuple(row);
  return row.u32[layout.HASH_WORD];
}

/** The definition of row.rs, in whole numbers of any size. */
function defined(row: Batch): number {
  const words = [
    ...row.u32.subarray(0, 18),
    row.bytes[FAMILY] | (row.bytes[PROTOCOL] << 8),
    row.u32[layout.ORIG_ZONE_WORD],
  ];
  let hash = 2166136261n;
  for (const word of words) hash = ((hash ^ BigInt(word)) * 16777619n) & 0xffffffffn;
  hash ^= hash >> 15n;
  hash = (hash * 0x2c1b3c6dn) & 0xffffffffn;
  hash ^= hash >> 12n;
  return Number(hash);
}

test('the hash is the one that row.rs defines', t => {
  const row = new Batch(1);
  for (let i = 0; i < layout.ROW_SIZE; i++) row.bytes[i] = (i * 37 + 11) & 0xff;
  hashTuple(row);
  t.is(row.u32[layout.HASH_WORD], defined(row));
  t.is(
    hashOf(() => {}),
    defined(new Batch(1)),
  );
});

test('the hash depends on every part of the tuple, and on nothing else', t => {
  const base = hashOf(() => {});
  for (const offset of [ORIG_SRC, ORIG_SRC + 15, ORIG_SPORT, REPLY_DPORT, FAMILY, PROTOCOL, ORIG_ZONE, REPLY_ZONE]) {
    t.not(
      hashOf(row => (row.bytes[offset] = 1)),
      base,
      String(offset),
    );
  }
  for (let offset = layout.STATE; offset < layout.ROW_SIZE; offset++) {
    if (offset >= ORIG_ZONE && offset < HASH) continue;
    t.is(
      hashOf(row => (row.bytes[offset] = 1)),
      base,
      String(offset),
    );
  }
});
