//! Events from literal bytes; the socket and the thread are tested from TypeScript, on the kernel.
#![cfg(target_endian = "little")] // the messages are a little-endian kernel's

use crate::builders::*;
use ctflow_core::conntrack::{EventCounts, decode_event};
use ctflow_core::row::Filter;
use ctflow_core::row::*;

const DELETE: u16 = 0x0102;
/// NLM_F_CREATE and NLM_F_EXCL.
const CREATE: u16 = 0x600;

fn event(kind: u16, flags: u16, more: &[u8]) -> Vec<u8> {
    message(kind, flags, &[&[2, 0, 0, 0], ORIGINAL, REPLY, more])
}

/// Decodes with a filter over a row of random bytes; the row where it is wanted.
fn decode(datagram: &[u8], words: &[u32; 16]) -> (Option<[u8; ROW_SIZE]>, EventCounts) {
    let mut row = [0xaa; ROW_SIZE];
    let mut counts = EventCounts::default();
    let wanted = decode_event(datagram, &Filter::from_words(words).unwrap(), &mut row, &mut counts);
    (wanted.then_some(row), counts)
}

#[test]
fn the_row_tells_what_happened() {
    let count = EventCounts::default();
    for (kind, flags, event_of, counts) in [
        (NEW, CREATE, EVENT_NEW, EventCounts { created: 1, ..count }),
        (NEW, 0, EVENT_UPDATE, EventCounts { updated: 1, ..count }),
        (DELETE, 0, EVENT_DESTROY, EventCounts { destroyed: 1, ..count }),
    ] {
        let datagram = event(kind, flags, &[8, 0, 8, 0, 0, 0, 0, 5]);
        let (row, counted) = decode(&datagram, &ANY);
        assert_eq!(counted, counts);
        let mut row = row.unwrap();
        assert_eq!(get_u32(&row, EVENT), event_of);
        put_u32(&mut row, EVENT, EVENT_NONE);
        assert_eq!(
            row,
            row_of(&udp(&[&[8, 0, 8, 0, 0, 0, 0, 5]])),
            "all else is as in a dump"
        );
    }
}

/// A dump knows no kind of IPCTNL_MSG_CT_NEW.
#[test]
fn rows_of_a_dump_tell_of_an_end_only() {
    let event_of = |message: &[u8]| get_u32(&row_of(message), EVENT);
    assert_eq!(event_of(&event(NEW, CREATE, &[])), EVENT_NONE);
    assert_eq!(event_of(&event(NEW, 2, &[])), EVENT_NONE);
    assert_eq!(event_of(&event(DELETE, 0, &[])), EVENT_DESTROY);
}

#[test]
fn what_the_filter_takes_out_is_counted_as_that_alone() {
    let mut tcp = ANY;
    tcp[6] = 8;
    tcp[8] = 1 << 6;
    let filtered = EventCounts {
        filtered: 1,
        ..EventCounts::default()
    };
    assert_eq!(decode(&event(DELETE, 0, &[]), &tcp), (None, filtered));
}

#[test]
fn what_is_no_event_is_ignored() {
    let ignored = EventCounts {
        ignored: 1,
        ..EventCounts::default()
    };
    // NLMSG_ERROR, an expectation (NFNL_SUBSYS_CTNETLINK_EXP), statistics.
    for kind in [2, 0x0200, 0x0105] {
        assert_eq!(decode(&event(kind, 0, &[]), &ANY), (None, ignored), "{kind:#x}");
    }
}

#[test]
fn what_cannot_be_read_is_malformed() {
    let malformed = EventCounts {
        malformed: 1,
        ..EventCounts::default()
    };
    let whole = event(DELETE, 0, &[]);
    for length in 0..whole.len() {
        assert_eq!(decode(&whole[..length], &ANY), (None, malformed), "{length} bytes");
    }
    assert_eq!(
        decode(&message(DELETE, 0, &[&[2, 0, 0, 0], ORIGINAL]), &ANY),
        (None, malformed)
    );
    // A second message would be lost.
    assert_eq!(decode(&[whole.clone(), whole].concat(), &ANY), (None, malformed));
}
