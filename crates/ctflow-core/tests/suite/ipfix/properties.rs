//! Messages of random connections by random plans, compared with the plainest way to make them.

use super::scene::{Scene, messages_of};
use crate::builders::config;
use ctflow_core::ipfix::*;
use ctflow_core::row::*;
use proptest::prelude::*;

/// Where somebody has `width` bytes.
fn place(width: u32) -> impl Strategy<Value = u32> {
    prop_oneof![0..=LABELS as u32 - width, ROW_SIZE as u32..=FIELDS_SIZE as u32 - width,]
}

/// A valid instruction.
fn instruction() -> impl Strategy<Value = [u32; 4]> {
    let wide = |operation: u32, width: u32, lengths: &'static [u32]| {
        (place(width), prop::sample::select(lengths)).prop_map(move |(at, n)| [operation, at, n, 0])
    };
    let fact = |operation: u32| (ROW_SIZE as u32..=FIELDS_SIZE as u32 - 4).prop_map(move |at| [operation, at, 0, 0]);
    prop_oneof![
        (1..=120u32)
            .prop_flat_map(|n| (place(n), Just(n)))
            .prop_map(|(at, n)| [OP_BYTES, at, n, 0]),
        wide(OP_BYTES, 16, &[4, 16]),
        wide(OP_U8, 1, &[1, 2, 4, 8]),
        wide(OP_U16, 2, &[2, 4, 8]),
        wide(OP_U32, 4, &[4, 8]),
        wide(OP_U64, 8, &[8]),
        wide(OP_SECONDS, 8, &[4]),
        (place(8), any::<u32>()).prop_map(|(at, cut)| [OP_NTP, at, 8, cut]),
        (1..=16u32, any::<u32>()).prop_map(|(n, value)| [OP_CONSTANT, 0, n, value]),
        (0..16u32)
            .prop_flat_map(|at| (Just(at), 1..=16 - at))
            .prop_map(|(at, n)| [OP_TEXT, HELPER as u32 + at, n, 0]),
        (0..LABELS as u32).prop_map(|at| [OP_TCP_STATE, at, 0, 0]),
        fact(OP_NAME),
        fact(OP_TCP_HISTORY),
    ]
}

/// The same as the encoder by the plainest way there is.
fn expected(plan: &[[u32; 4]], names: &[&str], record: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for &[operation, at, length, argument] in plan {
        let (at, length) = (at as usize, length as usize);
        let word = |at: usize| u64::from(u32::from_ne_bytes(record[at..at + 4].try_into().unwrap()));
        let number = match operation {
            OP_U8 => record[at].into(),
            OP_U16 => u16::from_ne_bytes([record[at], record[at + 1]]).into(),
            OP_U32 => word(at),
            OP_U64 => word(at) + (word(at + 4) << 32),
            OP_SECONDS => (word(at) + (word(at + 4) << 32)) / 1000,
            OP_NTP => {
                let milliseconds = u128::from(word(at) + (word(at + 4) << 32));
                let seconds = (milliseconds / 1000 + 2_208_988_800) as u32;
                let fraction = ((milliseconds % 1000) * (1 << 32)).div_ceil(1000) as u32;
                u64::from(seconds) << 32 | u64::from(fraction.wrapping_add(argument) & !argument)
            }
            OP_CONSTANT => argument.into(),
            OP_BYTES => {
                out.extend_from_slice(&record[at..at + length]);
                continue;
            }
            _ => {
                let history;
                let text = match operation {
                    OP_NAME => names.get(word(at) as usize).map_or(&b""[..], |name| name.as_bytes()),
                    OP_TCP_HISTORY => {
                        let states = (0..8).map(|i| word(at) as usize >> (4 * i) & 15);
                        let known = states.take_while(|state| (1..TCP_STATES.len()).contains(state));
                        history = known.map(|state| TCP_STATES[state]).collect::<Vec<_>>().join(",");
                        history.as_bytes()
                    }
                    OP_TEXT => record[at..at + length].split(|byte| *byte == 0).next().unwrap(),
                    _ if word(PRESENT) & u64::from(HAS_TCP_STATE) == 0 => b"",
                    _ => TCP_STATES.get(usize::from(record[at])).unwrap_or(&"").as_bytes(),
                };
                out.push(text.len() as u8);
                out.extend_from_slice(text);
                continue;
            }
        };
        let bytes = (0..length)
            .rev()
            .map(|byte| if byte < 8 { (number >> (8 * byte)) as u8 } else { 0 });
        out.extend(bytes);
    }
    out
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn messages_hold_the_records_in_order(
        plan in proptest::collection::vec(instruction(), 1..12),
        rows in proptest::collection::vec(any::<u8>(), 6 * ROW_SIZE),
        exported in proptest::collection::vec(any::<u8>(), 6 * EXPORTED_SIZE),
        helpers in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 6 * 16),
        numbers in proptest::collection::vec(0..9u32, 6 * 7),
        slots in proptest::collection::vec(0..6u32, 0..20),
        limit in 16..900usize, room in 900..4000usize,
    ) {
        let longest = "x".repeat(LONGEST_NAME);
        let names = ["", "a", "pod-é", "", &longest];
        let mut scene = Scene::new(rows, exported);
        scene.helpers = helpers;
        scene.names = numbers;
        scene.types = vec![3; 6];
        scene.set_texts(&names);
        let records: Vec<_> = {
            let mut copy = scene.clone();
            slots.iter().map(|slot| copy.record(*slot as usize, 2)).collect()
        };
        let plan = plan.concat();
        let (chunks, _) = plan.as_chunks::<4>();
        let wanted: Vec<_> = records.iter().map(|record| expected(chunks, &names, record)).collect();
        let (messages, oversize) = messages_of(&mut scene, &plan, &slots, limit, room);
        prop_assert_eq!(wanted.iter().filter(|data| data.len() + 20 > limit).count() as f64, oversize);
        let mut wanted = wanted.iter().filter(|data| data.len() + 20 <= limit).peekable();
        for (message, count) in &messages {
            prop_assert!(message.len() + 16 <= limit);
            prop_assert_eq!(&message[..4], &[1, 44, (message.len() >> 8) as u8, message.len() as u8]);
            let data: Vec<u8> = wanted.by_ref().take(*count as usize).flatten().copied().collect();
            prop_assert_eq!(&message[4..], &data);
            // the next one has no room in it
            prop_assert!(wanted.peek().is_none_or(|next| message.len() + 16 + next.len() > limit));
        }
        prop_assert_eq!(wanted.next(), None);
    }
}
