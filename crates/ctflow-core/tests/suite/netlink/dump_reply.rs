//! What of a datagram replys a request.
#![allow(clippy::unwrap_used)]

use ctflow_core::netlink::{DumpReply, RequestId, keep_reply};

const REQUEST: RequestId = RequestId { sequence: 7, port: 9 };
const ENTRY: u16 = 0x100;
const ERROR: u16 = 2;
const DONE: u16 = 3;

/// A message of a little-endian kernel.
fn message(kind: u16, flags: u16, asked: RequestId, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(16 + payload.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    bytes.extend(asked.sequence.to_le_bytes());
    bytes.extend(asked.port.to_le_bytes());
    bytes.extend(payload);
    bytes
}

fn entry(number: u8) -> Vec<u8> {
    message(ENTRY, 2, REQUEST, &[number; 8])
}

fn end(kind: u16, errno: i32) -> Vec<u8> {
    message(kind, 2, REQUEST, &errno.to_le_bytes())
}

/// The reply, and the bytes kept.
fn keep(messages: &[Vec<u8>]) -> (DumpReply, Vec<u8>) {
    let mut datagram = messages.concat();
    let reply = keep_reply::<true>(&mut datagram, REQUEST);
    datagram.truncate(reply.bytes);
    (reply, datagram)
}

#[test]
fn all_that_replys_is_kept() {
    let messages = [entry(1), entry(2), entry(3)];
    let (reply, kept) = keep(&messages);
    assert_eq!(kept, messages.concat());
    let wanted = DumpReply {
        bytes: kept.len(),
        before_end: kept.len(),
        ..DumpReply::default()
    };
    assert_eq!(reply, wanted);
}

#[test]
fn replys_to_another_request_or_socket_are_taken_out() {
    let other = |sequence, port| message(ENTRY, 2, RequestId { sequence, port }, &[0xee; 12]);
    let (reply, kept) = keep(&[other(6, 9), entry(1), other(7, 8), entry(2), end(DONE, 0)]);
    assert_eq!(kept, [entry(1), entry(2), end(DONE, 0)].concat());
    assert_eq!((reply.ignored, reply.end, reply.rest), (2, Some(0), false));
    assert_eq!(reply.before_end, kept.len() - 20);
    let ended_elsewhere = message(DONE, 2, RequestId { sequence: 6, port: 9 }, &[0; 4]);
    assert_eq!(keep(&[ended_elsewhere, entry(1)]).0.end, None);
}

#[test]
fn the_end_of_a_dump_and_its_errno() {
    for (message, wanted) in [
        (end(DONE, 0), Some(0)),
        (end(DONE, -105), Some(105)),
        (message(DONE, 2, REQUEST, &[]), Some(0)),
        (end(ERROR, -1), Some(1)),
        (end(ERROR, 0), None),
        (message(ERROR, 0, REQUEST, &[]), None),
    ] {
        let (reply, kept) = keep(&[entry(1), message.clone()]);
        assert_eq!(reply.end, wanted);
        assert_eq!(kept, [entry(1), message].concat());
    }
    let (reply, kept) = keep(&[end(DONE, 0), entry(1)]);
    assert_eq!(
        (reply.end, kept),
        (Some(0), end(DONE, 0)),
        "nothing behind the end is looked at"
    );
}

#[test]
fn an_interrupted_dump_is_reported() {
    let interrupted = message(ENTRY, 0x12, REQUEST, &[1; 8]);
    assert!(keep(&[entry(1), interrupted]).0.interrupted);
    assert!(!keep(&[entry(1)]).0.interrupted);
    let of_another = message(ENTRY, 0x12, RequestId { sequence: 6, port: 9 }, &[1; 8]);
    assert!(!keep(&[of_another]).0.interrupted);
}

#[test]
fn what_is_no_whole_message_is_left() {
    let cut = entry(2)[..20].to_vec();
    let lost = [vec![0; 16], entry(2)].concat();
    for rest in [cut, lost, vec![1]] {
        let (reply, kept) = keep(&[entry(1), rest]);
        assert!(reply.rest);
        assert_eq!(kept, entry(1));
    }
}
