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

/** A row matches where `(fact & mask) === value`. */
export interface Masked {
  readonly value: number;
  readonly mask: number;
}

export const FILTER_WORDS = 16;
const [FAMILY, ZONE, MARK, MARK_MASK, STATUS, STATUS_MASK, WHICH] = [0, 1, 2, 3, 4, 5, 6];
const PROTOCOL_BITS = 8;

/**
 * The filter as 16 words, the form in which it crosses to native code and in which the decoders test it: family (0 any),
 * zone, mark, mark mask, status, status mask, which (bit 0 zone, 1 mark, 2 status, 3 protocols), unused, then 256 bits,
 * one for each wanted protocol.
 */
export function filterWords(filter: ConnectionFilter): Uint32Array {
  const words = new Uint32Array(FILTER_WORDS);
  words[FAMILY] = filter.family ?? 0;
  if (filter.zone !== undefined) {
    words[ZONE] = filter.zone;
    words[WHICH] |= 1;
  }
  if (filter.mark) {
    words[MARK] = filter.mark.value;
    words[MARK_MASK] = filter.mark.mask;
    words[WHICH] |= 2;
  }
  if (filter.status) {
    words[STATUS] = filter.status.value;
    words[STATUS_MASK] = filter.status.mask;
    words[WHICH] |= 4;
  }
  if (filter.protocols?.length) {
    for (const protocol of filter.protocols) words[PROTOCOL_BITS + (protocol >> 5)] |= 1 << (protocol & 31);
    words[WHICH] |= 8;
  }
  return words;
}
