//! One entry of ctnetlink as a row (linux/netfilter/nfnetlink_conntrack.h, net/netfilter/nf_conntrack_netlink.c).
//!
//! Payloads are in network order on every host. Attributes are applied in their order, a later one over an earlier one of
//! the same type; unknown ones are passed over.

use super::cta;
use crate::netlink::{Attribute, Attributes, Malformed, NFGENMSG};
use crate::row::{self, ip, *};

/// Reads the entry behind a message header into `row`, all of which is written.
///
/// Malformed: a family other than IPv4 and IPv6; a direction without both addresses of that family or without a protocol;
/// two protocols; a known attribute that is too short; an attribute that leaves its container. The content of the row is undefined then.
pub fn read_entry<const LITTLE: bool>(entry: &[u8], row: &mut [u8; ROW_SIZE]) -> Result<(), Malformed> {
    let (generic, attributes) = entry.split_first_chunk::<NFGENMSG>().ok_or(Malformed)?;
    let ipv6 = match generic[0] {
        AF_INET => false,
        AF_INET6 => true,
        _ => return Err(Malformed),
    };
    row.fill(0);
    row[FAMILY] = generic[0];

    let mut present = 0;
    let mut event_time = None;
    let mut original = Direction::default();
    let mut reply = Direction::default();
    for attribute in Attributes::<LITTLE>(attributes) {
        let attribute = attribute?;
        match attribute.kind {
            cta::TUPLE_ORIG => read_tuple::<LITTLE, false>(attribute, ipv6, &mut original, row)?,
            cta::TUPLE_REPLY => read_tuple::<LITTLE, true>(attribute, ipv6, &mut reply, row)?,
            cta::STATUS => {
                put_u32(row, STATUS, attribute.be32()?);
                present |= HAS_STATUS;
            }
            // Whole seconds, left out of the events of a connection that expired.
            cta::TIMEOUT => {
                put_u32(row, TIMEOUT, attribute.be32()?);
                present |= HAS_TIMEOUT;
            }
            // Left out by the kernel where it is zero.
            cta::MARK => {
                put_u32(row, MARK, attribute.be32()?);
                present |= HAS_MARK;
            }
            cta::ID => {
                put_u32(row, ID, attribute.be32()?);
                present |= HAS_ID;
            }
            cta::COUNTERS_ORIG => present |= read_counters::<LITTLE, false>(attribute, row)?,
            cta::COUNTERS_REPLY => present |= read_counters::<LITTLE, true>(attribute, row)?,
            cta::TIMESTAMP => present |= read_timestamp::<LITTLE>(attribute, row)?,
            cta::PROTOINFO => present |= read_state::<LITTLE>(attribute, row)?,
            // The zone of both directions; a zone of one direction stands in that tuple. Zone 0 is left out.
            cta::ZONE => {
                let zone = attribute.be16()?;
                put_u16(row, ORIG_ZONE, zone);
                put_u16(row, REPLY_ZONE, zone);
                present |= HAS_ORIG_ZONE | HAS_REPLY_ZONE;
            }
            // An unsigned long bitmap of up to 128 bits, copied as it stands in the kernel's memory.
            cta::LABELS => {
                put_bytes(row, LABELS, 16, attribute.payload);
                present |= HAS_LABELS;
            }
            cta::HELP => present |= read_helper::<LITTLE>(attribute, row)?,
            // Since Linux 6.14, where timestamps are on.
            cta::TIMESTAMP_EVENT => event_time = Some(attribute.be64()?),
            _ => {}
        }
    }

    // The event of an end has both, and its stop time is the one that leaves out how late the kernel noticed.
    if let Some(time) = event_time
        && present & HAS_STOP == 0
    {
        put_u64(row, STOP_NS, time);
        present |= HAS_EVENT_TIME;
    }
    if !original.is_readable() || !reply.is_readable() || original.protocol != reply.protocol {
        return Err(Malformed);
    }
    row[PROTOCOL] = original.protocol;
    present |= original.present::<false>() | reply.present::<true>();
    put_u32(row, PRESENT, present);
    let hash = row::hash(row);
    put_u32(row, HASH, hash);
    Ok(())
}

/// What was seen of one direction's tuple.
#[derive(Default)]
struct Direction {
    seen: u16,
    protocol: u8,
}

impl Direction {
    const SOURCE: u16 = 1 << 0;
    const DESTINATION: u16 = 1 << 1;
    const PROTOCOL: u16 = 1 << 2;
    const SOURCE_PORT: u16 = 1 << 3;
    const DESTINATION_PORT: u16 = 1 << 4;
    const ICMP_ID: u16 = 1 << 5;
    const ICMP_TYPE: u16 = 1 << 6;
    const ICMP_CODE: u16 = 1 << 7;
    const ZONE: u16 = 1 << 8;

