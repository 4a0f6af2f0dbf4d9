//! The row: one connection as a fixed run of bytes, the only shape in which connections cross from Rust to TypeScript.
//!
//! This file is the single definition. `cargo xtask layout` writes the TypeScript constants from it; change [`LAYOUT_VERSION`] whenever an offset, a size or a meaning changes.
//!
//! Addresses are in network order, an IPv4 address in the first four of its sixteen bytes and the rest zero. Every other
//! number is in the byte order of the host. A 64-bit number is two 32-bit words, the low one first, on every host.

/// Compared by the loader with the generated constant: native module and TypeScript must agree.
pub const LAYOUT_VERSION: u32 = 10;

/// What a field holds, for the generator and for tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One unsigned byte.
    U8,
    /// Unsigned 16 bits, host order.
    U16,
    /// Unsigned 32 bits, host order.
    U32,
    /// Unsigned 64 bits as two words in host order, low word first.
    U64,
    /// Bytes as they are.
    Bytes(usize),
}

impl Kind {
    /// Size in bytes.
    pub const fn size(self) -> usize {
        match self {
            Kind::U8 => 1,
            Kind::U16 => 2,
            Kind::U32 => 4,
            Kind::U64 => 8,
            Kind::Bytes(n) => n,
        }
    }
}

/// One field of the row, or of what a record has beside it.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name of the constant.
    pub name: &'static str,
    /// Bytes from the start of the row.
    pub offset: usize,
    /// What it holds.
    pub kind: Kind,
    /// One line for the generated file.
    pub doc: &'static str,
}

