//! Messages from literal connections.

use super::scene::{OPTIONS, Scene, messages_of};
use ctflow_core::error::Code;
use ctflow_core::ipfix::*;
use ctflow_core::row::*;

const TEN: [u32; 4] = [OP_BYTES, 0, 10, 0];

/// What one instruction writes for one connection.
fn field(instruction: [u32; 4], set: impl Fn(usize, &mut [u8; ROW_SIZE])) -> Vec<u8> {
    let (messages, oversize) = messages_of(&mut Scene::of(1, set), &instruction, &[0], 1000, 1000);
    assert_eq!((messages.len(), messages[0].1, oversize), (1, 1, 0.0));
    messages[0].0[4..].to_vec()
}

#[test]
fn a_set_byte_by_byte() {
    let plan = [OP_BYTES, 0, 4, 0, OP_CONSTANT, 0, 2, 7];
    let (messages, _) = messages_of(&mut Scene::of(2, |_, _| {}), &plan, &[1, 0], 1000, 1000);
    #[rustfmt::skip]
    assert_eq!(messages, [(vec![
        1, 44, 0, 16, // set id 300, length
        0, 1, 2, 3, 0, 7,
        0, 1, 2, 3, 0, 7,
    ], 2)]);
}

#[test]
fn bytes_are_copied() {
    assert_eq!(field([OP_BYTES, 16, 4, 0], |_, _| {}), [16, 17, 18, 19]);
    assert_eq!(field([OP_BYTES, 16, 16, 0], |_, _| {}), (16..32).collect::<Vec<u8>>());
    assert_eq!(field([OP_BYTES, 184, 8, 0], |_, _| {}), (184..192).collect::<Vec<u8>>());
}

