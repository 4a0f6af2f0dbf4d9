//! Logged packets of random bytes. The seed is fixed, see common.

use crate::builders::*;
use crate::targets;
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
    fn a_packet_is_read_or_malformed(packet in packet(), cut in any::<u8>()) {
        targets::packet::run(&[vec![cut], packet].concat());
    }

    #[test]
    fn every_message_is_counted(bytes in prop_oneof![mutated(), proptest::collection::vec(any::<u8>(), 0..400)]) {
        targets::nflog::run(&bytes);
    }
}
