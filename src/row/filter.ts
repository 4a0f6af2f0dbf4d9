import type { Batch } from './batch.js';
import * as row from './layout.generated.js';

/**
 * Which connections a source delivers. Absent means any. The native source hands to the kernel what the kernel can filter
 * (family, zone, mark, status, and the protocol where it is a single one) and every decoder checks all of it again,
 * because kernels pass over what they do not know (the zone before 6.8).
 */
export interface ConnectionFilter {
  /** AF_INET 2 or AF_INET6 10. */
  readonly family?: 2 | 10;
  /** The zone of either direction. */
  readonly zone?: number;
  readonly mark?: Masked;
  /** Bits of enum ip_conntrack_status. */
  readonly status?: Masked;
  /** IP protocol numbers; an empty list is as none. */
  readonly protocols?: readonly number[];
}

/** The part of a filter that holds for a connection's whole life: mark and status change, and are left out. */
export function lastingFilter({ mark: _, status: __, ...lasting }: ConnectionFilter): ConnectionFilter {
  return lasting;
}

/** A row matches where `(fact & mask) === value`. */
export interface Masked {
  readonly value: number;
  readonly mask: number;
}

export const FILTER_WORDS = 16;
const [FAMILY, ZONE, MARK, MARK_MASK, STATUS, STATUS_MASK, WANTED] = [0, 1, 2, 3, 4, 5, 6];
const PROTOCOL_BITS = 8;

/** Bits of the word WANTED. */
const ZONE_WANTED = 1;
const MARK_WANTED = 2;
const STATUS_WANTED = 4;
const PROTOCOL_WANTED = 8;

/**
 * The filter as 16 words, the form in which it crosses to native code and in which the decoders test it: family (0 any),
 * zone, mark, mark mask, status, status mask, wanted (bit 0 zone, 1 mark, 2 status, 3 protocols), unused, then 256 bits,
 * one for each wanted protocol.
 */
export function filterWords(filter: ConnectionFilter): Uint32Array {
  const words = new Uint32Array(FILTER_WORDS);
  words[FAMILY] = filter.family ?? 0;
  if (filter.zone !== undefined) {
    words[ZONE] = filter.zone;
    words[WANTED] |= ZONE_WANTED;
  }
  if (filter.mark) {
    words[MARK] = filter.mark.value;
    words[MARK_MASK] = filter.mark.mask;
    words[WANTED] |= MARK_WANTED;
  }
  if (filter.status) {
    words[STATUS] = filter.status.value;
    words[STATUS_MASK] = filter.status.mask;
    words[WANTED] |= STATUS_WANTED;
  }
  if (filter.protocols?.length) {
    for (const protocol of filter.protocols) words[PROTOCOL_BITS + (protocol >> 5)] |= 1 << (protocol & 31);
    words[WANTED] |= PROTOCOL_WANTED;
  }
  return words;
}

/**
 * Whether the row that begins at byte `at` passes the filter.
 *
 * An absent zone is 0 and an absent mark is 0, as the kernel leaves both out then. An unknown status passes no status
 * filter.
 * @param words see filterWords
 */
export function rowMatches(rows: Pick<Batch, 'bytes' | 'u16' | 'u32'>, words: Uint32Array, at = 0): boolean {
  const { bytes, u16, u32 } = rows;
  const family = words[FAMILY];
  if (family !== 0 && family !== bytes[at + row.FAMILY]) return false;
  const wanted = words[WANTED];
  if (wanted === 0) return true;
  const zone = words[ZONE];
  if (wanted & ZONE_WANTED && u16[(at + row.ORIG_ZONE) >> 1] !== zone && u16[(at + row.REPLY_ZONE) >> 1] !== zone)
    return false;
  if (!markAndStatusMatch(u32, at >> 2, words)) return false;
  if (wanted & PROTOCOL_WANTED) {
    const protocol = bytes[at + row.PROTOCOL];
    if ((words[PROTOCOL_BITS + (protocol >> 5)] & (1 << (protocol & 31))) === 0) return false;
  }
  return true;
}

/**
 * Whether the row at word `from` passes the filter with its mark and status as they are now.
 * @param words see filterWords
 */
export function markAndStatusMatch(u32: Uint32Array, from: number, words: Uint32Array): boolean {
  const wanted = words[WANTED];
  if (wanted & MARK_WANTED && (u32[from + row.MARK_WORD] & words[MARK_MASK]) >>> 0 !== words[MARK]) return false;
  if ((wanted & STATUS_WANTED) === 0) return true;
  if ((u32[from + row.PRESENT_WORD] & (row.HAS_STATUS | row.HAS_STATUS_PART)) === 0) return false;
  return (u32[from + row.STATUS_WORD] & words[STATUS_MASK]) >>> 0 === words[STATUS];
}
