//! Dumps of conntrack.

use ctflow_core::conntrack::{Decoded, decode};
use ctflow_core::netlink::{RequestId, keep_reply};
use ctflow_core::row::{FILTER_WORDS, Filter, ROW_SIZE};

const HEADER: usize = 16;

/// The first octet has the byte order, whether the words of a filter follow, and for how many rows there is room.
pub fn run(input: &[u8]) {
    let Some((how, rest)) = input.split_first() else {
        return;
    };
    let (filter, bytes) = match rest.split_first_chunk::<{ FILTER_WORDS * 4 }>() {
        Some((words, bytes)) if how & 2 != 0 => (filter_of(words), bytes),
        _ => (Filter::default(), rest),
    };
    check(bytes, how & 1 == 0, &filter, usize::from(how >> 2) & 7);
}

fn filter_of(octets: &[u8; FILTER_WORDS * 4]) -> Filter {
    let (words, _) = octets.as_chunks::<4>();
    let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
    Filter::from_words(&words).expect("there are 16")
}

/// Whether every message is counted once, and rows depend on nothing but the bytes.
pub fn check(bytes: &[u8], little_endian: bool, filter: &Filter, capacity: usize) {
    let mut rows = vec![0; capacity * ROW_SIZE];
    let decoded = decode(bytes, little_endian, filter, &mut rows);
    counts_add_up(bytes, little_endian, capacity, &decoded);
    let whole = decode_all(bytes, little_endian, filter, 64, 0);
    let pieces = decode_all(bytes, little_endian, filter, capacity + 1, 0xff);
    assert_eq!(whole, pieces, "with room for fewer rows");
    if little_endian {
        check_reply::<true>(bytes);
    } else {
        check_reply::<false>(bytes);
    }
}

/// Every message up to `consumed` is in exactly one of the counts.
fn counts_add_up(bytes: &[u8], little_endian: bool, capacity: usize, decoded: &Decoded) {
    assert!(decoded.consumed <= bytes.len());
    assert!(decoded.rows as usize <= capacity);
    let (mut at, mut messages) = (0, 0);
    while at < decoded.consumed {
        messages += 1;
        let length = length_at(bytes, at, little_endian);
        at = if length < HEADER {
            bytes.len()
        } else {
            at + length.next_multiple_of(4)
        };
    }
    assert_eq!(at.min(bytes.len()), decoded.consumed);
    let ended = u32::from(decoded.done || decoded.error != 0);
    let counted = decoded.rows + decoded.filtered + decoded.malformed + decoded.ignored + ended;
    assert_eq!(counted, messages);
}

fn length_at(bytes: &[u8], at: usize, little_endian: bool) -> usize {
    let length = *bytes[at..]
        .first_chunk()
        .expect("a message that was used up has a length");
    let length = if little_endian {
        u32::from_le_bytes(length)
    } else {
        u32::from_be_bytes(length)
    };
    length as usize
}

/// Decodes up to the end of the dump, so many rows at a time into memory that had this octet, and sums up.
fn decode_all(bytes: &[u8], little_endian: bool, filter: &Filter, capacity: usize, before: u8) -> (Decoded, Vec<u8>) {
    let mut all = Vec::new();
    let mut sum = Decoded::default();
    loop {
        let mut rows = vec![before; capacity * ROW_SIZE];
        let decoded = decode(&bytes[sum.consumed..], little_endian, filter, &mut rows);
        all.extend_from_slice(&rows[..decoded.rows as usize * ROW_SIZE]);
        sum.rows += decoded.rows;
        sum.consumed += decoded.consumed;
        sum.filtered += decoded.filtered;
        sum.malformed += decoded.malformed;
        sum.ignored += decoded.ignored;
        sum.done = decoded.done;
        sum.interrupted |= decoded.interrupted;
        sum.error = decoded.error;
        if sum.done || sum.error != 0 || decoded.consumed == 0 {
            return (sum, all);
        }
    }
}

/// What answers the request of the first message, as the socket keeps it, decodes to its end.
fn check_reply<const LITTLE: bool>(bytes: &[u8]) {
    let word = |at: usize| {
        let word = bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .copied()
            .unwrap_or_default();
        if LITTLE {
            u32::from_le_bytes(word)
        } else {
            u32::from_be_bytes(word)
        }
    };
    let request = RequestId {
        sequence: word(8),
        port: word(12),
    };
    let mut datagram = bytes.to_vec();
    let reply = keep_reply::<LITTLE>(&mut datagram, request);
    assert!(reply.before_end <= reply.bytes && reply.bytes <= datagram.len());
    let kept = &datagram[..reply.bytes];
    let (decoded, _) = decode_all(kept, LITTLE, &Filter::default(), 64, 0);
    assert_eq!(decoded.consumed, kept.len());
    assert_eq!(decoded.interrupted, reply.interrupted);
    assert_eq!(decoded.done || decoded.error != 0, reply.end.is_some());
    assert_eq!(decoded.error, reply.end.unwrap_or(0));
    let mut again = kept.to_vec();
    let same = keep_reply::<LITTLE>(&mut again, request);
    assert_eq!((same.bytes, same.ignored), (reply.bytes, 0));
    assert_eq!(again, kept);
}
