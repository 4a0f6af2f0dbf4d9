//! Messages from literal records.

use super::requests::{REQUEST, record};
use ctflow_core::ipfix::*;
use ctflow_core::row::*;

/// Offset of the last byte of a record.
const LAST: u32 = RECORD_SIZE as u32 - 1;

/// What became of the request, the messages, and the data records of each.
fn run(request: &Request) -> (Encoded, Vec<Vec<u8>>, Vec<u32>) {
    let mut out = vec![0xaa; 1 << 16];
    let mut lengths = vec![0xaaaa_aaaa; 64];
    let encoded = encode(request, &mut out, &mut lengths).unwrap();
    let mut messages = Vec::new();
    let mut counts = Vec::new();
    let mut at = 0;
    for pair in lengths.chunks(2).take(encoded.messages) {
        messages.push(out[at..at + pair[0] as usize].to_vec());
        counts.push(pair[1]);
        at += pair[0] as usize;
    }
    (encoded, messages, counts)
}

/// What one instruction writes for one record.
fn field(instruction: [u32; 4], record: &[u8]) -> Vec<u8> {
    let (encoded, messages, counts) = run(&Request {
        plan: &instruction,
        records: record,
        to: 1,
        ..REQUEST
    });
    assert_eq!((encoded.next, encoded.oversize, counts), (1, 0, vec![1]));
    messages[0][20..].to_vec()
}

#[test]
fn a_message_byte_by_byte() {
    let records = [record(|_| {}), record(|_| {})].concat();
    let plan = [OP_BYTES, 0, 4, 0, OP_CONSTANT, 0, 2, 7];
    let (_, messages, _) = run(&Request {
        plan: &plan,
        records: &records,
        to: 2,
        ..REQUEST
    });
    #[rustfmt::skip]
    assert_eq!(messages, [[
        0, 10, 0, 32, 0x65, 0x53, 0xf1, 0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, // version, length, time, sequence, domain
        1, 2, 0, 16, // set id 258, length
        0, 1, 2, 3, 0, 7,
        0, 1, 2, 3, 0, 7,
    ]]);
}

#[test]
fn bytes_are_copied() {
    assert_eq!(field([OP_BYTES, 16, 4, 0], &record(|_| {})), [16, 17, 18, 19]);
    assert_eq!(
        field([OP_BYTES, 16, 16, 0], &record(|_| {})),
        (16..32).collect::<Vec<u8>>()
    );
    assert_eq!(field([OP_BYTES, LAST, 1, 0], &record(|_| {})), [LAST as u8]);
    assert_eq!(
        field([OP_BYTES, 0, RECORD_SIZE as u32, 0], &record(|_| {})),
        record(|_| {})
    );
}

