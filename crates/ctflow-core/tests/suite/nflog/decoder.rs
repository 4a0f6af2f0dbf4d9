//! Logged packets from literal bytes; the socket and the thread are tested from TypeScript, on the kernel.
#![cfg(target_endian = "little")] // the messages are a little-endian kernel's

use ctflow_core::nflog::{MOST_PREFIXES, NflogCounts, NflogDecoder, PrefixTable, read_packet};
use ctflow_core::row::Filter;
use ctflow_core::row::*;

const GROUP: u16 = 5;
const RECEIVED: u64 = 1_700_000_000_123_456_789;

fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u16 + 4).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn message(kind: u16, group: u16, attributes: &[Vec<u8>]) -> Vec<u8> {
    let body = attributes.concat();
    let mut bytes = (20 + body.len() as u32).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend([0; 10]);
    bytes.extend([2, 0]);
    bytes.extend(group.to_be_bytes());
    bytes.extend(body);
    bytes
}

/// As the kernel writes it in the forward hook.
fn logged(sequence: u32, prefix: &str, packet: &[u8]) -> Vec<u8> {
    let time = [1_700_000_000u64.to_be_bytes(), 5u64.to_be_bytes()].concat();
    message(
        0x0400,
        GROUP,
        &[
            attribute(1, &[8, 0, 2, 0]),
            attribute(10, format!("{prefix}\0").as_bytes()),
            attribute(3, &time),
            attribute(9, packet),
            attribute(12, &sequence.to_be_bytes()),
        ],
    )
}

fn decode(
    decoder: &mut NflogDecoder,
    datagram: &[u8],
    prefixes: &mut PrefixTable,
) -> (Vec<[u8; ROW_SIZE]>, NflogCounts) {
    let (mut rows, mut counts) = (Vec::new(), NflogCounts::default());
    decoder.decode(datagram, RECEIVED, prefixes, &mut rows, &mut counts);
    (rows.as_chunks().0.to_vec(), counts)
}

fn decode_all(datagram: &[u8]) -> (Vec<[u8; ROW_SIZE]>, NflogCounts) {
    decode(
        &mut NflogDecoder::new(&[GROUP], Filter::default()),
        datagram,
        &mut PrefixTable::new(),
    )
}

/// An IPv4 packet of 1,000 octets of which `inner` was captured.
fn ipv4(protocol: u8, fragment: u16, inner: &[u8]) -> Vec<u8> {
    let [high, low] = fragment.to_be_bytes();
    let header = [
        0x45, 0, 3, 232, 0, 0, high, low, 64, protocol, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2,
    ];
    [&header, inner].concat()
}

/// An IPv6 packet with 100 octets behind its header.
fn ipv6(next: u8, inner: &[u8]) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0, 0, 100, next, 64, 0x20, 1, 0x0d, 0xb8];
    header.resize(23, 0);
    header.extend([1, 0x20, 1, 0x0d, 0xb8]);
    header.resize(39, 0);
    header.push(2);
    [&header, inner].concat()
}

/// 40000 to 443.
const PORTS: [u8; 8] = [0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 0];

fn row_of(packet: &[u8]) -> ([u8; ROW_SIZE], u32) {
    let mut row = [0; ROW_SIZE];
    let octets = read_packet(packet, &mut row).unwrap();
    (row, octets)
}

fn ports_of(row: &[u8; ROW_SIZE]) -> Option<[u16; 4]> {
    let known = get_u32(row, PRESENT) & (HAS_PORTS | HAS_ICMP) != 0;
    known.then(|| [ORIG_SPORT, ORIG_DPORT, REPLY_SPORT, REPLY_DPORT].map(|at| get_u16(row, at)))
}

#[test]
fn a_packet_is_a_row() {
    let mut prefixes = PrefixTable::new();
    let mut decoder = NflogDecoder::new(&[GROUP], Filter::default());
    let datagram = logged(0, "ctflow:drop:in:prod/web:ssh", &ipv4(17, 0, &PORTS));
    let (rows, counts) = decode(&mut decoder, &datagram, &mut prefixes);
    let row = rows[0];
    assert_eq!(
        counts,
        NflogCounts {
            packets: 1,
            ..NflogCounts::default()
        }
    );
    assert_eq!(get_u32(&row, PRESENT), HAS_PORTS | HAS_ORIG_COUNTERS | HAS_START);
    assert_eq!((row[FAMILY], row[PROTOCOL], row[STATE]), (2, 17, 2));
    assert_eq!(row[ORIG_SRC..ORIG_SRC + 5], [192, 0, 2, 1, 0]);
    assert_eq!(row[ORIG_DST..ORIG_DST + 5], [198, 51, 100, 2, 0]);
    assert_eq!(row[REPLY_SRC..REPLY_SRC + 5], [198, 51, 100, 2, 0]);
    assert_eq!(row[REPLY_DST..REPLY_DST + 5], [192, 0, 2, 1, 0]);
    assert_eq!(ports_of(&row), Some([40_000, 443, 443, 40_000]));
    let wide = |at| u64::from(get_u32(&row, at)) + (u64::from(get_u32(&row, at + 4)) << 32);
    assert_eq!(
        [ORIG_PACKETS, ORIG_OCTETS, REPLY_PACKETS, REPLY_OCTETS].map(wide),
        [1, 1000, 0, 0]
    );
    assert_eq!(wide(START_NS), 1_700_000_000_000_005_000);
    assert_eq!(get_u32(&row, EVENT), EVENT_DENIED);
    assert_eq!(
        prefixes.get(get_u32(&row, RULE)),
        Some((GROUP, &b"ctflow:drop:in:prod/web:ssh"[..]))
    );
}

