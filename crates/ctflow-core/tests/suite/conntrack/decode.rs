//! The walk over messages: what is counted, and where it stops.

use crate::builders::*;
use ctflow_core::conntrack::{Decoded, decode};
use ctflow_core::row::Filter;
use ctflow_core::row::{ROW_SIZE, get_u32};

fn error(errno: i32) -> Vec<u8> {
    message(2, 0, &[&errno.to_le_bytes()])
}

#[test]
fn a_dump_to_its_end() {
    let bytes = [udp(&[]), udp(&[]), done(), udp(&[])].concat();
    let (decoded, rows) = run(&bytes, &ANY);
    let consumed = bytes.len() - udp(&[]).len();
    assert_eq!(
        decoded,
        Decoded {
            rows: 2,
            consumed,
            done: true,
            ..Decoded::default()
        }
    );
    assert_eq!(rows[0], rows[1]);
}

/// The event of a destroyed connection (IPCTNL_MSG_CT_DELETE) is an entry as well.
#[test]
fn deleted_entries_are_rows() {
    let bytes = message(0x0102, 0, &[&[2, 0, 0, 0], ORIGINAL, REPLY]);
    assert_eq!(run(&bytes, &ANY).0.rows, 1);
}

#[test]
fn other_messages_are_ignored() {
    // NLMSG_NOOP, statistics of ctnetlink (IPCTNL_MSG_CT_GET_STATS_CPU), an expectation (NFNL_SUBSYS_CTNETLINK_EXP).
    let bytes = [
        message(1, 0, &[]),
        message(0x0104, 0, &[&[0; 4]]),
        message(0x0200, 0, &[&[0; 4]]),
    ]
    .concat();
    assert_eq!(
        run(&bytes, &ANY).0,
        Decoded {
            ignored: 3,
            consumed: bytes.len(),
            ..Decoded::default()
        }
    );
}

#[test]
fn a_malformed_entry_is_counted_and_the_walk_goes_on() {
    let bytes = [udp(&[]), entry(2, &[ORIGINAL]), udp(&[])].concat();
    let (decoded, _) = run(&bytes, &ANY);
    assert_eq!(
        decoded,
        Decoded {
            rows: 2,
            malformed: 1,
            consumed: bytes.len(),
            ..Decoded::default()
        }
    );
}

#[test]
fn full_rows_stop_the_walk_before_the_next_message() {
    let one = udp(&[]);
    let bytes = [one.clone(), one.clone(), one.clone(), done()].concat();
    let filter = Filter::default();
    let mut rows = [0; 2 * ROW_SIZE + 100];
    let decoded = decode(&bytes, true, &filter, &mut rows);
    assert_eq!(
        decoded,
        Decoded {
            rows: 2,
            consumed: 2 * one.len(),
            ..Decoded::default()
        }
    );
    let decoded = decode(&bytes[decoded.consumed..], true, &filter, &mut rows);
    assert_eq!(
        decoded,
        Decoded {
            rows: 1,
            consumed: one.len() + done().len(),
            done: true,
            ..Decoded::default()
        }
    );
    assert_eq!(decode(&bytes, true, &filter, &mut []), Decoded::default());
}

#[test]
fn a_cut_message_is_left_for_the_next_call() {
    let one = udp(&[]);
    let bytes = [one.clone(), one.clone()].concat();
    for cut in one.len()..bytes.len() {
        let (decoded, _) = run(&bytes[..cut], &ANY);
        assert_eq!(
            decoded,
            Decoded {
                rows: 1,
                consumed: one.len(),
                ..Decoded::default()
            },
            "cut at {cut}"
        );
    }
}

#[test]
fn a_length_below_the_header_loses_the_frame() {
    for length in [0u8, 1, 15] {
        let mut bytes = [udp(&[]), udp(&[]), udp(&[])].concat();
        bytes[udp(&[]).len()] = length;
        let (decoded, _) = run(&bytes, &ANY);
        assert_eq!(
            decoded,
            Decoded {
                rows: 1,
                malformed: 1,
                consumed: bytes.len(),
                ..Decoded::default()
            }
        );
    }
}

