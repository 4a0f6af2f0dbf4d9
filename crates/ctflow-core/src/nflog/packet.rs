//! The headers of an IP packet, as far as they were captured, as the tuple of a row.
//!
//! What conntrack takes for the protocol is taken here too (nf_ct_get_tuple): in IPv4 the protocol of the header, in IPv6 what stands
//! behind hop-by-hop options, routing, destination options, fragment and authentication headers.

use crate::netlink::Malformed;
use crate::row::{ip, *};

/// Reads the packet that begins with an IPv4 or IPv6 header into the tuples of `row`: addresses, family, protocol, ports or
/// ICMP's type, code and identifier, TCP's flags, and their bits of PRESENT. The reply tuple is the inverse. The rest of the row must be
/// zero, and stays it. Nothing refers to `packet` afterwards.
///
/// What is not there (later fragments have no ports, a capture may be short) is left out.
/// Malformed: another version, or a header without both addresses.
///
/// Returns the length that the IP header gives, that of the capture where it gives none.
pub fn read_packet(packet: &[u8], row: &mut [u8; ROW_SIZE]) -> Result<u32, Malformed> {
    match packet.first().ok_or(Malformed)? >> 4 {
        4 => read_ipv4(packet, row),
        6 => read_ipv6(packet, row),
        _ => Err(Malformed),
    }
}

/// RFC 791 section 3.1.
fn read_ipv4(packet: &[u8], row: &mut [u8; ROW_SIZE]) -> Result<u32, Malformed> {
    const OFFSET: u16 = 0x1fff;
    let header: &[u8; 20] = packet.first_chunk().ok_or(Malformed)?;
    let length = usize::from(header[0] & 15) * 4;
    if length < header.len() {
        return Err(Malformed);
    }
    row[FAMILY] = AF_INET;
    put_addresses(row, &header[12..16], &header[16..20]);
    let first = u16::from_be_bytes([header[6], header[7]]) & OFFSET == 0;
    let inner = if first { packet.get(length..) } else { None };
    read_transport(header[9], inner.unwrap_or(&[]), row);
    Ok(match u16::from_be_bytes([header[2], header[3]]) {
        // A packet of more than 65,535 octets on its way through the host (BIG TCP).
        0 => packet.len() as u32,
        total => total.into(),
    })
}

/// RFC 8200 sections 3 and 4.
fn read_ipv6(packet: &[u8], row: &mut [u8; ROW_SIZE]) -> Result<u32, Malformed> {
    const HEADER: usize = 40;
    let header: &[u8; HEADER] = packet.first_chunk().ok_or(Malformed)?;
    row[FAMILY] = AF_INET6;
    put_addresses(row, &header[8..24], &header[24..40]);
    let mut payload = u32::from(u16::from_be_bytes([header[4], header[5]]));
    let (mut next, mut rest) = (header[6], &packet[HEADER..]);
    if payload == 0 && next == ip::HOP_BY_HOP {
        payload = jumbo(rest).unwrap_or(0);
    }
    loop {
        let length = match (next, rest) {
            (ip::HOP_BY_HOP | ip::ROUTING | ip::DESTINATION_OPTIONS, &[_, words, ..]) => (usize::from(words) + 1) * 8,
            (ip::AUTHENTICATION, &[_, words, ..]) => (usize::from(words) + 2) * 4,
            (ip::FRAGMENT, &[inner, _, high, low, ..]) if u16::from_be_bytes([high, low]) & 0xfff8 != 0 => {
                (next, rest) = (inner, &[]); // a later one
                break;
            }
            (ip::FRAGMENT, &[_, _, _, _, ..]) => 8,
            _ => break,
        };
        next = rest[0];
        rest = rest.get(length..).unwrap_or(&[]);
    }
    read_transport(next, rest, row);
    Ok((HEADER as u32).saturating_add(payload))
}

/// The length in a jumbo payload option (RFC 2675) that stands first among the hop-by-hop options, as it does where the kernel
/// writes it.
fn jumbo(options: &[u8]) -> Option<u32> {
    match options {
        &[_, _, 0xc2, 4, a, b, c, d, ..] => Some(u32::from_be_bytes([a, b, c, d])),
        _ => None,
    }
}

fn put_addresses(row: &mut [u8; ROW_SIZE], source: &[u8], destination: &[u8]) {
    for (at, address) in [
        (ORIG_SRC, source),
        (ORIG_DST, destination),
        (REPLY_SRC, destination),
        (REPLY_DST, source),
    ] {
        row[at..at + address.len()].copy_from_slice(address);
    }
}

fn read_transport(protocol: u8, header: &[u8], row: &mut [u8; ROW_SIZE]) {
    /// RFC 9293 section 3.1.
    const TCP_CONTROL_BITS: usize = 13;
    row[PROTOCOL] = protocol;
    let mut present = match (protocol, header) {
        (_, &[a, b, c, d, ..]) if has_ports(protocol) => {
            let (source, destination) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            put_ports(row, [source, destination], [destination, source]);
            HAS_PORTS
        }
        (ip::ICMP, &[kind, code, ..]) if row[FAMILY] == AF_INET => {
            put_icmp(row, header, kind, inverse_icmp(kind), code);
            HAS_ICMP
        }
        (ip::ICMPV6, &[kind, code, ..]) if row[FAMILY] == AF_INET6 => {
            put_icmp(row, header, kind, inverse_icmpv6(kind), code);
            HAS_ICMP
        }
        _ => 0,
    };
    if protocol == ip::TCP
        && let Some(flags) = header.get(TCP_CONTROL_BITS)
    {
        row[TCP_FLAGS] = *flags;
        present |= HAS_TCP_HEADER;
    }
    put_u32(row, PRESENT, present);
}

fn put_ports(row: &mut [u8; ROW_SIZE], original: [u16; 2], reply: [u16; 2]) {
    for (at, [source, destination]) in [(ORIG_SPORT, original), (REPLY_SPORT, reply)] {
        put_u16(row, at, source);
        put_u16(row, at + 2, destination);
    }
}

/// Only queries and their answers have an identifier, and an inverse.
fn put_icmp(row: &mut [u8; ROW_SIZE], header: &[u8], kind: u8, inverse: Option<u8>, code: u8) {
    let id = match (inverse, header) {
        (Some(_), &[_, _, _, _, high, low, ..]) => u16::from_be_bytes([high, low]),
        _ => 0,
    };
    let typed = |kind: u8| u16::from_be_bytes([kind, code]);
    put_ports(row, [id, typed(kind)], [id, typed(inverse.unwrap_or(kind))]);
}

/// nf_conntrack_invert_icmp_tuple.
fn inverse_icmp(kind: u8) -> Option<u8> {
    Some(match kind {
        0 => 8,
        8 => 0,
        13 => 14,
        14 => 13,
        15 => 16,
        16 => 15,
        17 => 18,
        18 => 17,
        _ => return None,
    })
}

/// nf_conntrack_invert_icmpv6_tuple.
fn inverse_icmpv6(kind: u8) -> Option<u8> {
    Some(match kind {
        128 => 129,
        129 => 128,
        139 => 140,
        140 => 139,
        _ => return None,
    })
}