/// antrea-io/antrea#3795: addresses of two connections mixed, because they pointed into a packet that was overwritten by the next one.
#[test]
fn a3795_values_are_copied_out_of_the_packet_before_it_is_reused() {
    let mut decoder = NflogDecoder::new(&[GROUP], Filter::default());
    let mut prefixes = PrefixTable::new();
    let (mut rows, mut counts) = (Vec::new(), NflogCounts::default());
    let mut buffer = logged(0, "first", &ipv4(6, 0, &PORTS));
    decoder.decode(&buffer, RECEIVED, &mut prefixes, &mut rows, &mut counts);
    let first = rows.clone();
    buffer.fill(0xff);
    buffer.copy_from_slice(&logged(1, "other", &ipv4(17, 0, &[1; 8])));
    decoder.decode(&buffer, RECEIVED, &mut prefixes, &mut rows, &mut counts);
    buffer.fill(0xff);
    assert_eq!(rows[..ROW_SIZE], first);
    let both = rows.as_chunks::<ROW_SIZE>().0;
    assert_eq!(both.iter().map(|row| row[PROTOCOL]).collect::<Vec<_>>(), [6, 17]);
    assert_eq!(ports_of(&both[0]), Some([40_000, 443, 443, 40_000]));
    assert_eq!(ports_of(&both[1]), Some([257; 4]));
    assert_eq!(prefixes.get(get_u32(&both[0], RULE)), Some((GROUP, &b"first"[..])));
    assert_eq!(prefixes.get(get_u32(&both[1], RULE)), Some((GROUP, &b"other"[..])));
}

#[test]
fn one_tuple_under_two_rules_hashes_apart() {
    let datagram = [
        logged(0, "a", &ipv4(6, 0, &PORTS)),
        logged(1, "b", &ipv4(6, 0, &PORTS)),
        logged(2, "a", &ipv4(6, 0, &PORTS)),
    ];
    let (rows, _) = decode_all(&datagram.concat());
    let keys: Vec<_> = rows
        .iter()
        .map(|row| (get_u32(row, RULE), get_u32(row, HASH)))
        .collect();
    assert_eq!(keys[0], keys[2]);
    assert_ne!(keys[0].0, keys[1].0);
    assert_ne!(keys[0].1, keys[1].1);
}

#[test]
fn the_hooks_without_a_time_have_that_of_the_reading() {
    let packet = ipv4(6, 0, &PORTS);
    let (rows, _) = decode_all(&message(
        0x0400,
        GROUP,
        &[attribute(1, &[8, 0, 3, 0]), attribute(9, &packet)],
    ));
    assert_eq!(get_u32(&rows[0], PRESENT) & HAS_START, 0);
    assert_eq!(get_u32(&rows[0], START_NS), RECEIVED as u32);
    assert_eq!(get_u32(&rows[0], START_NS + 4), (RECEIVED >> 32) as u32);
    // no prefix of this group has a number, too
    assert_eq!((rows[0][STATE], get_u32(&rows[0], RULE)), (3, 1));
}

