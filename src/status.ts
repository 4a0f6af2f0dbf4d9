/** Bits of enum ip_conntrack_status (nf_conntrack_common.h), by the name that people know. */
export const STATUS_BITS: ReadonlyMap<string, number> = new Map([
  ['EXPECTED', 1 << 0],
  ['SEEN_REPLY', 1 << 1],
  ['ASSURED', 1 << 2],
  ['CONFIRMED', 1 << 3],
  ['SRC_NAT', 1 << 4],
  ['DST_NAT', 1 << 5],
  ['DYING', 1 << 9],
  ['FIXED_TIMEOUT', 1 << 10],
  ['OFFLOAD', 1 << 14],
  ['HW_OFFLOAD', 1 << 15],
]);

/** The names of the bits that are set. */
export function statusNames(status: number): string[] {
  return [...STATUS_BITS].filter(([, bit]) => status & bit).map(([name]) => name);
}
