//! Which facts a connection has, as bits: src/ipfix/shape.ts. Records of one shape share a template.

use crate::row::*;

pub(crate) const IPV6: u32 = 1 << 0;
const PORTS: u32 = 1 << 1;
const ICMP: u32 = 1 << 2;
const SOURCE_NAT: u32 = 1 << 3;
const DESTINATION_NAT: u32 = 1 << 4;
const COUNTERS: u32 = 1 << 5;
pub(crate) const REPLY_COUNTERS: u32 = 1 << 6;
const ZONE: u32 = 1 << 7;
const REPLY_ZONE: u32 = 1 << 8;
const MARK_KNOWN: u32 = 1 << 9;
const ID_KNOWN: u32 = 1 << 10;
const HELPER_KNOWN: u32 = 1 << 11;
pub(crate) const TCP_HISTORY: u32 = 1 << 13;
pub(crate) const DENIED: u32 = 1 << 14;
/// Its duration does not fit into 32 bits of milliseconds.
pub(crate) const LONG: u32 = 1 << 15;
pub(crate) const SERVICE: u32 = 1 << 16;
/// One end is this host.
pub(crate) const ONE_END_LOCAL: u32 = 1 << 17;
/// The interfaces of the original direction.
pub(crate) const INGRESS: u32 = 1 << 18;
pub(crate) const EGRESS: u32 = 1 << 19;

const BOTH_COUNTERS: u32 = HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS;

/// The bits that the row tells.
#[inline]
pub(crate) fn shape_of(row: &[u8; ROW_SIZE]) -> u32 {
    let present = get_u32(row, PRESENT);
    let bit = |flag, bit| if present & flag != 0 { bit } else { 0 };
    let mut shape = bit(HAS_PORTS, PORTS)
        | bit(HAS_ICMP, ICMP)
        | bit(HAS_ORIG_COUNTERS, COUNTERS)
        | bit(HAS_MARK, MARK_KNOWN)
        | bit(HAS_ID, ID_KNOWN)
        | bit(HAS_HELPER, HELPER_KNOWN);
    // the kernel sends both or none; a packet that was denied counts for its direction
    if present & BOTH_COUNTERS == BOTH_COUNTERS {
        shape |= REPLY_COUNTERS;
    }
    if present & HAS_ORIG_ZONE != 0 {
        shape |= ZONE;
    } else if present & HAS_REPLY_ZONE != 0 {
        shape |= REPLY_ZONE;
    }
    if row[FAMILY] == AF_INET6 {
        shape |= IPV6;
    }
    // an address of IPv4 has zeros behind it
    if row[ORIG_SRC..ORIG_SRC + 16] != row[REPLY_DST..REPLY_DST + 16] {
        shape |= SOURCE_NAT;
    }
    if row[ORIG_DST..ORIG_DST + 16] != row[REPLY_SRC..REPLY_SRC + 16] {
        shape |= DESTINATION_NAT;
    }
    if present & HAS_PORTS != 0 {
        if row[ORIG_SPORT..ORIG_SPORT + 2] != row[REPLY_DPORT..REPLY_DPORT + 2] {
            shape |= SOURCE_NAT;
        }
        if row[ORIG_DPORT..ORIG_DPORT + 2] != row[REPLY_SPORT..REPLY_SPORT + 2] {
            shape |= DESTINATION_NAT;
        }
    }
    shape
}