#[test]
fn ipv6_extension_headers_are_passed_over() {
    const TCP: u8 = 6;
    for (name, first, inner) in [
        ("none", TCP, vec![]),
        ("hop-by-hop", 0, vec![TCP, 0, 1, 4, 0, 0, 0, 0]),
        ("routing of 24 octets", 43, [vec![TCP, 2], vec![0; 22]].concat()),
        ("destination options", 60, vec![TCP, 0, 1, 4, 0, 0, 0, 0]),
        ("first fragment", 44, vec![TCP, 0, 0, 1, 0, 0, 0, 9]),
        ("authentication of 24 octets", 51, [vec![TCP, 4], vec![7; 22]].concat()),
        (
            "all of them",
            0,
            [
                &[
                    60, 0, 1, 4, 0, 0, 0, 0, 43, 0, 1, 4, 0, 0, 0, 0, 44, 0, 0, 0, 0, 0, 0, 0,
                ][..],
                &[51, 0, 0, 1, 0, 0, 0, 9, TCP, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ]
            .concat(),
        ),
    ] {
        let (row, octets) = row_of(&ipv6(first, &[inner, PORTS.to_vec()].concat()));
        assert_eq!((row[FAMILY], row[PROTOCOL], octets), (10, TCP, 140), "{name}");
        assert_eq!(ports_of(&row), Some([40_000, 443, 443, 40_000]), "{name}");
        assert_eq!(
            row[ORIG_SRC..ORIG_SRC + 16],
            [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        );
        assert_eq!(row[REPLY_SRC..REPLY_SRC + 16], row[ORIG_DST..ORIG_DST + 16]);
    }
}

/// nf_ct_get_tuple takes the IPv4 header's protocol as it is.
#[test]
fn an_authentication_header_is_the_protocol_of_ipv4() {
    let (row, _) = row_of(&ipv4(51, 0, &[6, 4, 0, 0, 0, 0]));
    assert_eq!((row[PROTOCOL], ports_of(&row)), (51, None));
}

#[test]
fn a_jumbogram_is_as_long_as_its_option_says() {
    let mut packet = ipv6(0, &[&[6, 0, 0xc2, 4, 0, 1, 0x11, 0x70][..], &PORTS].concat());
    packet[4..6].fill(0);
    assert_eq!(row_of(&packet).1, 70_000 + 40);
}

#[test]
fn every_protocol_with_ports_has_them() {
    for protocol in [6, 17, 33, 132, 136] {
        assert_eq!(
            ports_of(&row_of(&ipv4(protocol, 0, &PORTS)).0),
            Some([40_000, 443, 443, 40_000]),
            "{protocol}"
        );
    }
    assert_eq!(ports_of(&row_of(&ipv4(47, 0, &PORTS)).0), None);
}

#[test]
fn tcp_has_the_flags_of_its_header_where_they_were_captured() {
    let flags = |protocol: u8, captured: usize| {
        let header = [&PORTS[..], &[0, 0, 0, 0, 0x50, 0x12, 0, 0]].concat();
        let row = row_of(&ipv4(protocol, 0, &header[..captured])).0;
        (get_u32(&row, PRESENT), row[TCP_FLAGS])
    };
    assert_eq!(flags(6, 14), (HAS_PORTS | HAS_TCP_HEADER, 0x12));
    assert_eq!(flags(6, 13), (HAS_PORTS, 0));
    assert_eq!(flags(17, 16), (HAS_PORTS, 0));
}

#[test]
fn icmp_has_type_code_and_identifier() {
    let icmp = |packet: Vec<u8>| row_of(&packet).0;
    let request = icmp(ipv4(1, 0, &[8, 0, 0, 0, 0x12, 0x34, 0, 1]));
    assert_eq!(get_u32(&request, PRESENT), HAS_ICMP);
    assert_eq!(ports_of(&request), Some([0x1234, 8 << 8, 0x1234, 0]));
    // destination unreachable: what follows is no identifier, and there is no answer to it
    assert_eq!(
        ports_of(&icmp(ipv4(1, 0, &[3, 1, 0, 0, 9, 9, 9, 9]))),
        Some([0, 0x301, 0, 0x301])
    );
    assert_eq!(
        ports_of(&icmp(ipv6(58, &[128, 0, 0, 0, 0x12, 0x34]))),
        Some([0x1234, 128 << 8, 0x1234, 129 << 8])
    );
    assert_eq!(
        ports_of(&icmp(ipv6(58, &[135, 0, 0, 0, 1, 1]))),
        Some([0, 135 << 8, 0, 135 << 8])
    );
    // of the other family
    assert_eq!(ports_of(&icmp(ipv6(1, &[8, 0, 0, 0, 1, 1]))), None);
}

#[test]
fn later_fragments_have_no_ports() {
    let (row, octets) = row_of(&ipv4(17, 185, &PORTS));
    assert_eq!((row[PROTOCOL], ports_of(&row), octets), (17, None, 1000));
    assert_eq!(
        ports_of(&row_of(&ipv4(17, 0x2000, &PORTS)).0),
        Some([40_000, 443, 443, 40_000])
    );
    let (row, octets) = row_of(&ipv6(44, &[&[17, 0, 0x05, 0xa8, 0, 0, 0, 9][..], &PORTS].concat()));
    assert_eq!((row[PROTOCOL], ports_of(&row), octets), (17, None, 140));
}

/// `snaplen` of the rule may be any; the length is the header's.
#[test]
fn a_short_capture_gives_what_it_has() {
    let packets = [
        ipv4(6, 0, &PORTS),
        ipv6(60, &[&[6, 0, 1, 4, 0, 0, 0, 0][..], &PORTS].concat()),
    ];
    for (packet, header, ports) in [(&packets[0], 20, 24), (&packets[1], 40, 52)] {
        let whole = row_of(packet);
        for length in 0..=packet.len() {
            let mut row = [0; ROW_SIZE];
            let read = read_packet(&packet[..length], &mut row);
            if length < header {
                assert!(read.is_err(), "{length}");
                continue;
            }
            assert_eq!(read, Ok(whole.1), "{length}");
            assert_eq!(row[..ORIG_SPORT], whole.0[..ORIG_SPORT], "{length}");
            assert_eq!(
                ports_of(&row),
                ports_of(&whole.0).filter(|_| length >= ports),
                "{length}"
            );
        }
    }
}

#[test]
fn ipv4_options_are_passed_over() {
    let mut packet = ipv4(6, 0, &[&[1; 8][..], &PORTS].concat());
    packet[0] = 0x47;
    assert_eq!(ports_of(&row_of(&packet).0), Some([40_000, 443, 443, 40_000]));
    packet[0] = 0x44;
    assert!(
        read_packet(&packet, &mut [0; ROW_SIZE]).is_err(),
        "a header shorter than itself"
    );
}

#[test]
fn what_never_came_is_counted_by_the_gaps_of_each_group() {
    let mut decoder = NflogDecoder::new(&[GROUP, 6], Filter::default());
    let packet = ipv4(6, 0, &PORTS);
    let mut lost = |group: u16, sequence: u32| {
        let payload = attribute(9, &packet);
        let datagram = message(0x0400, group, &[payload, attribute(12, &sequence.to_be_bytes())]);
        decode(&mut decoder, &datagram, &mut PrefixTable::new()).1.lost
    };
    assert_eq!(lost(GROUP, 2), 2, "from the first on");
    assert_eq!(lost(GROUP, 3), 0);
    assert_eq!(lost(6, 0), 0);
    assert_eq!(lost(GROUP, 14), 10);
    assert_eq!(lost(6, 1), 0);
    assert_eq!(lost(GROUP, 3), 0, "the count was restarted");
    assert_eq!(lost(GROUP, 4), 0);
}

#[test]
fn what_is_no_packet_is_counted_apart() {
    let packet = ipv4(6, 0, &PORTS);
    let none = NflogCounts::default();
    let counts = |datagram: &[u8]| decode_all(datagram).1;
    assert_eq!(counts(&message(3, 0, &[])), none, "NLMSG_DONE ends a batch");
    assert_eq!(counts(&message(2, 0, &[])), NflogCounts { ignored: 1, ..none });
    let arp = message(0x0400, GROUP, &[attribute(9, &[0, 1, 8, 0, 6, 4, 0, 1])]);
    assert_eq!(counts(&arp), NflogCounts { malformed: 1, ..none });
    assert_eq!(
        counts(&message(0x0400, GROUP, &[])),
        NflogCounts { malformed: 1, ..none }
    );
    let cut = [logged(0, "a", &packet), logged(1, "a", &packet)].concat();
    let expected = NflogCounts {
        packets: 1,
        malformed: 1,
        ..none
    };
    assert_eq!(counts(&cut[..cut.len() - 4]), expected);
    let mut udp = [0; 16];
    (udp[6], udp[8]) = (8, 1 << 17);
    let mut decoder = NflogDecoder::new(&[GROUP], Filter::from_words(&udp).unwrap());
    let (rows, counts) = decode(&mut decoder, &logged(0, "a", &packet), &mut PrefixTable::new());
    assert_eq!((rows.len(), counts), (0, NflogCounts { filtered: 1, ..none }));
}

#[test]
fn a_prefix_that_finds_no_room_is_counted() {
    let mut prefixes = PrefixTable::new();
    let packet = ipv4(6, 0, &PORTS);
    let mut decoder = NflogDecoder::new(&[GROUP], Filter::default());
    for number in 1..MOST_PREFIXES {
        decode(
            &mut decoder,
            &logged(number as u32, &format!("p{number}"), &packet),
            &mut prefixes,
        );
    }
    let (rows, counts) = decode(
        &mut decoder,
        &logged(MOST_PREFIXES as u32, "one more", &packet),
        &mut prefixes,
    );
    assert_eq!((get_u32(&rows[0], RULE), counts.unnamed, counts.packets), (0, 1, 1));
}
