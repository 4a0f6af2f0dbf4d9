import type { Batch } from './batch.js';
import { FAMILY, HASH_WORD, ORIG_SRC_WORD, ORIG_ZONE_WORD, PROTOCOL, REPLY_DPORT } from './layout.generated.js';

const OFFSET_BASIS = 2166136261;
const PRIME = 16777619;
const FIRST_WORD = ORIG_SRC_WORD;
const LAST_WORD = REPLY_DPORT >> 2;
const ZONES_WORD = ORIG_ZONE_WORD;

/** Writes HASH of the row that begins at byte `at`: over both tuples and zones, as row.rs defines it. */
export function hashTuple({ bytes, u32: words }: Pick<Batch, 'bytes' | 'u32'>, at = 0): void {
  const from = at >> 2;
  let hash = OFFSET_BASIS;
  for (let word = from + FIRST_WORD; word <= from + LAST_WORD; word++) hash = Math.imul(hash ^ words[word], PRIME);
  hash = Math.imul(hash ^ (bytes[at + FAMILY] | (bytes[at + PROTOCOL] << 8)), PRIME);
  hash = Math.imul(hash ^ words[from + ZONES_WORD], PRIME);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  hash ^= hash >>> 12;
  words[from + HASH_WORD] = hash;
}
