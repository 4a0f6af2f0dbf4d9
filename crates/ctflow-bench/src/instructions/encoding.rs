//! Connections of a store to messages, by the plan of profile standard for a connection with ports and counters both ways.

use super::rows_of;
use ctflow_core::ipfix::{
    Columns, EXPORTED_SIZE, FlowEncoder, LAST, MESSAGE_WORDS, Names, OP_BYTES, OP_U8, OP_U16, OP_U64, Options, Output,
    Progress, Slots, Stop, Template,
};
use ctflow_core::row::*;
use std::hint::black_box;

/// An MTU of 1,400 less the headers of IPv4 and UDP.
const LIMIT: usize = 1372;
const FIRST_TEMPLATE: u32 = 256;
/// Active timeout.
const REASON: u8 = 2;

/// Exports every connection once.
pub fn encoding(family: u8) -> Box<dyn FnMut() -> usize> {
    let mut rows = rows_of(family);
    let count = rows.len() / ROW_SIZE;
    for (number, row) in rows.as_chunks_mut::<ROW_SIZE>().0.iter_mut().enumerate() {
        // where a stored row has its times
        for at in [LABELS, LABELS + 8] {
            row[at..at + 8].copy_from_slice(&(1.79e12 + number as f64).to_ne_bytes());
        }
    }
    let plan = plan(if family == AF_INET { 4 } else { 16 });
    let slots: Vec<u32> = (0..count as u32).collect();
    let reasons = vec![REASON | LAST; count];
    let mut exported = vec![0; count * EXPORTED_SIZE];
    let (flags, helpers, zeroed) = (vec![0; count], vec![0; count * 16], vec![0; count * 8]);
    let mut encoder = FlowEncoder::new(Options {
        shapes: u32::MAX,
        uniflows: false,
        zero_deltas: false,
        journal: None,
    });
    let mut templates = FIRST_TEMPLATE..;
    let mut bytes = vec![0; count * 512];
    let mut messages = vec![0; count * MESSAGE_WORDS];
    Box::new(move || {
        exported.fill(0);
        let columns = Columns {
            rows: black_box(&rows),
            flags: &flags,
            helpers: &helpers,
            zeroed: &zeroed,
            names: &[],
            types: &[],
            states: &[],
            rules: &[],
            rule_facts: &[],
            interfaces: &[],
            owners: &[],
            owner_facts: &[],
            address_facts: &[],
            pod_facts: &[],
            texts: Names::NONE,
        };
        let mut output = Output {
            bytes: &mut bytes,
            messages: &mut messages,
            entries: &mut [],
            oversize: &mut [],
        };
        let mut progress = Progress::default();
        let mut from = 0;
        loop {
            let wanted = Slots {
                slots: &slots,
                reasons: &reasons,
                from,
            };
            let (next, stop) = encoder
                .encode(&columns, &mut exported, &wanted, LIMIT, &mut output, &mut progress)
                .expect("a request that is right");
            from = next;
            match stop {
                Stop::Unknown(key) => {
                    let template = Template {
                        id: templates.next().expect("few kinds"),
                        plan: &plan,
                        reserve: 0,
                    };
                    encoder.define(key, &[template]).expect("a plan that is right");
                }
                Stop::Done => break,
                Stop::Full => panic!("too little room"),
            }
        }
        assert!(encoder.close(&mut output, &mut progress));
        let closed = messages.as_chunks::<MESSAGE_WORDS>().0.iter().take(progress.messages);
        closed.map(|[_, records, _]| *records as usize).sum()
    })
}

/// `address`: bytes of an address.
fn plan(address: u32) -> Vec<u32> {
    let fields: [(u32, usize, u32); 18] = [
        (OP_BYTES, ORIG_SRC, address),
        (OP_BYTES, ORIG_DST, address),
        (OP_U16, ORIG_SPORT, 2),
        (OP_U16, ORIG_DPORT, 2),
        (OP_U8, PROTOCOL, 1),
        (OP_U64, FLOW_START_MS, 8),
        (OP_U64, FLOW_END_MS, 8),
        (OP_U64, ORIG_PACKETS, 8),
        (OP_U64, ORIG_OCTETS, 8),
        (OP_U64, ORIG_PACKET_DELTA, 8),
        (OP_U64, ORIG_OCTET_DELTA, 8),
        (OP_U64, REPLY_PACKETS, 8),
        (OP_U64, REPLY_OCTETS, 8),
        (OP_U64, REPLY_PACKET_DELTA, 8),
        (OP_U64, REPLY_OCTET_DELTA, 8),
        (OP_U8, END_REASON, 1),
        (OP_U8, BIFLOW_DIRECTION, 1),
        (OP_U64, FLOW_ID, 8),
    ];
    fields
        .into_iter()
        .flat_map(|(operation, offset, length)| [operation, offset as u32, length, 0])
        .collect()
}