/// NLMSG_ALIGN: the padding of the last message may be missing.
#[test]
fn messages_are_aligned_to_four_bytes() {
    let odd = message(0x0200, 0, &[&[1]]);
    let bytes = [odd.clone(), vec![0; 3], odd].concat();
    assert_eq!(
        run(&bytes, &ANY).0,
        Decoded {
            ignored: 2,
            consumed: bytes.len(),
            ..Decoded::default()
        }
    );
}

#[test]
fn an_error_ends_the_walk_with_its_errno() {
    let bytes = [error(-1), udp(&[])].concat();
    assert_eq!(
        run(&bytes, &ANY).0,
        Decoded {
            error: 1,
            consumed: error(-1).len(),
            ..Decoded::default()
        }
    );
    assert_eq!(run(&error(i32::MIN), &ANY).0.error, 1 << 31);
}

#[test]
fn an_acknowledgement_is_no_error() {
    let bytes = [error(0), udp(&[])].concat();
    assert_eq!(
        run(&bytes, &ANY).0,
        Decoded {
            rows: 1,
            ignored: 1,
            consumed: bytes.len(),
            ..Decoded::default()
        }
    );
}

#[test]
fn an_error_without_errno_is_malformed() {
    let bytes = message(2, 0, &[&[1, 2, 3]]);
    assert_eq!(
        run(&bytes, &ANY).0,
        Decoded {
            malformed: 1,
            consumed: bytes.len(),
            ..Decoded::default()
        }
    );
}

/// A dump that failed half way ends with NLMSG_DONE and a negative errno.
#[test]
fn a_failed_end() {
    let bytes = message(3, 2, &[&(-12i32).to_le_bytes()]);
    let expected = Decoded {
        done: true,
        error: 12,
        consumed: bytes.len(),
        ..Decoded::default()
    };
    assert_eq!(run(&bytes, &ANY).0, expected);
    let bare = message(3, 2, &[]);
    assert_eq!(
        run(&bare, &ANY).0,
        Decoded {
            done: true,
            consumed: 16,
            ..Decoded::default()
        }
    );
}

#[test]
fn an_interrupted_dump_is_told() {
    let bytes = [udp(&[]), message(3, 0x12, &[&[0; 4]])].concat();
    assert!(run(&bytes, &ANY).0.interrupted);
    assert!(!run(&[udp(&[]), done()].concat(), &ANY).0.interrupted);
}

/// A recording from a big-endian host: headers are in its order, attributes as everywhere in network order.
#[test]
fn headers_of_the_other_byte_order() {
    let little = [udp(&[&[8, 0, 8, 0, 0, 0, 0, 5]]), done()].concat();
    let big = swap_headers(&little);
    let mut rows = [0; ROW_SIZE * 2];
    let decoded = decode(&big, false, &Filter::default(), &mut rows);
    assert_eq!((decoded.rows, decoded.done, decoded.consumed), (1, true, big.len()));
    let (_, expected) = run(&little, &ANY);
    assert_eq!(rows[..ROW_SIZE], expected[0]);
    assert_eq!(get_u32(&expected[0], ctflow_core::row::MARK), 5);

    let failed = swap_headers(&error(-22));
    assert_eq!(decode(&failed, false, &Filter::default(), &mut rows).error, 22);
}

/// The same messages with the headers of the other byte order.
fn swap_headers(bytes: &[u8]) -> Vec<u8> {
    fn attributes(bytes: &mut [u8]) {
        let mut at = 0;
        while at + 4 <= bytes.len() {
            let length = usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
            let nested = bytes[at + 3] & 0x80 != 0;
            bytes[at..at + 2].reverse();
            bytes[at + 2..at + 4].reverse();
            if nested {
                attributes(&mut bytes[at + 4..at + length]);
            }
            at += length.next_multiple_of(4);
        }
    }
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < out.len() {
        let length = u32::from_le_bytes([out[at], out[at + 1], out[at + 2], out[at + 3]]) as usize;
        let is_entry = out[at + 5] == 1;
        for field in [0..4, 4..6, 6..8, 8..12, 12..16] {
            out[at + field.start..at + field.end].reverse();
        }
        if is_entry {
            attributes(&mut out[at + 20..at + length]);
        } else {
            out[at + 16..at + 20].reverse();
        }
        at += length;
    }
    out
}
