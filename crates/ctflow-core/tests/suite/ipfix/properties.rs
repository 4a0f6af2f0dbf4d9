//! Messages of random records by random plans, compared with the plainest way to make them.

use crate::builders::config;
use ctflow_core::ipfix::*;
use ctflow_core::row::*;
use proptest::prelude::*;

/// A valid instruction.
fn instruction() -> impl Strategy<Value = [u32; 4]> {
    let wide = |operation: u32, width: u32, lengths: &'static [u32]| {
        (0..=RECORD_SIZE as u32 - width, prop::sample::select(lengths)).prop_map(move |(at, n)| [operation, at, n, 0])
    };
    prop_oneof![
        (0..RECORD_SIZE as u32)
            .prop_flat_map(|at| (Just(at), 1..=RECORD_SIZE as u32 - at))
            .prop_map(|(at, n)| [OP_BYTES, at, n, 0]),
        wide(OP_BYTES, 16, &[4, 16]),
        wide(OP_U8, 1, &[1, 2, 4, 8]),
        wide(OP_U16, 2, &[2, 4, 8]),
        wide(OP_U32, 4, &[4, 8]),
        wide(OP_U64, 8, &[8]),
        wide(OP_SECONDS, 8, &[4]),
        (1..=16u32, any::<u32>()).prop_map(|(n, value)| [OP_CONSTANT, 0, n, value]),
        (0..RECORD_SIZE as u32)
            .prop_flat_map(|at| (Just(at), 1..=254.min(RECORD_SIZE as u32 - at)))
            .prop_map(|(at, n)| [OP_TEXT, at, n, 0]),
        (0..RECORD_SIZE as u32).prop_map(|at| [OP_TCP_STATE, at, 0, 0]),
        wide(OP_NAME, 4, &[0]),
        wide(OP_TCP_HISTORY, 4, &[0]),
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
        mut records in proptest::collection::vec(any::<u8>(), 0..10 * RECORD_SIZE),
        zeros in any::<u8>(), from in 0..3usize, limit in 16..900usize, prefix in proptest::collection::vec(any::<u8>(), 0..40),
        room in 0..4000usize, pairs in 0..12usize, sequence: u32,
    ) {
        for byte in records.iter_mut().filter(|byte| **byte < zeros) {
            *byte = 0; // texts of all lengths
        }
        let to = records.len() / RECORD_SIZE;
        let from = from.min(to);
        let longest = "x".repeat(LONGEST_NAME);
        let names = ["", "a", "pod-é", "", &longest];
        let text = names.concat();
        let ends: Vec<u32> = names.iter().scan(0, |end, name| { *end += name.len() as u32; Some(*end) }).collect();
        for record in records.as_chunks_mut::<RECORD_SIZE>().0 {
            let numbers: Vec<_> = plan.iter().filter(|[operation, ..]| *operation == OP_NAME).map(|i| i[1] as usize).collect();
            for at in numbers {
                let number = u32::from(record[at] % 8);
                record[at..at + 4].copy_from_slice(&number.to_ne_bytes());
            }
        }
        let mut request = Request {
            names: Names { bytes: text.as_bytes(), ends: &ends }, plan: &plan.concat(), template_id: 300, records: &records, from, to, prefix: &prefix, limit,
            export_time: 1, sequence, observation_domain: 2,
        };
        let (mut out, mut lengths) = (vec![0; room], vec![0; pairs * 2]);
        if !prefix.is_empty() && prefix.len() + 16 > limit {
            prop_assert!(encode(&request, &mut out, &mut lengths).is_err());
            request.prefix = &[];
        }
        let encoded = encode(&request, &mut out, &mut lengths).unwrap();

        prop_assert!((from..=to).contains(&encoded.next));
        prop_assert!(encoded.messages <= pairs);
        let mut wanted = records.as_chunks::<RECORD_SIZE>().0.iter().skip(from).take(encoded.next - from)
            .map(|record| expected(&plan, &names, record)).filter(|data| data.len() + 20 <= limit);
        let (mut at, mut before) = (0, sequence);
        let mut prefix = request.prefix;
        for &[length, count] in lengths.as_chunks::<2>().0.iter().take(encoded.messages) {
            let length = length as usize;
            prop_assert!(length <= limit);
            let message = &out[at..at + length];
            prop_assert_eq!(&message[..4], &[0, 10, (length >> 8) as u8, length as u8]);
            prop_assert_eq!(&message[4..8], &[0, 0, 0, 1]);
            prop_assert_eq!(&message[8..12], &before.to_be_bytes());
            prop_assert_eq!(&message[12..16], &[0, 0, 0, 2]);
            let sets = message[16..].strip_prefix(prefix).unwrap();
            prop_assert!(count > 0 || !prefix.is_empty() && sets.is_empty());
            if count > 0 {
                prop_assert_eq!(&sets[..4], &[1, 44, (sets.len() >> 8) as u8, sets.len() as u8]);
                let data: Vec<u8> = wanted.by_ref().take(count as usize).flatten().collect();
                prop_assert_eq!(&sets[4..], &data);
            }
            prefix = &[];
            before = before.wrapping_add(count);
            at += length;
        }
        prop_assert_eq!(wanted.next(), None);
        prop_assert_eq!(before.wrapping_sub(sequence) as usize + encoded.oversize, encoded.next - from);
        let stopped = room - at < limit || encoded.messages == pairs;
        prop_assert!(stopped || encoded.next == to && prefix.is_empty());
    }
}
