import type { Batch } from './batch.js';
import {
  FAMILY,
  HAS_STATUS,
  HAS_STATUS_PART,
  MARK,
  ORIG_ZONE,
  PRESENT,
  PROTOCOL,
  REPLY_ZONE,
  STATUS,
} from './layout.generated.js';

const ZONE_WANTED = 1;
const MARK_WANTED = 2;
const STATUS_WANTED = 4;
const PROTOCOL_WANTED = 8;

/**
 * Whether the first row passes the filter.
 *
 * An absent zone is 0 and an absent mark is 0, as the kernel leaves both out then. An unknown status passes no status
 * filter.
 * @param words see filterWords
 */
export function rowMatches(row: Batch, words: Uint32Array): boolean {
  const family = words[0];
  if (family !== 0 && family !== row.bytes[FAMILY]) return false;
  const which = words[6];
  if (which === 0) return true;
  if (which & ZONE_WANTED && row.u16[ORIG_ZONE >> 1] !== words[1] && row.u16[REPLY_ZONE >> 1] !== words[1])
    return false;
  if (which & MARK_WANTED && (row.u32[MARK >> 2] & words[3]) >>> 0 !== words[2]) return false;
  if (which & STATUS_WANTED) {
    if ((row.u32[PRESENT >> 2] & (HAS_STATUS | HAS_STATUS_PART)) === 0) return false;
    if ((row.u32[STATUS >> 2] & words[5]) >>> 0 !== words[4]) return false;
  }
  if (which & PROTOCOL_WANTED) {
    const protocol = row.bytes[PROTOCOL];
    if ((words[8 + (protocol >> 5)] & (1 << (protocol & 31))) === 0) return false;
  }
  return true;
}
