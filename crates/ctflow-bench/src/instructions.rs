//! Loops of ctflow-core alone, whose instructions are counted: a program that does one of them so many times, and nothing else
//! that depends on how many. Inputs are always the same. There is no clock, no socket and nothing drawn by lot.

mod encoding;
mod messages;

use ctflow_core::conntrack::{CT_DELETE, CT_NEW, EventCounts, decode, decode_event};
use ctflow_core::listen::RowRing;
use ctflow_core::netlink::{HOST_LITTLE, RequestId, keep_reply};
use ctflow_core::row::{AF_INET, AF_INET6, Filter, ROW_SIZE};
use encoding::encoding;
use messages::{SEQUENCE, entry};
use std::hint::black_box;

/// Connections of one operation.
const CONNECTIONS: u32 = 256;
/// Rows that a thread which reads events hands over at once.
const EVENTS: usize = 64;
/// The mark 1 under the mask 3, and TCP or UDP.
const MARK_AND_PROTOCOLS: [u32; 16] = [0, 0, 1, 3, 0, 0, 2 | 8, 0, 1 << 6 | 1 << 17, 0, 0, 0, 0, 0, 0, 0];

pub const SUBJECTS: &[&str] = &[
    "decode-ipv4",
    "decode-ipv6",
    "dump-reply",
    "filter",
    "events",
    "row-ring",
    "encode-ipv4",
    "encode-ipv6",
];

/// Does it so many times; returns the rows of one time. None where there is no such subject.
pub fn run(subject: &str, times: u32) -> Option<usize> {
    let mut operation = operation(subject)?;
    let mut rows = 0;
    for _ in 0..times {
        rows = operation();
    }
    Some(rows)
}

fn operation(subject: &str) -> Option<Box<dyn FnMut() -> usize>> {
    Some(match subject {
        "decode-ipv4" => decoding(AF_INET),
        "decode-ipv6" => decoding(AF_INET6),
        "dump-reply" => Box::new(replying()),
        "filter" => Box::new(filtering()),
        "events" => Box::new(hearing()),
        "row-ring" => Box::new(handing_over()),
        "encode-ipv4" => encoding(AF_INET),
        "encode-ipv6" => encoding(AF_INET6),
        _ => return None,
    })
}

/// The entries of a dump, one after another.
fn dump(family: u8) -> Vec<u8> {
    (0..CONNECTIONS)
        .flat_map(|number| entry(CT_NEW, family, number))
        .collect()
}

fn rows_of(family: u8) -> Vec<u8> {
    let mut rows = vec![0; CONNECTIONS as usize * ROW_SIZE];
    let decoded = decode(&dump(family), HOST_LITTLE, &Filter::default(), &mut rows);
    assert_eq!((decoded.rows, decoded.malformed), (CONNECTIONS, 0));
    rows
}

/// Netlink bytes to rows.
fn decoding(family: u8) -> Box<dyn FnMut() -> usize> {
    let bytes = dump(family);
    let filter = Filter::default();
    let mut rows = rows_of(family);
    Box::new(move || decode(black_box(&bytes), HOST_LITTLE, black_box(&filter), &mut rows).rows as usize)
}

/// Which messages of a read answer the request.
fn replying() -> impl FnMut() -> usize {
    let mut bytes = dump(AF_INET);
    let request = RequestId {
        sequence: SEQUENCE,
        port: 0,
    };
    move || {
        let reply = keep_reply::<HOST_LITTLE>(black_box(&mut bytes), black_box(request));
        assert_eq!((reply.bytes, reply.ignored), (bytes.len(), 0));
        CONNECTIONS as usize
    }
}

/// Which rows are merged.
fn filtering() -> impl FnMut() -> usize {
    let rows = rows_of(AF_INET);
    let filter = Filter::from_words(&MARK_AND_PROTOCOLS).expect("16 words");
    let (rows, _) = rows.as_chunks::<ROW_SIZE>();
    assert!(rows.iter().any(|row| filter.matches(row)) && !rows.iter().all(|row| filter.matches(row)));
    let rows = rows.to_vec();
    move || {
        let wanted = black_box(&rows).iter().filter(|row| filter.matches(row)).count();
        black_box(wanted);
        rows.len()
    }
}

/// DESTROY events to rows, a datagram each.
fn hearing() -> impl FnMut() -> usize {
    let datagrams: Vec<Vec<u8>> = (0..CONNECTIONS)
        .map(|number| entry(CT_DELETE, AF_INET, number))
        .collect();
    let filter = Filter::default();
    let mut row = [0; ROW_SIZE];
    move || {
        let mut counts = EventCounts::default();
        for datagram in black_box(&datagrams) {
            decode_event(datagram, &filter, &mut row, &mut counts);
            black_box(&row);
        }
        counts.destroyed as usize
    }
}

/// Rows from the thread that reads events to the one that merges them, through the queue.
fn handing_over() -> impl FnMut() -> usize {
    let rows = rows_of(AF_INET);
    let ring = RowRing::new(CONNECTIONS as usize);
    let mut out = vec![0; rows.len()];
    move || {
        for some in black_box(&rows).chunks(EVENTS * ROW_SIZE) {
            ring.push(some, || {});
        }
        ring.take(&mut out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_handles_every_row() {
        for subject in SUBJECTS {
            assert_eq!(run(subject, 2), Some(CONNECTIONS as usize), "{subject}");
        }
        assert_eq!(run("nothing", 1), None);
    }
}