#[test]
fn numbers_are_big_endian_with_zeros_in_front() {
    let set = |_: usize, row: &mut [u8; ROW_SIZE]| {
        row[PROTOCOL] = 17;
        put_u16(row, ORIG_SPORT, 0x1234);
        put_u32(row, MARK, 0xdead_beef);
        put_u64(row, ORIG_OCTETS, 0x0123_4567_89ab_cdef);
    };
    let protocol = |length| field([OP_U8, PROTOCOL as u32, length, 0], set);
    assert_eq!(protocol(1), [17]);
    assert_eq!(protocol(2), [0, 17]);
    assert_eq!(protocol(4), [0, 0, 0, 17]);
    assert_eq!(protocol(8), [0, 0, 0, 0, 0, 0, 0, 17]);
    let port = |length| field([OP_U16, ORIG_SPORT as u32, length, 0], set);
    assert_eq!(port(2), [0x12, 0x34]);
    assert_eq!(port(8), [0, 0, 0, 0, 0, 0, 0x12, 0x34]);
    let mark = |length| field([OP_U32, MARK as u32, length, 0], set);
    assert_eq!(mark(4), [0xde, 0xad, 0xbe, 0xef]);
    assert_eq!(mark(8), [0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef]);
    let octets = field([OP_U64, ORIG_OCTETS as u32, 8, 0], set);
    assert_eq!(octets, [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
    let delta = field([OP_U64, ORIG_OCTET_DELTA as u32, 8, 0], set);
    assert_eq!(delta, octets, "nothing was exported before");
}

#[test]
fn tcp_state_by_name_where_it_is_known() {
    let state = |present: u32, state: u8| {
        field([OP_TCP_STATE, STATE as u32, 0, 0], |_, row| {
            put_u32(row, PRESENT, present);
            row[STATE] = state;
        })
    };
    assert_eq!(state(HAS_TCP_STATE, 3), b"\x0bESTABLISHED");
    assert_eq!(state(HAS_TCP_STATE, 0), b"\x04NONE");
    assert_eq!(state(HAS_TCP_STATE | HAS_MARK, 9), b"\x09SYN_SENT2");
    assert_eq!(state(HAS_TCP_STATE, 10), b"\0", "a number that no kernel of today has");
    assert_eq!(state(HAS_SCTP_STATE, 3), b"\0");
}

#[test]
fn as_many_records_as_fit_the_limit() {
    let (messages, _) = messages_of(&mut Scene::of(6, |_, _| {}), &TEN, &[0, 1, 2, 3, 4, 5], 49, 1000);
    let sizes: Vec<_> = messages
        .iter()
        .map(|(message, count)| (message.len(), *count))
        .collect();
    assert_eq!(sizes, [(24, 2), (24, 2), (24, 2)]);
}

#[test]
fn a_record_that_fits_nowhere_is_passed_over() {
    let mut scene = Scene::of(3, |_, _| {});
    scene.helpers[16..32].fill(b'x');
    let plan = [OP_TEXT, HELPER as u32, 16, 0];
    let (messages, oversize) = messages_of(&mut scene, &plan, &[0, 1, 2], 36, 1000);
    assert_eq!((messages[0].0.len(), messages[0].1, oversize), (6, 2, 1.0));
    let (messages, oversize) = messages_of(&mut scene, &plan, &[0, 1, 2], 3, 1000);
    assert_eq!((messages.len(), oversize), (0, 3.0));
}

#[test]
fn the_longest_message_and_the_most_connections() {
    let slots: Vec<u32> = vec![0; 1000];
    let (messages, _) = messages_of(
        &mut Scene::of(1, |_, _| {}),
        &[OP_BYTES, 0, 152, 0],
        &slots,
        65535,
        200_000,
    );
    assert_eq!((messages[0].0.len(), messages[0].1), (4 + 431 * 152, 431));
    assert_eq!(messages[0].0[2..4], [0xff, 0xec]);
    let (messages, _) = messages_of(&mut Scene::of(1, |_, _| {}), &TEN, &slots, 65535, 200_000);
    assert_eq!(messages.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [512, 488]);
}

/// What a call with these columns is refused for.
fn refused(scene: &Scene, slots: &[u32], from: usize, limit: usize) -> String {
    let mut encoder = FlowEncoder::new(OPTIONS);
    let mut exported = scene.exported.clone();
    let mut output = Output {
        bytes: &mut [0; 100],
        messages: &mut [0; 3],
        entries: &mut [],
        oversize: &mut [],
    };
    let reasons = vec![2; slots.len()];
    let wanted = Slots {
        slots,
        reasons: &reasons,
        from,
    };
    let columns = scene.columns();
    let error = encoder
        .encode(
            &columns,
            &mut exported,
            &wanted,
            limit,
            &mut output,
            &mut Progress::default(),
        )
        .unwrap_err();
    assert_eq!((error.code, exported == scene.exported), (Code::Usage, true));
    error.text
}

#[test]
fn wrong_requests_are_errors() {
    let scene = Scene::of(2, |_, _| {});
    assert_eq!(
        refused(&scene, &[0], 0, 65536),
        "a message limit of 65536 bytes; 65535 are possible"
    );
    assert_eq!(refused(&scene, &[0, 2], 0, 100), "slot 2 of 2");
    assert_eq!(refused(&scene, &[0], 2, 100), "connections from 2 of 1 and 1");
    let shorter: [fn(&mut Scene); 6] = [
        |scene: &mut Scene| scene.flags.truncate(1),
        |scene: &mut Scene| scene.helpers.truncate(1),
        |scene: &mut Scene| scene.zeroed.truncate(1),
        |scene: &mut Scene| scene.exported.truncate(1),
        |scene: &mut Scene| scene.names = vec![0; 14],
        |scene: &mut Scene| scene.states = vec![0],
    ];
    for shorten in shorter {
        let mut short = scene.clone();
        shorten(&mut short);
        assert_eq!(refused(&short, &[0], 0, 100), "columns of fewer than 2 slots");
    }
}

#[test]
fn wrong_definitions_are_errors() {
    let refused = |id: u32, plan: &[u32]| {
        let template = Template { id, plan, reserve: 0 };
        let error = FlowEncoder::new(OPTIONS).define(0, &[template]).unwrap_err();
        assert_eq!(error.code, Code::Usage);
        error.text
    };
    assert_eq!(refused(255, &TEN), "template id 255; 256 to 65535 are possible");
    assert_eq!(refused(65536, &TEN), "template id 65536; 256 to 65535 are possible");
    assert_eq!(refused(256, &[]), "a plan of 0 words");
    assert_eq!(refused(256, &[OP_U8, 0, 1]), "a plan of 3 words");
    assert_eq!(
        refused(256, &[OP_U8, 0, 1, 0, 12, 0, 1, 0]),
        "plan instruction 1 is [12, 0, 1, 0]"
    );
    let end = FIELDS_SIZE as u32;
    for wrong in [
        [OP_BYTES, 0, 0, 0],
        [OP_BYTES, LABELS as u32, 4, 0],
        [OP_BYTES, LABELS as u32 - 1, 2, 0],
        [OP_BYTES, end - 1, 2, 0],
        [OP_BYTES, u32::MAX, 2, 0],
        [OP_U8, end, 1, 0],
        [OP_U8, 0, 3, 0],
        [OP_U16, 0, 1, 0],
        [OP_U32, 0, 2, 0],
        [OP_U64, 0, 4, 0],
        [OP_CONSTANT, 0, 0, 0],
        [OP_CONSTANT, 0, 17, 0],
        [OP_TEXT, HELPER as u32, 0, 0],
        [OP_TEXT, HELPER as u32 + 1, 16, 0],
        [OP_TEXT, 0, 4, 0],
        [OP_TCP_STATE, ROW_SIZE as u32, 0, 0],
        [OP_TCP_STATE, 0, 1, 0],
        [OP_NAME, 0, 0, 0],
        [OP_NAME, end - 3, 0, 0],
        [OP_TCP_HISTORY, 0, 0, 0],
        [OP_SECONDS, end - 7, 4, 0],
        [OP_SECONDS, 0, 8, 0],
        [OP_NTP, end - 7, 8, 0],
        [OP_NTP, 0, 4, 0],
    ] {
        assert_eq!(refused(256, &wrong), format!("plan instruction 0 is {wrong:?}"));
    }
    let mut encoder = FlowEncoder::new(OPTIONS);
    let template = Template {
        id: 256,
        plan: &TEN,
        reserve: 0,
    };
    assert!(encoder.define(5, &[]).is_err());
    assert!(encoder.define(5, &[template; 3]).is_err());
    assert!(encoder.define(5, &[template; 2]).is_ok());
    assert_eq!(
        encoder.define(5, &[template]).unwrap_err().text,
        "a second definition of kind 5"
    );
}
