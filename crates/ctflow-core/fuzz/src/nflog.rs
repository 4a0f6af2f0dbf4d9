//! Packets that rules have logged.

use ctflow_core::nflog::{NflogCounts, NflogDecoder, PrefixTable};
use ctflow_core::row::{EVENT, EVENT_DENIED, Filter, ROW_SIZE, RULE, get_u32};

/// Of the group in the inputs of the tests.
const GROUP: u16 = 5;
const RECEIVED: u64 = 1_700_000_000_123_456_789;

/// The input is one datagram.
pub fn run(input: &[u8]) {
    let (rows, counts) = decode([input]);
    assert_eq!(rows.len() as u64, counts.packets * ROW_SIZE as u64);
    assert_eq!(counts.truncated + counts.overrun + counts.unnamed, 0);
    // in pieces of whole messages the rows are the same
    assert_eq!(decode(messages(input)), (rows, counts));
}

fn decode<'a>(datagrams: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, NflogCounts) {
    let mut decoder = NflogDecoder::new(&[GROUP], Filter::default());
    let mut prefixes = PrefixTable::new();
    let (mut rows, mut counts) = (Vec::new(), NflogCounts::default());
    for datagram in datagrams {
        decoder.decode(datagram, RECEIVED, &mut prefixes, &mut rows, &mut counts);
    }
    for row in rows.as_chunks::<ROW_SIZE>().0 {
        assert_eq!(get_u32(row, EVENT), EVENT_DENIED);
        assert!(prefixes.get(get_u32(row, RULE)).is_some());
    }
    (rows, counts)
}

/// One message after another; all that is left where the next one's length is none.
fn messages(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = rest
            .first_chunk()
            .map_or(0, |length| u32::from_ne_bytes(*length) as usize);
        let end = if length < 16 {
            rest.len()
        } else {
            length.next_multiple_of(4).min(rest.len())
        };
        let (message, after) = rest.split_at(end);
        rest = after;
        (!message.is_empty()).then_some(message)
    })
}