    const READABLE: u16 = Self::SOURCE | Self::DESTINATION | Self::PROTOCOL;
    const PORTS: u16 = Self::SOURCE_PORT | Self::DESTINATION_PORT;
    const ICMP: u16 = Self::ICMP_ID | Self::ICMP_TYPE | Self::ICMP_CODE;

    fn is_readable(&self) -> bool {
        self.has(Self::READABLE)
    }

    fn has(&self, all: u16) -> bool {
        self.seen & all == all
    }

    fn present<const REPLY: bool>(&self) -> u32 {
        if REPLY {
            return if self.has(Self::ZONE) { HAS_REPLY_ZONE } else { 0 };
        }
        let mut present = 0;
        if self.has(Self::ZONE) {
            present |= HAS_ORIG_ZONE;
        }
        present
            | match self.protocol {
                protocol if has_ports(protocol) && self.has(Self::PORTS) => HAS_PORTS,
                ip::GRE if self.has(Self::PORTS) => HAS_KEYS,
                ip::ICMP | ip::ICMPV6 if self.has(Self::ICMP) => HAS_ICMP,
                _ => 0,
            }
    }
}

/// CTA_TUPLE_ORIG and CTA_TUPLE_REPLY.
#[inline(always)] // with constant offsets
fn read_tuple<const LITTLE: bool, const REPLY: bool>(
    tuple: Attribute,
    ipv6: bool,
    direction: &mut Direction,
    row: &mut [u8; ROW_SIZE],
) -> Result<(), Malformed> {
    let (source, destination, zone) = if REPLY {
        (REPLY_SRC, REPLY_DST, REPLY_ZONE)
    } else {
        (ORIG_SRC, ORIG_DST, ORIG_ZONE)
    };
    for attribute in tuple.nested::<LITTLE>() {
        let attribute = attribute?;
        match attribute.kind {
            cta::TUPLE_IP => {
                for address in attribute.nested::<LITTLE>() {
                    let address = address?;
                    // enum ctattr_ip: 1 and 2 are IPv4, 3 and 4 IPv6, source first.
                    let (at, bit) = match (address.kind, ipv6) {
                        (1, false) | (3, true) => (source, Direction::SOURCE),
                        (2, false) | (4, true) => (destination, Direction::DESTINATION),
                        _ => continue,
                    };
                    if ipv6 {
                        row[at..at + 16].copy_from_slice(address.bytes::<16>()?);
                    } else {
                        row[at..at + 4].copy_from_slice(address.bytes::<4>()?);
                    }
                    direction.seen |= bit;
                }
            }
            cta::TUPLE_PROTO => read_protocol::<LITTLE, REPLY>(attribute, direction, row)?,
            cta::TUPLE_ZONE => {
                put_u16(row, zone, attribute.be16()?);
                direction.seen |= Direction::ZONE;
            }
            _ => {}
        }
    }
    Ok(())
}

/// CTA_TUPLE_PROTO, enum ctattr_l4proto. GRE's keys come in the attributes of ports.
#[inline(always)]
fn read_protocol<const LITTLE: bool, const REPLY: bool>(
    protocol: Attribute,
    direction: &mut Direction,
    row: &mut [u8; ROW_SIZE],
) -> Result<(), Malformed> {
    let (sport, dport) = if REPLY {
        (REPLY_SPORT, REPLY_DPORT)
    } else {
        (ORIG_SPORT, ORIG_DPORT)
    };
    for attribute in protocol.nested::<LITTLE>() {
        let attribute = attribute?;
        direction.seen |= match attribute.kind {
            cta::PROTO_NUM => {
                direction.protocol = attribute.u8()?;
                Direction::PROTOCOL
            }
            2 => {
                put_u16(row, sport, attribute.be16()?);
                Direction::SOURCE_PORT
            }
            3 => {
                put_u16(row, dport, attribute.be16()?);
                Direction::DESTINATION_PORT
            }
            // 4 to 6 for ICMP, 7 to 9 for ICMPv6.
            4 | 7 => {
                put_u16(row, sport, attribute.be16()?);
                Direction::ICMP_ID
            }
            5 | 8 => {
                let code = get_u16(row, dport) & 0xff;
                put_u16(row, dport, u16::from(attribute.u8()?) << 8 | code);
                Direction::ICMP_TYPE
            }
            6 | 9 => {
                let kind = get_u16(row, dport) & 0xff00;
                put_u16(row, dport, kind | u16::from(attribute.u8()?));
                Direction::ICMP_CODE
            }
            _ => 0,
        };
    }
    Ok(())
}