#[test]
fn numbers_are_big_endian_with_zeros_in_front() {
    let facts = record(|record| {
        record[PROTOCOL] = 17;
        record[ORIG_SPORT..][..2].copy_from_slice(&0x1234u16.to_ne_bytes());
        record[MARK..][..4].copy_from_slice(&0xdead_beefu32.to_ne_bytes());
        record[FLOW_ID..][..4].copy_from_slice(&0x89ab_cdefu32.to_ne_bytes());
        record[FLOW_ID + 4..][..4].copy_from_slice(&0x0123_4567u32.to_ne_bytes());
    });
    let protocol = |length| field([OP_U8, PROTOCOL as u32, length, 0], &facts);
    assert_eq!(protocol(1), [17]);
    assert_eq!(protocol(2), [0, 17]);
    assert_eq!(protocol(4), [0, 0, 0, 17]);
    assert_eq!(protocol(8), [0, 0, 0, 0, 0, 0, 0, 17]);
    let port = |length| field([OP_U16, ORIG_SPORT as u32, length, 0], &facts);
    assert_eq!(port(2), [0x12, 0x34]);
    assert_eq!(port(4), [0, 0, 0x12, 0x34]);
    assert_eq!(port(8), [0, 0, 0, 0, 0, 0, 0x12, 0x34]);
    let mark = |length| field([OP_U32, MARK as u32, length, 0], &facts);
    assert_eq!(mark(4), [0xde, 0xad, 0xbe, 0xef]);
    assert_eq!(mark(8), [0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef]);
    let flow_id = field([OP_U64, FLOW_ID as u32, 8, 0], &facts);
    assert_eq!(flow_id, [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
}

#[test]
fn constants() {
    assert_eq!(field([OP_CONSTANT, 0, 1, 0x1ff], &record(|_| {})), [0xff]);
    assert_eq!(field([OP_CONSTANT, 0, 3, 0x0102_0304], &record(|_| {})), [2, 3, 4]);
    assert_eq!(field([OP_CONSTANT, 0, 4, 0x0102_0304], &record(|_| {})), [1, 2, 3, 4]);
    let sixteen = field([OP_CONSTANT, 0, 16, 0x0102_0304], &record(|_| {}));
    assert_eq!(sixteen, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
}

#[test]
fn text_up_to_its_first_zero() {
    let helper = |text: &[u8]| {
        let facts = record(|record| {
            record[HELPER..HELPER + 16].fill(0);
            record[HELPER..][..text.len()].copy_from_slice(text);
        });
        field([OP_TEXT, HELPER as u32, 16, 0], &facts)
    };
    assert_eq!(helper(b"ftp"), b"\x03ftp");
    assert_eq!(helper(b""), b"\0");
    assert_eq!(helper(b"a\0b"), b"\x01a");
    assert_eq!(helper(b"0123456789abcdef"), b"\x100123456789abcdef");
    let longest = field([OP_TEXT, 1, 254, 0], &record(|_| {}));
    assert_eq!((longest.len(), longest[0]), (255, 254), "one length byte up to 254");
}

#[test]
fn tcp_state_by_name_where_it_is_known() {
    let state = |present: u32, state: u8| {
        let facts = record(|record| {
            record[PRESENT..][..4].copy_from_slice(&present.to_ne_bytes());
            record[STATE] = state;
        });
        field([OP_TCP_STATE, STATE as u32, 0, 0], &facts)
    };
    assert_eq!(state(HAS_TCP_STATE, 3), b"\x0bESTABLISHED");
    assert_eq!(state(HAS_TCP_STATE, 0), b"\x04NONE");
    assert_eq!(state(HAS_TCP_STATE | HAS_MARK, 9), b"\x09SYN_SENT2");
    assert_eq!(state(HAS_TCP_STATE, 10), b"\0", "a number that no kernel of today has");
    assert_eq!(state(HAS_SCTP_STATE, 3), b"\0");
}

#[test]
fn milliseconds_as_seconds() {
    let seconds = |milliseconds: u64| {
        let facts = record(|record| {
            record[FLOW_END_MS..][..4].copy_from_slice(&(milliseconds as u32).to_ne_bytes());
            record[FLOW_END_MS + 4..][..4].copy_from_slice(&((milliseconds >> 32) as u32).to_ne_bytes());
        });
        let bytes = field([OP_SECONDS, FLOW_END_MS as u32, 4, 0], &facts);
        u32::from_be_bytes(bytes.try_into().unwrap())
    };
    assert_eq!(seconds(1_700_000_000_999), 1_700_000_000);
    assert_eq!(seconds(999), 0);
    assert_eq!(seconds(u64::MAX), (u64::MAX / 1000) as u32);
}

/// A plan of ten bytes a record: a message of 20 + 10 n bytes.
const TEN: [u32; 4] = [OP_BYTES, 0, 10, 0];

#[test]
fn as_many_records_as_fit_the_limit() {
    let records = record(|_| {}).repeat(7);
    let request = Request {
        plan: &TEN,
        records: &records,
        from: 1,
        to: 7,
        limit: 49,
        ..REQUEST
    };
    let (encoded, messages, counts) = run(&request);
    assert_eq!(
        encoded,
        Encoded {
            messages: 3,
            next: 7,
            oversize: 0
        }
    );
    assert_eq!(counts, [2, 2, 2]);
    assert!(messages.iter().all(|message| message.len() == 40));
    let sequences: Vec<&[u8]> = messages.iter().map(|message| &message[8..12]).collect();
    assert_eq!(
        sequences,
        [[0xff; 4], [0, 0, 0, 1], [0, 0, 0, 3]],
        "data records before, modulo 2^32"
    );
}

#[test]
fn the_prefix_stands_in_the_first_message_alone() {
    let records = record(|_| {}).repeat(3);
    let prefix = [0, 2, 0, 6, 1, 2];
    let request = Request {
        plan: &TEN,
        records: &records,
        to: 3,
        prefix: &prefix,
        limit: 40,
        ..REQUEST
    };
    let (encoded, messages, counts) = run(&request);
    assert_eq!(
        encoded,
        Encoded {
            messages: 2,
            next: 3,
            oversize: 0
        }
    );
    assert_eq!(counts, [1, 2]);
    assert_eq!(messages[0][16..26], [0, 2, 0, 6, 1, 2, 1, 2, 0, 14]);
    assert_eq!(messages[1][16..20], [1, 2, 0, 24]);
}

#[test]
fn the_prefix_goes_alone_when_no_record_fits_beside_it() {
    let records = record(|_| {});
    let prefix = [9; 14];
    let request = Request {
        plan: &TEN,
        records: &records,
        to: 1,
        prefix: &prefix,
        limit: 30,
        ..REQUEST
    };
    let (encoded, messages, counts) = run(&request);
    assert_eq!(
        encoded,
        Encoded {
            messages: 2,
            next: 1,
            oversize: 0
        }
    );
    assert_eq!(counts, [0, 1]);
    assert_eq!((messages[0].len(), messages[0][3]), (30, 30));
    assert_eq!(messages[0][8..12], messages[1][8..12], "it counts no record");
}

#[test]
fn the_prefix_goes_alone_without_records() {
    let (encoded, messages, counts) = run(&Request {
        plan: &TEN,
        prefix: &[1, 2, 3, 4],
        ..REQUEST
    });
    assert_eq!(
        encoded,
        Encoded {
            messages: 1,
            next: 0,
            oversize: 0
        }
    );
    assert_eq!((messages[0].len(), counts), (20, vec![0]));
    let (encoded, _, _) = run(&Request { plan: &TEN, ..REQUEST });
    assert_eq!(encoded, Encoded::default(), "nothing to send");
}

#[test]
fn a_record_that_fits_nowhere_is_passed_over() {
    let long = record(|record| record[HELPER..HELPER + 16].fill(b'x'));
    let short = record(|record| record[HELPER..HELPER + 16].fill(0));
    let records = [long.clone(), short.clone(), long.clone(), short, long].concat();
    let plan = [OP_TEXT, HELPER as u32, 16, 0];
    let (encoded, messages, counts) = run(&Request {
        plan: &plan,
        records: &records,
        to: 5,
        limit: 36,
        ..REQUEST
    });
    assert_eq!(
        encoded,
        Encoded {
            messages: 1,
            next: 5,
            oversize: 3
        }
    );
    assert_eq!((counts, messages[0].len()), (vec![2], 22));
    let (encoded, messages, _) = run(&Request {
        plan: &plan,
        records: &records[..RECORD_SIZE],
        to: 1,
        limit: 36,
        ..REQUEST
    });
    assert_eq!(
        encoded,
        Encoded {
            messages: 0,
            next: 1,
            oversize: 1
        }
    );
    assert!(messages.is_empty());
    let tiny = run(&Request {
        plan: &plan,
        records: &records,
        to: 5,
        limit: 3,
        ..REQUEST
    });
    assert_eq!(
        tiny.0,
        Encoded {
            messages: 0,
            next: 5,
            oversize: 5
        }
    );
}

#[test]
fn the_longest_state_is_measured_as_well() {
    let established = record(|record| {
        record[PRESENT..][..4].copy_from_slice(&HAS_TCP_STATE.to_ne_bytes());
        record[STATE] = 3;
    });
    let plan = [OP_TCP_STATE, STATE as u32, 0, 0];
    for (limit, oversize) in [(32, 0), (31, 1)] {
        let (encoded, _, _) = run(&Request {
            plan: &plan,
            records: &established,
            to: 1,
            limit,
            ..REQUEST
        });
        assert_eq!(
            encoded,
            Encoded {
                messages: 1 - oversize,
                next: 1,
                oversize
            }
        );
    }
}

#[test]
fn it_stops_when_the_output_is_full() {
    let records = record(|_| {}).repeat(4);
    let request = Request {
        plan: &TEN,
        records: &records,
        to: 4,
        limit: 30,
        ..REQUEST
    };
    let mut lengths = [0; 8];
    let encoded = encode(&request, &mut [0; 89], &mut lengths).unwrap();
    assert_eq!(
        encoded,
        Encoded {
            messages: 2,
            next: 2,
            oversize: 0
        },
        "a third message has less than the limit left"
    );
    assert_eq!(lengths, [30, 1, 30, 1, 0, 0, 0, 0]);
    let encoded = encode(&request, &mut [0; 1000], &mut [0; 7]).unwrap();
    assert_eq!(
        encoded,
        Encoded {
            messages: 3,
            next: 3,
            oversize: 0
        },
        "half a pair is none"
    );
    let encoded = encode(&request, &mut [0; 29], &mut lengths).unwrap();
    assert_eq!(encoded, Encoded::default());
}

#[test]
fn the_longest_message() {
    let records = record(|_| {}).repeat(256);
    let plan = [OP_BYTES, 0, 256, 0];
    let (_, messages, _) = run(&Request {
        plan: &plan,
        records: &records,
        to: 255,
        limit: 65535,
        ..REQUEST
    });
    assert_eq!(messages[0].len(), 20 + 255 * 256);
    assert_eq!(messages[0][2..4], [0xff, 0x14]);
    assert_eq!(messages[0][18..20], [0xff, 0x04]);
}
