//! Entries of ctnetlink from literal bytes, attribute by attribute.

use crate::builders::*;
use ctflow_core::row::*;

fn u64_at(row: &[u8; ROW_SIZE], at: usize) -> u64 {
    u64::from(get_u32(row, at)) | u64::from(get_u32(row, at + 4)) << 32
}

const TUPLE_FACTS: u32 = HAS_PORTS;

#[test]
fn both_tuples_with_their_ports() {
    let row = row_of(&udp(&[]));
    assert_eq!(
        row[ORIG_SRC..ORIG_SRC + 16],
        [192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    );
    assert_eq!(row[ORIG_DST..ORIG_DST + 4], [198, 51, 100, 2]);
    assert_eq!(row[REPLY_SRC..REPLY_SRC + 4], [198, 51, 100, 2]);
    assert_eq!(
        row[REPLY_DST..REPLY_DST + 16],
        [203, 0, 113, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    );
    assert_eq!((get_u16(&row, ORIG_SPORT), get_u16(&row, ORIG_DPORT)), (1024, 53));
    assert_eq!((get_u16(&row, REPLY_SPORT), get_u16(&row, REPLY_DPORT)), (53, 40000));
    assert_eq!((row[FAMILY], row[PROTOCOL]), (2, 17));
    assert_eq!(get_u32(&row, PRESENT), TUPLE_FACTS, "nothing else is known");
    assert!(
        row[ID..HASH].iter().chain(&row[ORIG_PACKETS..]).all(|byte| *byte == 0),
        "what is unknown is zero"
    );
}

#[test]
fn ipv6_addresses_fill_their_sixteen_bytes() {
    #[rustfmt::skip]
    let tuple = |kind: u8, last: [u8; 2]| -> Vec<u8> { vec![
        76, 0, kind, 0x80,
            44, 0, 1, 0x80,
                20, 0, 3, 0, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last[0],
                20, 0, 4, 0, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last[1],
            28, 0, 2, 0x80,  5, 0, 1, 0, 6, 0, 0, 0,  6, 0, 2, 0, 0, 80, 0, 0,  6, 0, 3, 0, 1, 0xbb, 0, 0,
    ] };
    let (original, reply) = (tuple(1, [1, 2]), tuple(2, [2, 1]));
    let row = row_of(&entry(10, &[&original, &reply]));
    assert_eq!(row[FAMILY], 10);
    assert_eq!(
        row[ORIG_SRC..ORIG_SRC + 16],
        [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    );
    assert_eq!(
        row[REPLY_SRC..REPLY_SRC + 16],
        [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    );
    assert!(
        is_malformed(&entry(2, &[&original, &reply])),
        "IPv4 entries have IPv4 addresses"
    );
    assert!(
        is_malformed(&entry(10, &[ORIGINAL, REPLY])),
        "and IPv6 entries IPv6 ones"
    );
}

/// The reply of an echo request has type 0, and the same identifier.
#[test]
fn icmp_type_code_and_identifier_stand_in_the_port_slots() {
    #[rustfmt::skip]
    let tuple = |kind: u8, icmp: u8| -> Vec<u8> { vec![
        60, 0, kind, 0x80,
            20, 0, 1, 0x80,  8, 0, 1, 0, 192, 0, 2, 1,  8, 0, 2, 0, 192, 0, 2, 2,
            36, 0, 2, 0x80,  5, 0, 1, 0, 1, 0, 0, 0,
                6, 0, 4, 0, 0x12, 0x34, 0, 0,  5, 0, 5, 0, icmp, 0, 0, 0,  5, 0, 6, 0, 3, 0, 0, 0,
    ] };
    let row = row_of(&entry(2, &[&tuple(1, 8), &tuple(2, 0)]));
    assert_eq!((get_u16(&row, ORIG_SPORT), get_u16(&row, ORIG_DPORT)), (0x1234, 0x0803));
    assert_eq!(
        (get_u16(&row, REPLY_SPORT), get_u16(&row, REPLY_DPORT)),
        (0x1234, 0x0003)
    );
    assert_eq!(get_u32(&row, PRESENT), HAS_ICMP);
}

/// ICMPv6 has attributes of its own numbers, 7 to 9.
#[test]
fn icmpv6_has_its_own_attributes() {
    #[rustfmt::skip]
    let tuple = |kind: u8, icmp: u8| -> Vec<u8> { vec![
        84, 0, kind, 0x80,
            44, 0, 1, 0x80,
                20, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
                20, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
            36, 0, 2, 0x80,  5, 0, 1, 0, 58, 0, 0, 0,
                6, 0, 7, 0, 0, 9, 0, 0,  5, 0, 8, 0, icmp, 0, 0, 0,  5, 0, 9, 0, 0, 0, 0, 0,
    ] };
    let row = row_of(&entry(10, &[&tuple(1, 128), &tuple(2, 129)]));
    assert_eq!((get_u16(&row, ORIG_SPORT), get_u16(&row, ORIG_DPORT)), (9, 128 << 8));
    assert_eq!((get_u16(&row, REPLY_SPORT), get_u16(&row, REPLY_DPORT)), (9, 129 << 8));
    assert_eq!(get_u32(&row, PRESENT), HAS_ICMP);
}

/// A protocol without ports has CTA_PROTO_NUM alone.
#[test]
fn a_protocol_without_ports() {
    #[rustfmt::skip]
    let tuple = |kind: u8| -> Vec<u8> { vec![
        36, 0, kind, 0x80,
            20, 0, 1, 0x80,  8, 0, 1, 0, 192, 0, 2, 1,  8, 0, 2, 0, 192, 0, 2, 2,
            12, 0, 2, 0x80,  5, 0, 1, 0, 50, 0, 0, 0,
    ] };
    let row = row_of(&entry(2, &[&tuple(1), &tuple(2)]));
    assert_eq!((row[PROTOCOL], get_u32(&row, PRESENT)), (50, 0));
}

/// Assured, confirmed, seen reply and the NAT bits of enum ip_conntrack_status.
#[test]
fn status() {
    let row = row_of(&udp(&[&[8, 0, 3, 0, 0, 0, 0x01, 0x9e]]));
    assert_eq!(
        (get_u32(&row, STATUS), get_u32(&row, PRESENT)),
        (0x19e, TUPLE_FACTS | HAS_STATUS)
    );
}

#[test]
fn timeout_in_seconds() {
    let row = row_of(&udp(&[&[8, 0, 7, 0, 0, 6, 0x97, 0x80]]));
    assert_eq!(
        (get_u32(&row, TIMEOUT), get_u32(&row, PRESENT)),
        (432_000, TUPLE_FACTS | HAS_TIMEOUT)
    );
}

/// The kernel leaves a zero mark out.
#[test]
fn mark() {
    let row = row_of(&udp(&[&[8, 0, 8, 0, 0xff, 0, 0, 1]]));
    assert_eq!(
        (get_u32(&row, MARK), get_u32(&row, PRESENT)),
        (0xff00_0001, TUPLE_FACTS | HAS_MARK)
    );
}

#[test]
fn id() {
    let row = row_of(&udp(&[&[8, 0, 12, 0, 0xde, 0xad, 0xbe, 0xef]]));
    assert_eq!(
        (get_u32(&row, ID), get_u32(&row, PRESENT)),
        (0xdead_beef, TUPLE_FACTS | HAS_ID)
    );
}

/// CTA_ZONE stands for both directions; a zone of one direction stands in its tuple (CTA_TUPLE_ZONE).
#[test]
fn zones() {
    let row = row_of(&udp(&[&[6, 0, 18, 0, 0x01, 0x02, 0, 0]]));
    assert_eq!((get_u16(&row, ORIG_ZONE), get_u16(&row, REPLY_ZONE)), (0x102, 0x102));
    assert_eq!(get_u32(&row, PRESENT), TUPLE_FACTS | HAS_ORIG_ZONE | HAS_REPLY_ZONE);

    let zone = [6, 0, 3, 0, 0, 6, 0, 0];
    let mut original = [ORIGINAL, &zone].concat();
    original[0] += 8;
    let row = row_of(&entry(2, &[&original, REPLY]));
    assert_eq!((get_u16(&row, ORIG_ZONE), get_u16(&row, REPLY_ZONE)), (6, 0));
    assert_eq!(get_u32(&row, PRESENT), TUPLE_FACTS | HAS_ORIG_ZONE);

    let mut reply = [REPLY, &zone].concat();
    reply[0] += 8;
    let row = row_of(&entry(2, &[ORIGINAL, &reply]));
    assert_eq!((get_u16(&row, ORIG_ZONE), get_u16(&row, REPLY_ZONE)), (0, 6));
    assert_eq!(get_u32(&row, PRESENT), TUPLE_FACTS | HAS_REPLY_ZONE);
}

/// Up to 128 bits, copied as they are.
#[test]
fn labels() {
    let mut sixteen = vec![20, 0, 22, 0];
    sixteen.extend(1..=16);
    let row = row_of(&udp(&[&sixteen]));
    assert_eq!(
        row[LABELS..LABELS + 16],
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
    );
    assert_eq!(get_u32(&row, PRESENT), TUPLE_FACTS | HAS_LABELS);

    let row = row_of(&udp(&[&[8, 0, 22, 0, 1, 2, 3, 4]]));
    assert_eq!(
        row[LABELS..LABELS + 16],
        [1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        "a shorter one"
    );

    let mut twenty = vec![24, 0, 22, 0];
    twenty.extend(1..=20);
    let row = row_of(&udp(&[&twenty]));
    assert_eq!(
        row[LABELS..HELPER + 1],
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0],
        "a longer one"
    );
}

/// CTA_PROTOINFO_TCP_STATE and the flags of both directions; what is kept of the flags is what both have.
#[test]
fn tcp_state_and_flags() {
    #[rustfmt::skip]
    let info = [
        32, 0, 4, 0x80, 28, 0, 1, 0x80,
            5, 0, 1, 0, 3, 0, 0, 0,  6, 0, 4, 0, 0x2b, 0xff, 0, 0,  6, 0, 5, 0, 0x1a, 0xff, 0, 0,
    ];
    let row = row_of(&udp(&[&info]));
    assert_eq!((row[STATE], row[TCP_FLAGS]), (3, 0x0a));
    assert_eq!(get_u32(&row, PRESENT), TUPLE_FACTS | HAS_TCP_STATE | HAS_TCP_FLAGS);

    let row = row_of(&udp(&[&[16, 0, 4, 0x80, 12, 0, 1, 0x80, 5, 0, 1, 0, 8, 0, 0, 0]]));
    assert_eq!(
        (row[STATE], row[TCP_FLAGS]),
        (8, 0),
        "the event of an end has the state alone"
    );
    assert_eq!(get_u32(&row, PRESENT), TUPLE_FACTS | HAS_TCP_STATE);
}

#[test]
fn sctp_state() {
    let row = row_of(&udp(&[&[16, 0, 4, 0x80, 12, 0, 3, 0x80, 5, 0, 1, 0, 4, 0, 0, 0]]));
    assert_eq!((row[STATE], get_u32(&row, PRESENT)), (4, TUPLE_FACTS | HAS_SCTP_STATE));
}

/// CTA_TIMESTAMP_EVENT, since Linux 6.14; the event of an end has a stop time, which stands.
#[test]
fn the_time_of_an_event_stands_in_place_of_a_stop_time() {
    let event = [12, 0, 27, 0, 0, 0, 0, 0, 0, 0, 0, 9];
    let row = row_of(&udp(&[&event]));
    assert_eq!(u64_at(&row, STOP_NS), 9);
    assert_eq!(get_u32(&row, PRESENT), TUPLE_FACTS | HAS_EVENT_TIME);

    let stop = [16, 0, 20, 0x80, 12, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 5];
    for order in [[&event[..], &stop], [&stop, &event]] {
        let row = row_of(&udp(&order));
        assert_eq!(u64_at(&row, STOP_NS), 5);
        assert_eq!(get_u32(&row, PRESENT), TUPLE_FACTS | HAS_STOP);
    }
}

#[test]
fn dccp_state() {
    let row = row_of(&udp(&[&[16, 0, 4, 0x80, 12, 0, 2, 0x80, 5, 0, 1, 0, 4, 0, 0, 0]]));
    assert_eq!((row[STATE], get_u32(&row, PRESENT)), (4, TUPLE_FACTS | HAS_DCCP_STATE));
}

#[test]
fn other_protocol_information_is_passed_over() {
    let row = row_of(&udp(&[&[16, 0, 4, 0x80, 12, 0, 4, 0x80, 5, 0, 1, 0, 4, 0, 0, 0]]));
    assert_eq!((row[STATE], get_u32(&row, PRESENT)), (0, TUPLE_FACTS));
}

#[test]
fn counters_of_both_directions_are_exact_to_the_last_bit() {
    #[rustfmt::skip]
    let counters = [
        28, 0, 9, 0x80,
            12, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,  12, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 2,
        28, 0, 10, 0x80,
            12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 3,  12, 0, 2, 0, 0x80, 0, 0, 0, 0, 0, 0, 4,
    ];
    let row = row_of(&udp(&[&counters]));
    assert_eq!(u64_at(&row, ORIG_PACKETS), u64::MAX);
    assert_eq!(u64_at(&row, ORIG_OCTETS), 0x1_0000_0002);
    assert_eq!(u64_at(&row, REPLY_PACKETS), 3);
    assert_eq!(u64_at(&row, REPLY_OCTETS), 0x8000_0000_0000_0004);
    assert_eq!(
        get_u32(&row, PRESENT),
        TUPLE_FACTS | HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS
    );
}

#[test]
fn counters_in_the_old_32_bit_form() {
    let row = row_of(&udp(&[&[
        20, 0, 9, 0x80, 8, 0, 3, 0, 0, 0, 0, 5, 8, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
    ]]));
    assert_eq!(
        (u64_at(&row, ORIG_PACKETS), u64_at(&row, ORIG_OCTETS)),
        (5, 0xffff_ffff)
    );
    assert_eq!(get_u32(&row, PRESENT), TUPLE_FACTS | HAS_ORIG_COUNTERS);
}

#[test]
fn packets_without_octets_are_no_counters() {
    let row = row_of(&udp(&[&[16, 0, 9, 0x80, 12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 3]]));
    assert_eq!(get_u32(&row, PRESENT), TUPLE_FACTS);
}

/// Nanoseconds since 1970 in network order: 2023-11-14 22:13:20 and a second later.
#[test]
fn start_and_stop() {
    #[rustfmt::skip]
    let times = [
        28, 0, 20, 0x80,
            12, 0, 1, 0, 0x17, 0x97, 0x9c, 0xfe, 0x36, 0x2a, 0, 0,  12, 0, 2, 0, 0x17, 0x97, 0x9c, 0xfe, 0x71, 0xc4, 0xca, 0,
    ];
    let row = row_of(&udp(&[&times]));
    assert_eq!(u64_at(&row, START_NS), 1_700_000_000_000_000_000);
    assert_eq!(u64_at(&row, STOP_NS), 1_700_000_001_000_000_000);
    assert_eq!(get_u32(&row, PRESENT), TUPLE_FACTS | HAS_START | HAS_STOP);

    let row = row_of(&udp(&[&[16, 0, 20, 0x80, 12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]]));
    assert_eq!((u64_at(&row, START_NS), u64_at(&row, STOP_NS)), (1, 0));
    assert_eq!(get_u32(&row, PRESENT), TUPLE_FACTS | HAS_START);
}

/// CTA_HELP_NAME is a C string; CTA_HELP_INFO (2) may follow.
#[test]
fn helper() {
    let row = row_of(&udp(&[&[
        20, 0, 5, 0x80, 8, 0, 1, 0, b'f', b't', b'p', 0, 8, 0, 2, 0, 1, 2, 3, 4,
    ]]));
    assert_eq!(&row[HELPER..HELPER + 5], b"ftp\0\0");
    assert_eq!(get_u32(&row, PRESENT), TUPLE_FACTS | HAS_HELPER);

    let row = row_of(&udp(&[&[12, 0, 5, 0x80, 8, 0, 1, 0, b'a', 0x7f, b' ', 0xc3]]));
    assert_eq!(&row[HELPER..HELPER + 5], b"a? ?\0", "what is not printable ASCII");

    let mut long = vec![28, 0, 5, 0x80, 24, 0, 1, 0];
    long.extend(b"abcdefghijklmnopqrst");
    let row = row_of(&udp(&[&long]));
    assert_eq!(&row[HELPER..HELPER + 16], b"abcdefghijklmno\0", "15 bytes at most");
}

/// NAT sequence adjustment, the master tuple, a use count: known to the kernel, of no use here.
#[test]
fn other_attributes_are_passed_over() {
    let row = row_of(&udp(&[&[8, 0, 11, 0, 0, 0, 0, 2], &[4, 0, 99, 0]]));
    assert_eq!(get_u32(&row, PRESENT), TUPLE_FACTS);
}

#[test]
fn a_later_attribute_stands_over_an_earlier_one() {
    let row = row_of(&udp(&[&[8, 0, 8, 0, 0, 0, 0, 1], &[8, 0, 8, 0, 0, 0, 0, 2]]));
    assert_eq!(get_u32(&row, MARK), 2);
}

#[test]
fn a_row_without_both_tuples_is_malformed() {
    assert!(is_malformed(&entry(2, &[ORIGINAL])));
    assert!(is_malformed(&entry(2, &[REPLY])));
    assert!(is_malformed(&entry(2, &[])));
    assert!(
        is_malformed(&message(NEW, 0, &[&[2, 0, 0]])),
        "not even a whole nfgenmsg"
    );
    assert!(is_malformed(&entry(7, &[ORIGINAL, REPLY])), "an unknown family");

    let mut tcp = REPLY.to_vec();
    tcp[32] = 6;
    assert!(is_malformed(&entry(2, &[ORIGINAL, &tcp])), "two protocols");
    let mut nameless = REPLY.to_vec();
    nameless[30] = 99;
    assert!(is_malformed(&entry(2, &[ORIGINAL, &nameless])), "no protocol");
}

#[test]
fn attributes_that_are_too_short_are_malformed() {
    let short: &[&[u8]] = &[
        &[7, 0, 3, 0, 0, 0, 1, 0],                    // status
        &[7, 0, 7, 0, 0, 0, 1, 0],                    // timeout
        &[7, 0, 8, 0, 0, 0, 1, 0],                    // mark
        &[7, 0, 12, 0, 0, 0, 1, 0],                   // id
        &[5, 0, 18, 0, 0, 0, 0, 0],                   // zone
        &[12, 0, 9, 0x80, 8, 0, 1, 0, 0, 0, 0, 1],    // 64-bit packets
        &[12, 0, 9, 0x80, 8, 0, 2, 0, 0, 0, 0, 1],    // 64-bit octets
        &[12, 0, 9, 0x80, 7, 0, 3, 0, 0, 0, 0, 1],    // 32-bit packets
        &[12, 0, 9, 0x80, 7, 0, 4, 0, 0, 0, 0, 1],    // 32-bit octets
        &[12, 0, 20, 0x80, 8, 0, 1, 0, 0, 0, 0, 1],   // start
        &[12, 0, 20, 0x80, 8, 0, 2, 0, 0, 0, 0, 1],   // stop
        &[12, 0, 4, 0x80, 8, 0, 1, 0x80, 4, 0, 1, 0], // TCP state
        &[12, 0, 4, 0x80, 8, 0, 1, 0x80, 4, 0, 4, 0], // TCP flags
        &[12, 0, 1, 0x80, 8, 0, 1, 0x80, 4, 0, 1, 0], // source address
        &[12, 0, 1, 0x80, 8, 0, 2, 0x80, 4, 0, 1, 0], // protocol
        &[12, 0, 1, 0x80, 8, 0, 2, 0x80, 4, 0, 2, 0], // source port
        &[12, 0, 1, 0x80, 8, 0, 2, 0x80, 4, 0, 6, 0], // ICMP code
        &[8, 0, 1, 0x80, 4, 0, 3, 0],                 // zone of a direction
    ];
    for (number, attribute) in short.iter().enumerate() {
        assert!(is_malformed(&udp(&[attribute])), "number {number}");
    }
}

#[test]
fn lengths_that_leave_their_container_are_malformed() {
    assert!(is_malformed(&udp(&[&[3, 0, 8, 0]])), "shorter than its own header");
    assert!(is_malformed(&udp(&[&[0, 0, 8, 0]])), "zero: would never end");
    assert!(is_malformed(&udp(&[&[9, 0, 8, 0, 0, 0, 0, 1]])), "past the message");
    assert!(
        is_malformed(&udp(&[&[8, 0, 9, 0x80, 12, 0, 1, 0]])),
        "past the attribute around it"
    );
    assert_eq!(
        get_u32(&row_of(&udp(&[&[8, 0, 8, 0, 0, 0, 0, 1], &[1, 2, 3]])), MARK),
        1,
        "up to three bytes are padding"
    );
}

/// The specification stands at HASH in row.rs; the numbers here were worked out by another program.
#[test]
fn hash_of_the_tuple() {
    let row = row_of(&udp(&[]));
    #[cfg(target_endian = "little")]
    assert_eq!(get_u32(&row, HASH), 0x5e325b38);
    let other = row_of(&udp(&[
        &[8, 0, 12, 0, 1, 2, 3, 4],
        &[8, 0, 3, 0, 0, 0, 0, 8],
        &[8, 0, 8, 0, 0, 0, 0, 1],
    ]));
    assert_eq!(
        get_u32(&row, HASH),
        get_u32(&other, HASH),
        "never of the id, the status or the mark"
    );
    let zone = row_of(&udp(&[&[6, 0, 18, 0, 0, 1, 0, 0]]));
    assert_ne!(get_u32(&row, HASH), get_u32(&zone, HASH), "but of the zone");
}
