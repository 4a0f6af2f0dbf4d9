//! Properties over random netlink bytes. The seed is fixed, see [`config`].

use crate::builders::*;
use crate::targets;
use ctflow_core::conntrack::decode;
use ctflow_core::row::*;
use proptest::prelude::*;

fn filter_words() -> impl Strategy<Value = [u32; 16]> {
    prop_oneof![3 => Just(ANY), 1 => any::<[u32; 16]>(), 1 => any::<u32>().prop_map(|bits| {
        let mut words = ANY;
        words[6] = 15 & bits;
        words[8] = bits;
        words
    })]
}

/// Whole messages of all kinds.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let attribute = prop_oneof![
        Just(vec![8, 0, 3, 0, 0, 0, 1, 0x9e]),
        Just(vec![8, 0, 8, 0, 0, 0, 0, 5]),
        Just(vec![6, 0, 18, 0, 0, 6, 0, 0]),
        Just(vec![12, 0, 22, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
        Just(vec![16, 0, 4, 0x80, 12, 0, 1, 0x80, 5, 0, 1, 0, 3, 0, 0, 0]),
        Just(vec![12, 0, 5, 0x80, 8, 0, 1, 0, b'f', b't', b'p', 0]),
        Just([&[28, 0, 9, 0x80, 12, 0, 1, 0][..], &[7; 8], &[12, 0, 2, 0], &[9; 8]].concat()),
        Just([&[16, 0, 20, 0x80, 12, 0, 1, 0][..], &[1; 8]].concat()),
    ];
    let one = prop_oneof![
        6 => proptest::collection::vec(attribute, 0..8).prop_map(|parts| udp(&[&parts.concat()])),
        1 => Just(entry(2, &[ORIGINAL])),
        1 => Just(message(1, 0, &[])),
        1 => any::<i32>().prop_map(|errno| message(2, 0, &[&errno.to_le_bytes()])),
        1 => Just(done()),
    ];
    proptest::collection::vec(one, 0..10).prop_map(|messages| messages.concat())
}

/// Valid messages with a few bytes changed, and cut somewhere.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edits = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (messages(), edits, any::<prop::sample::Index>(), any::<bool>()).prop_map(|(mut bytes, edits, cut, cuts)| {
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
    fn arbitrary_bytes_are_counted(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        targets::netlink::run(&bytes);
        targets::events::run(&bytes);
    }

    #[test]
    fn mutated_messages_are_counted(bytes in mutated(), words in filter_words(), capacity in 0..12usize) {
        targets::netlink::check(&bytes, true, &Filter::from_words(&words).unwrap(), capacity);
    }

    #[test]
    fn a_datagram_is_one_event_or_is_counted(bytes in mutated(), words in filter_words()) {
        targets::events::check(&bytes, &Filter::from_words(&words).unwrap());
    }

    #[test]
    fn a_dump_in_pieces_gives_the_same_rows(bytes in messages(), cut in any::<prop::sample::Index>()) {
        let cut = if bytes.is_empty() { 0 } else { cut.index(bytes.len()) };
        let mut whole = vec![0; 12 * ROW_SIZE];
        let mut pieces = whole.clone();
        let all = decode(&bytes, true, &Filter::default(), &mut whole);
        let first = decode(&bytes[..cut], true, &Filter::default(), &mut pieces);
        prop_assert!(first.consumed <= cut);
        if !first.done && first.error == 0 {
            let filled = first.rows as usize * ROW_SIZE;
            let rest = decode(&bytes[first.consumed..], true, &Filter::default(), &mut pieces[filled..]);
            prop_assert_eq!(first.rows + rest.rows, all.rows);
            prop_assert_eq!(first.consumed + rest.consumed, all.consumed);
            let length = all.rows as usize * ROW_SIZE;
            prop_assert_eq!(&whole[..length], &pieces[..length]);
        }
    }
}
