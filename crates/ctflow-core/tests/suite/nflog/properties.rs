//! Logged packets of random bytes. The seed is fixed, see common.

use crate::builders::*;
use ctflow_core::nflog::{NflogCounts, NflogDecoder, PrefixTable, read_packet};
use ctflow_core::row::Filter;
use ctflow_core::row::*;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Bytes that begin like an IP header and go on with chains of extension headers more often than not.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => any::<u8>(),
        2 => select(&[0u8, 1, 6, 17, 43, 44, 51, 58, 59, 60, 132, 136][..]),
        2 => 0..3u8,
    ];
    (
        select(&[0x45u8, 0x46, 0x4f, 0x44, 0x60, 0x50][..]),
        proptest::collection::vec(byte, 0..260),
    )
        .prop_map(|(first, rest)| [vec![first], rest].concat())
}

fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u16 + 4).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A datagram of whole messages.
fn batch() -> impl Strategy<Value = Vec<u8>> {
    const PREFIXES: &[&[u8]] = &[b"a\0", b"ctflow:drop:in::\0", b"no end", b"\0", b""];
    let prefix = select(PREFIXES);
    let one = (packet(), prefix, any::<u32>(), 0..3u16).prop_map(|(packet, prefix, sequence, kind)| {
        let body = [
            attribute(1, &[8, 0, 1, 0]),
            attribute(10, prefix),
            attribute(9, &packet),
            attribute(12, &sequence.to_be_bytes()),
        ];
        message(0x0400 + kind / 2, 0, &[&[2, 0, 0, 5], &body.concat()])
    });
    proptest::collection::vec(one, 0..5).prop_map(|messages| messages.concat())
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edits = proptest::collection::vec((any::<Index>(), any::<u8>()), 0..4);
    (batch(), edits, any::<Index>(), any::<bool>()).prop_map(|(mut bytes, edits, cut, cuts)| {
        if !bytes.is_empty() {
            for (at, byte) in edits {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if cuts {
                bytes.truncate(cut.index(bytes.len()));
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_packet_is_read_or_malformed(packet in packet(), cut in any::<Index>()) {
        let mut row = [0; ROW_SIZE];
        let whole = read_packet(&packet, &mut row);
        if whole.is_ok() {
            let present = get_u32(&row, PRESENT);
            prop_assert_eq!(present & !(HAS_PORTS | HAS_ICMP | HAS_TCP_HEADER), 0);
            prop_assert_eq!(&row[ORIG_SRC..ORIG_DST], &row[REPLY_DST..REPLY_DST + 16]);
            prop_assert_eq!(&row[ORIG_DST..REPLY_SRC], &row[REPLY_SRC..REPLY_DST]);
            prop_assert!(row[FAMILY] == 2 || row[FAMILY] == 10);
            prop_assert!(row[TCP_FLAGS] == 0 || present & HAS_TCP_HEADER != 0);
            prop_assert!(row[PRESENT + 4..].iter().all(|byte| *byte == 0));
        }
        // a shorter capture never gives another tuple, only less of it
        let mut short = [0; ROW_SIZE];
        if read_packet(&packet[..cut.index(packet.len() + 1)], &mut short).is_ok() {
            prop_assert!(whole.is_ok());
            prop_assert_eq!(&short[..ORIG_SPORT], &row[..ORIG_SPORT]);
            if get_u32(&short, PRESENT) & HAS_PORTS != 0 {
                prop_assert_eq!(&short[ORIG_SPORT..TCP_FLAGS], &row[ORIG_SPORT..TCP_FLAGS]);
            }
            if get_u32(&short, PRESENT) & HAS_TCP_HEADER != 0 {
                prop_assert_eq!(short, row);
            }
        }
    }

    #[test]
    fn every_message_is_counted(bytes in prop_oneof![mutated(), proptest::collection::vec(any::<u8>(), 0..400)]) {
        let mut decoder = NflogDecoder::new(&[5], Filter::default());
        let mut prefixes = PrefixTable::new();
        let (mut rows, mut counts) = (Vec::new(), NflogCounts::default());
        decoder.decode(&bytes, 1, &mut prefixes, &mut rows, &mut counts);
        prop_assert_eq!(rows.len() as u64, counts.packets * ROW_SIZE as u64);
        for row in rows.as_chunks::<ROW_SIZE>().0 {
            prop_assert_eq!(get_u32(row, EVENT), EVENT_DENIED);
            prop_assert!(prefixes.get(get_u32(row, RULE)).is_some());
        }
        // in pieces of whole messages the rows are the same
        let mut again = NflogDecoder::new(&[5], Filter::default());
        let (mut table, mut pieces, mut sum) = (PrefixTable::new(), Vec::new(), NflogCounts::default());
        let mut at = 0;
        while at < bytes.len() {
            let length = bytes.get(at..at + 4).map_or(0, |b| u32::from_ne_bytes(b.try_into().unwrap()) as usize);
            let end = if length < 16 { bytes.len() } else { (at + length.next_multiple_of(4)).min(bytes.len()) };
            again.decode(&bytes[at..end], 1, &mut table, &mut pieces, &mut sum);
            at = end;
        }
        prop_assert_eq!(pieces, rows);
        prop_assert_eq!(sum, counts);
    }
}