macro_rules! fields {
    ($list:ident: $($(#[doc = $doc:literal])+ $name:ident = $offset:literal, $kind:expr;)*) => {
        $($(#[doc = $doc])+ pub const $name: usize = $offset;)*
        /// The fields in the order of their offsets.
        pub const $list: &[Field] = &[
            $(Field { name: stringify!($name), offset: $offset, kind: $kind, doc: concat!($($doc),+) },)*
        ];
    };
}

macro_rules! flags {
    ($list:ident: $($(#[doc = $doc:literal])+ $name:ident = $bit:literal;)*) => {
        $($(#[doc = $doc])+ pub const $name: u32 = 1 << $bit;)*
        /// Name, bit and meaning of every flag.
        pub const $list: &[(&str, u32, &str)] = &[$((stringify!($name), $bit, concat!($($doc),+)),)*];
    };
}

macro_rules! numbers {
    ($list:ident: $($(#[doc = $doc:literal])+ $name:ident = $number:literal;)*) => {
        $($(#[doc = $doc])+ pub const $name: u32 = $number;)*
        /// Name, number and meaning of each.
        pub const $list: &[(&str, u32, &str)] = &[$((stringify!($name), $number, concat!($($doc),+)),)*];
    };
}

/// Bytes of a connection row: what the kernel says, nothing else.
pub const ROW_SIZE: usize = 192;

fields! { ROW_FIELDS:
    /// Original tuple, source address.
    ORIG_SRC = 0, Kind::Bytes(16);
    /// Original tuple, destination address.
    ORIG_DST = 16, Kind::Bytes(16);
    /// Reply tuple, source address.
    REPLY_SRC = 32, Kind::Bytes(16);
    /// Reply tuple, destination address.
    REPLY_DST = 48, Kind::Bytes(16);
    /// Original source port; the identifier for ICMP, the key for GRE, as in the kernel's own tuple.
    ORIG_SPORT = 64, Kind::U16;
    /// Original destination port; type * 256 + code for ICMP, the key for GRE.
    ORIG_DPORT = 66, Kind::U16;
    /// Reply source port; the identifier for ICMP.
    REPLY_SPORT = 68, Kind::U16;
    /// Reply destination port; type * 256 + code for ICMP.
    REPLY_DPORT = 70, Kind::U16;
    /// Address family: 2 for IPv4, 10 for IPv6.
    FAMILY = 72, Kind::U8;
    /// IP protocol number.
    PROTOCOL = 73, Kind::U8;
    /// Conntrack's state of TCP (enum tcp_conntrack), SCTP (enum sctp_conntrack) or DCCP (enum ct_dccp_states); of a denied packet the hook (enum nf_inet_hooks).
    STATE = 74, Kind::U8;
    /// Conntrack's own TCP flags that both directions have (CTA_PROTOINFO_TCP_FLAGS_ORIGINAL & _REPLY); of a denied packet those of its header.
    TCP_FLAGS = 75, Kind::U8;
    /// Which facts are known, see HAS_*.
    PRESENT = 76, Kind::U32;
    /// Conntrack id (CTA_ID).
    ID = 80, Kind::U32;
    /// Status bits (CTA_STATUS, enum ip_conntrack_status).
    STATUS = 84, Kind::U32;
    /// Mark (CTA_MARK).
    MARK = 88, Kind::U32;
    /// Remaining timeout in seconds (CTA_TIMEOUT).
    TIMEOUT = 92, Kind::U32;
    /// Zone of the original direction.
    ORIG_ZONE = 96, Kind::U16;
    /// Zone of the reply direction.
    REPLY_ZONE = 98, Kind::U16;
    /// Hash of the tuple, never of the state, the id or the times. All arithmetic is unsigned 32-bit and wraps.
    /// h = 2166136261; then for each of 20 words w, in this order, h = (h ^ w) * 16777619: the 18 words in host order at
    /// offsets 0, 4, 8, ... 68 (addresses with their padding, and ports), then FAMILY | PROTOCOL << 8, then the word in
    /// host order at offset 96 (both zones). At the end h ^= h >> 15; h = h * 0x2c1b3c6d; h ^= h >> 12.
    /// The same tuple hashes differently on hosts of different byte order. The hash of a denied packet has its rule in it.
    HASH = 100, Kind::U32;
    /// Packets of the original direction.
    ORIG_PACKETS = 104, Kind::U64;
    /// IP-layer octets of the original direction.
    ORIG_OCTETS = 112, Kind::U64;
    /// Packets of the reply direction.
    REPLY_PACKETS = 120, Kind::U64;
    /// IP-layer octets of the reply direction.
    REPLY_OCTETS = 128, Kind::U64;
    /// Start, nanoseconds since 1970 (CTA_TIMESTAMP_START); estimated where HAS_START_ESTIMATE stands. Of a denied packet its
    /// time, and without HAS_START the time at which it was read.
    START_NS = 136, Kind::U64;
    /// Stop, nanoseconds since 1970 (CTA_TIMESTAMP_STOP); of a NEW or UPDATE event its time (CTA_TIMESTAMP_EVENT).
    STOP_NS = 144, Kind::U64;
    /// Labels (CTA_LABELS), 128 bits as the kernel sends them.
    LABELS = 152, Kind::Bytes(16);
    /// Helper name (CTA_HELP_NAME), printable ASCII, zero-padded.
    HELPER = 168, Kind::Bytes(16);
    /// What happened to the connection, see EVENT_*.
    EVENT = 184, Kind::U32;
    /// Number of the log prefix of a denied packet; zero in every other row.
    RULE = 188, Kind::U32;
}

/// Offsets that a template's plan may name end here: those of the row, and behind them of what a record has beside it. Nothing
/// in memory has this size.
pub const FIELDS_SIZE: usize = 428;
/// Bytes of what a record has beside its row.
pub const FACTS_SIZE: usize = FIELDS_SIZE - ROW_SIZE;

fields! { FACT_FIELDS:
    /// Flow start, milliseconds since 1970.
    FLOW_START_MS = 192, Kind::U64;
    /// Flow end, milliseconds since 1970: the last packet.
    FLOW_END_MS = 200, Kind::U64;
    /// Packets of the original direction since the last report to this destination.
    ORIG_PACKET_DELTA = 208, Kind::U64;
    /// Octets of the original direction since the last report to this destination.
    ORIG_OCTET_DELTA = 216, Kind::U64;
    /// Packets of the reply direction since the last report to this destination.
    REPLY_PACKET_DELTA = 224, Kind::U64;
    /// Octets of the reply direction since the last report to this destination.
    REPLY_OCTET_DELTA = 232, Kind::U64;
    /// flowId (IE 148).
    FLOW_ID = 240, Kind::U64;
    /// flowEndReason (IE 136).
    END_REASON = 248, Kind::U8;
    /// biflowDirection (IE 239).
    BIFLOW_DIRECTION = 249, Kind::U8;
    /// natType (IE 297).
    NAT_TYPE = 250, Kind::U8;
    /// forwardingStatus (IE 89) of a denied flow.
    FORWARDING_STATUS = 251, Kind::U8;
    /// The TCP states that were seen, four bits each, the oldest in the lowest; zero ends the list.
    TCP_STATE_HISTORY = 252, Kind::U32;
    /// Pod of the source; a number of the name table, as the twelve that follow.
    SOURCE_POD_NAME = 256, Kind::U32;
    /// Its namespace.
    SOURCE_POD_NAMESPACE = 260, Kind::U32;
    /// Node of the source.
    SOURCE_NODE_NAME = 264, Kind::U32;
    /// Pod of the destination.
    DESTINATION_POD_NAME = 268, Kind::U32;
    /// Its namespace.
    DESTINATION_POD_NAMESPACE = 272, Kind::U32;
    /// Node of the destination.
    DESTINATION_NODE_NAME = 276, Kind::U32;
    /// Service port of the original destination.
    SERVICE_PORT_NAME = 280, Kind::U32;
    /// Policy that decided on the flow as it came in.
    INGRESS_POLICY_NAME = 284, Kind::U32;
    /// Its namespace.
    INGRESS_POLICY_NAMESPACE = 288, Kind::U32;
    /// Its rule.
    INGRESS_RULE_NAME = 292, Kind::U32;
    /// Policy that decided on the flow as it went out.
    EGRESS_POLICY_NAME = 296, Kind::U32;
    /// Its namespace.
    EGRESS_POLICY_NAMESPACE = 300, Kind::U32;
    /// Its rule.
    EGRESS_RULE_NAME = 304, Kind::U32;
    /// flowType of Antrea: 1 intra-node, 2 inter-node, 3 to external, 4 from external, 0 not known.
    FLOW_TYPE = 308, Kind::U8;
    /// Action of the ingress rule: 0 none, 1 allow, 2 drop, 3 reject.
    INGRESS_RULE_ACTION = 309, Kind::U8;
    /// Action of the egress rule.
    EGRESS_RULE_ACTION = 310, Kind::U8;
    /// flowDirection (IE 61): 0 towards this host, 1 from it.
    FLOW_DIRECTION = 311, Kind::U8;
    /// FLOW_END_MS - FLOW_START_MS modulo 2^32 (IE 161).
    FLOW_DURATION_MS = 312, Kind::U32;
    /// flowDirection of the reply direction.
    REVERSE_FLOW_DIRECTION = 316, Kind::U8;
    /// Always zero.
    RESERVED_317 = 317, Kind::Bytes(3);
    /// Interface where the original direction comes in, by a look-up of routes (IE 10).
    INGRESS_INTERFACE = 320, Kind::U32;
    /// Interface where it goes out (IE 14).
    EGRESS_INTERFACE = 324, Kind::U32;
    /// User of the socket that the source has on this host; a number of the name table, as those that follow.
    SOURCE_USER_NAME = 328, Kind::U32;
    /// Path of its cgroup.
    SOURCE_SOCKET_CGROUP = 332, Kind::U32;
    /// That cgroup's unit of systemd.
    SOURCE_SYSTEMD_UNIT = 336, Kind::U32;
    /// Its container.
    SOURCE_CONTAINER_ID = 340, Kind::U32;
    /// The container's name.
    SOURCE_CONTAINER_NAME = 344, Kind::U32;
    /// Its pod.
    SOURCE_POD_UID = 348, Kind::U32;
    /// Program that has the socket open.
    SOURCE_COMMAND = 352, Kind::U32;
    /// User of the socket that the destination has on this host; a number of the name table, as those that follow.
    DESTINATION_USER_NAME = 356, Kind::U32;
    /// Path of its cgroup.
    DESTINATION_SOCKET_CGROUP = 360, Kind::U32;
    /// That cgroup's unit of systemd.
    DESTINATION_SYSTEMD_UNIT = 364, Kind::U32;
    /// Its container.
    DESTINATION_CONTAINER_ID = 368, Kind::U32;
    /// The container's name.
    DESTINATION_CONTAINER_NAME = 372, Kind::U32;
    /// Its pod.
    DESTINATION_POD_UID = 376, Kind::U32;
    /// Program that has the socket open.
    DESTINATION_COMMAND = 380, Kind::U32;
    /// User of the source, else of the destination (IE 371).
    USER_NAME = 384, Kind::U32;
    /// Number of the autonomous system that the source's address is in; 0 for none.
    SOURCE_AS_NUMBER = 388, Kind::U32;
    /// Country of the source's address; a number of the name table.
    SOURCE_COUNTRY = 392, Kind::U32;
    /// Its name by the DNS; a number of the name table.
    SOURCE_DNS_NAME = 396, Kind::U32;
    /// Number of the autonomous system that the destination's address is in; 0 for none.
    DESTINATION_AS_NUMBER = 400, Kind::U32;
    /// Country of the destination's address; a number of the name table.
    DESTINATION_COUNTRY = 404, Kind::U32;
    /// Its name by the DNS; a number of the name table.
    DESTINATION_DNS_NAME = 408, Kind::U32;
    /// What the source's pod belongs to, such as deployment/web; a number of the name table, as the three that follow.
    SOURCE_WORKLOAD = 412, Kind::U32;
    /// That pod's labels, as JSON.
    SOURCE_POD_LABELS = 416, Kind::U32;
    /// What the destination's pod belongs to.
    DESTINATION_WORKLOAD = 420, Kind::U32;
    /// That pod's labels.
    DESTINATION_POD_LABELS = 424, Kind::U32;
}

/// FAMILY: IPv4.
pub const AF_INET: u8 = 2;
/// FAMILY: IPv6.
pub const AF_INET6: u8 = 10;
/// HAS_ID and HAS_START: with the tuple they name a connection for as long as the host runs.
pub const IDENTITY_FLAGS: u32 = HAS_ID | HAS_START;

flags! { PRESENT_FLAGS:
    /// ID is known.
    HAS_ID = 0;
    /// STATUS is known whole, as the kernel sends it.
    HAS_STATUS = 1;
    /// MARK is known.
    HAS_MARK = 2;
    /// ORIG_ZONE is known.
    HAS_ORIG_ZONE = 3;
    /// REPLY_ZONE is known.
    HAS_REPLY_ZONE = 4;
    /// LABELS are known.
    HAS_LABELS = 5;
    /// TIMEOUT is known.
    HAS_TIMEOUT = 6;
    /// Counters of the original direction are known.
    HAS_ORIG_COUNTERS = 7;
    /// Counters of the reply direction are known.
    HAS_REPLY_COUNTERS = 8;
    /// START_NS is the kernel's.
    HAS_START = 9;
    /// STOP_NS is known.
    HAS_STOP = 10;
    /// HELPER is known.
    HAS_HELPER = 11;
    /// STATE is a TCP state.
    HAS_TCP_STATE = 12;
    /// STATE is an SCTP state.
    HAS_SCTP_STATE = 13;
    /// Ports (TCP, UDP, UDP-Lite, SCTP, DCCP).
    HAS_PORTS = 14;
    /// ICMP or ICMPv6 type, code and identifier.
    HAS_ICMP = 15;
    /// START_NS is an estimate from an age in whole seconds (procfs); never part of identity.
    HAS_START_ESTIMATE = 16;
    /// STATUS holds only seen-reply, assured, confirmed and offload (procfs).
    HAS_STATUS_PART = 17;
    /// TCP_FLAGS are known, and are conntrack's.
    HAS_TCP_FLAGS = 18;
    /// GRE's keys, in place of ports (PPTP's call ids; zero for others).
    HAS_KEYS = 19;
    /// STATE is a DCCP state.
    HAS_DCCP_STATE = 20;
    /// STOP_NS is the time of the event.
    HAS_EVENT_TIME = 21;
    /// TCP_FLAGS are known, and are those of a packet's header.
    HAS_TCP_HEADER = 22;
}

numbers! { EVENT_KINDS:
    /// EVENT: nothing; the connection stands in a dump.
    EVENT_NONE = 0;
    /// EVENT: it was confirmed, with its first packet (IPCTNL_MSG_CT_NEW with NLM_F_CREATE).
    EVENT_NEW = 1;
    /// EVENT: it changed (IPCTNL_MSG_CT_NEW without NLM_F_CREATE).
    EVENT_UPDATE = 2;
    /// EVENT: it has left the table, these are its last counters (IPCTNL_MSG_CT_DELETE).
    EVENT_DESTROY = 3;
    /// EVENT: no connection: a packet that a rule has denied (NFLOG).
    EVENT_DENIED = 4;
}

/// 16 bits in host order at `at`.
#[inline]
pub fn get_u16(row: &[u8; ROW_SIZE], at: usize) -> u16 {
    u16::from_ne_bytes([row[at], row[at + 1]])
}

/// 32 bits in host order at `at`.
#[inline]
pub fn get_u32(row: &[u8; ROW_SIZE], at: usize) -> u32 {
    u32::from_ne_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]])
}

/// Writes 16 bits in host order at `at`.
#[inline]
pub fn put_u16(row: &mut [u8; ROW_SIZE], at: usize, value: u16) {
    row[at..at + 2].copy_from_slice(&value.to_ne_bytes());
}

/// Writes 32 bits in host order at `at`.
#[inline]
pub fn put_u32(row: &mut [u8; ROW_SIZE], at: usize, value: u32) {
    row[at..at + 4].copy_from_slice(&value.to_ne_bytes());
}

/// Writes 64 bits at `at`: two words in host order, the low one first.
#[inline]
pub fn put_u64(row: &mut [u8; ROW_SIZE], at: usize, value: u64) {
    put_u32(row, at, value as u32);
    put_u32(row, at + 4, (value >> 32) as u32);
}

/// What belongs in [`HASH`].
#[inline]
pub fn hash(row: &[u8; ROW_SIZE]) -> u32 {
    const PRIME: u32 = 16777619;
    let mut h: u32 = 2166136261;
    for at in (0..FAMILY).step_by(4) {
        h = (h ^ get_u32(row, at)).wrapping_mul(PRIME);
    }
    h = (h ^ (u32::from(row[FAMILY]) | u32::from(row[PROTOCOL]) << 8)).wrapping_mul(PRIME);
    h = (h ^ get_u32(row, ORIG_ZONE)).wrapping_mul(PRIME);
    h ^= h >> 15;
    h = h.wrapping_mul(0x2c1b3c6d);
    h ^ h >> 12
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_follow_each_other_without_gap_or_overlap() {
        let mut at = 0;
        for field in ROW_FIELDS {
            assert_eq!(field.offset, at, "{}", field.name);
            at += field.kind.size();
        }
        assert_eq!(at, ROW_SIZE);
        for field in FACT_FIELDS {
            assert_eq!(field.offset, at, "{}", field.name);
            at += field.kind.size();
        }
        assert_eq!(at, FIELDS_SIZE);
    }

    #[test]
    fn numbers_are_aligned_for_typed_arrays() {
        for field in ROW_FIELDS.iter().chain(FACT_FIELDS) {
            let unit = match field.kind {
                Kind::U64 => 4,
                Kind::Bytes(_) => 1,
                kind => kind.size(),
            };
            assert_eq!(field.offset % unit, 0, "{}", field.name);
        }
    }

    #[test]
    fn flags_are_distinct() {
        let mut seen = 0u32;
        for (name, bit, _) in PRESENT_FLAGS {
            assert_eq!(seen & (1 << bit), 0, "{name}");
            seen |= 1 << bit;
        }
    }
}