/// CTA_COUNTERS_ORIG and CTA_COUNTERS_REPLY, there with nf_conntrack_acct: known when packets and octets are.
#[inline(always)]
fn read_counters<const LITTLE: bool, const REPLY: bool>(
    counters: Attribute,
    row: &mut [u8; ROW_SIZE],
) -> Result<u32, Malformed> {
    let (packets, octets, bit) = if REPLY {
        (REPLY_PACKETS, REPLY_OCTETS, HAS_REPLY_COUNTERS)
    } else {
        (ORIG_PACKETS, ORIG_OCTETS, HAS_ORIG_COUNTERS)
    };
    let (mut has_packets, mut has_octets) = (false, false);
    for attribute in counters.nested::<LITTLE>() {
        let attribute = attribute?;
        match attribute.kind {
            1 => put_u64(row, packets, attribute.be64()?),
            2 => put_u64(row, octets, attribute.be64()?),
            // The old 32-bit forms, no longer sent.
            3 => put_u64(row, packets, attribute.be32()?.into()),
            4 => put_u64(row, octets, attribute.be32()?.into()),
            _ => {}
        }
        has_packets |= matches!(attribute.kind, 1 | 3);
        has_octets |= matches!(attribute.kind, 2 | 4);
    }
    Ok(if has_packets && has_octets { bit } else { 0 })
}

/// CTA_TIMESTAMP, there with nf_conntrack_timestamp; the stop time only in the event of a connection's end.
fn read_timestamp<const LITTLE: bool>(times: Attribute, row: &mut [u8; ROW_SIZE]) -> Result<u32, Malformed> {
    let mut present = 0;
    for attribute in times.nested::<LITTLE>() {
        let attribute = attribute?;
        match attribute.kind {
            1 => {
                put_u64(row, START_NS, attribute.be64()?);
                present |= HAS_START;
            }
            2 => {
                put_u64(row, STOP_NS, attribute.be64()?);
                present |= HAS_STOP;
            }
            _ => {}
        }
    }
    Ok(present)
}

/// CTA_PROTOINFO: TCP is 1, DCCP is 2, SCTP is 3, and in each the state is attribute 1. TCP's flags of each direction are
/// attributes 4 and 5, each the flags and a mask (struct nf_ct_tcp_flags).
fn read_state<const LITTLE: bool>(info: Attribute, row: &mut [u8; ROW_SIZE]) -> Result<u32, Malformed> {
    let mut present = 0;
    for protocol in info.nested::<LITTLE>() {
        let protocol = protocol?;
        let bit = match protocol.kind {
            1 => HAS_TCP_STATE,
            2 => HAS_DCCP_STATE,
            3 => HAS_SCTP_STATE,
            _ => continue,
        };
        let (mut original, mut reply) = (None, None);
        for attribute in protocol.nested::<LITTLE>() {
            let attribute = attribute?;
            match attribute.kind {
                1 => {
                    row[STATE] = attribute.u8()?;
                    present |= bit;
                }
                4 if bit == HAS_TCP_STATE => original = Some(attribute.u8()?),
                5 if bit == HAS_TCP_STATE => reply = Some(attribute.u8()?),
                _ => {}
            }
        }
        if let (Some(original), Some(reply)) = (original, reply) {
            row[TCP_FLAGS] = original & reply;
            present |= HAS_TCP_FLAGS;
        }
    }
    Ok(present)
}

/// CTA_HELP: the name is attribute 1, a C string of at most 15 bytes (NF_CT_HELPER_NAME_LEN is 16).
fn read_helper<const LITTLE: bool>(help: Attribute, row: &mut [u8; ROW_SIZE]) -> Result<u32, Malformed> {
    let mut present = 0;
    for attribute in help.nested::<LITTLE>() {
        let attribute = attribute?;
        if attribute.kind == 1 {
            let end = attribute
                .payload
                .iter()
                .position(|byte| *byte == 0)
                .unwrap_or(attribute.payload.len());
            put_bytes(row, HELPER, 15, &attribute.payload[..end]);
            for byte in &mut row[HELPER..HELPER + end.min(15)] {
                if !matches!(byte, 0x20..=0x7e) {
                    *byte = b'?';
                }
            }
            present |= HAS_HELPER;
        }
    }
    Ok(present)
}

/// The first `room` bytes at most, zeros behind.
fn put_bytes(row: &mut [u8; ROW_SIZE], at: usize, room: usize, bytes: &[u8]) {
    let length = bytes.len().min(room);
    row[at..at + room].fill(0);
    row[at..at + length].copy_from_slice(&bytes[..length]);
}
