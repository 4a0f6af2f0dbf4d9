//! What a record has beside its row: times, deltas, the reason, names. Behind the row in the numbering of a plan's offsets.

use super::columns::{Columns, FROM_HOST};
use crate::row::*;

/// The facts of one record; a field stands at its offset less ROW_SIZE.
pub(crate) type Facts = [u8; FACTS_SIZE];
/// Nothing is known.
pub(crate) const FACTS_NONE: Facts = [0; FACTS_SIZE];

const COUNTERS: [usize; 4] = [ORIG_PACKETS, ORIG_OCTETS, REPLY_PACKETS, REPLY_OCTETS];
const ORIG_PACKET_DELTA_AT: usize = ORIG_PACKET_DELTA - ROW_SIZE;
/// Where a stored row has its times, in place of labels and helper (src/store/connection-table.ts).
const START_AT: usize = LABELS;
const END_AT: usize = LABELS + 8;

/// natType (IE 297).
const NAT44: u8 = 1;
const NAT66: u8 = 5;

/// biflowDirection (IE 239).
const ARBITRARY: u8 = 0;
const INITIATOR: u8 = 1;
const REVERSE_INITIATOR: u8 = 2;

/// Conntrack sets it for both directions when it picks a connection up in the middle (nf_conntrack_proto_tcp.c).
const BE_LIBERAL: u8 = 0x08;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const TCP: u8 = 6;

/// Words of a rule: forwardingStatus | action << 8 | ingress << 16, policy, its namespace, the rule.
pub(crate) const RULE_WORDS: usize = 4;
/// Names of a flow: pod, namespace and node of either side, and the service port.
pub(crate) const NAMES: usize = 7;
/// Interfaces of a flow: ingress and egress.
pub(crate) const INTERFACES: usize = 2;
/// Owners of a flow: of source and destination.
pub(crate) const OWNERS: usize = 2;
/// Names of an owner: user, cgroup, unit, container, its name, pod, command.
pub(crate) const OWNER_WORDS: usize = 7;
/// What is known of the addresses of a flow: AS number, country and DNS name of source and destination.
pub(crate) const ADDRESS_FACTS: usize = 6;
/// What is known of the pods of a flow beside their names: workload and labels of the source's and the destination's.
pub(crate) const POD_FACTS: usize = 4;

/// Fills in the facts of the connection in `slot`.
/// @param exported its counters as last exported
#[inline]
pub(crate) fn read(
    facts: &mut Facts,
    columns: &Columns,
    slot: usize,
    row: &[u8; ROW_SIZE],
    exported: &[u8; 32],
    reason: u8,
) {
    let start = milliseconds(row, START_AT);
    put(facts, FLOW_START_MS, start);
    let end = milliseconds(row, END_AT);
    put(facts, FLOW_END_MS, end);
    put_u32(facts, FLOW_DURATION_MS, end.wrapping_sub(start) as u32);
    for (number, at) in COUNTERS.into_iter().enumerate() {
        let before = u64_at(exported, number * 8);
        let delta = u64_at(row, at).wrapping_sub(before);
        put(facts, ROW_SIZE + ORIG_PACKET_DELTA_AT + number * 8, delta);
    }
    put(facts, FLOW_ID, flow_id(row, start));
    facts[END_REASON - ROW_SIZE] = reason;
    let present = get_u32(row, PRESENT);
    facts[BIFLOW_DIRECTION - ROW_SIZE] = direction(row, present);
    facts[NAT_TYPE - ROW_SIZE] = if row[FAMILY] == AF_INET6 { NAT66 } else { NAT44 };
    let from_host = columns.flags[slot] & FROM_HOST != 0;
    facts[FLOW_DIRECTION - ROW_SIZE] = from_host.into();
    facts[REVERSE_FLOW_DIRECTION - ROW_SIZE] = (!from_host).into();
    if let Some(states) = columns.states.get(slot) {
        let before = states_before(*states, row[STATE].into());
        put_u32(facts, TCP_STATE_HISTORY, before);
    }
    if let Some(names) = columns.names.as_chunks::<NAMES>().0.get(slot) {
        for (number, name) in names.iter().enumerate() {
            put_u32(facts, SOURCE_POD_NAME + number * 4, *name);
        }
        facts[FLOW_TYPE - ROW_SIZE] = columns.types[slot];
    }
    if let Some([ingress, egress]) = columns.interfaces_of(slot) {
        put_u32(facts, INGRESS_INTERFACE, ingress);
        put_u32(facts, EGRESS_INTERFACE, egress);
    }
    if let Some(owners) = columns.owners_of(slot) {
        put_owners(facts, columns, owners);
    }
    if let Some(known) = columns.address_facts_of(slot) {
        for (number, fact) in known.iter().enumerate() {
            put_u32(facts, SOURCE_AS_NUMBER + number * 4, *fact);
        }
    }
    if let Some(known) = columns.pod_facts_of(slot) {
        for (number, fact) in known.iter().enumerate() {
            put_u32(facts, SOURCE_WORKLOAD + number * 4, *fact);
        }
    }
    if let Some(rule) = columns.rules.get(slot) {
        put_rule(facts, columns.rule_facts, usize::from(*rule));
    }
}

fn put_owners(facts: &mut Facts, columns: &Columns, [source, destination]: [u32; OWNERS]) {
    for (at, owner) in [(SOURCE_USER_NAME, source), (DESTINATION_USER_NAME, destination)] {
        for (number, name) in columns.owner(owner).iter().enumerate() {
            put_u32(facts, at + number * 4, *name);
        }
    }
    let user = columns.owner(if source == 0 { destination } else { source })[0];
    put_u32(facts, USER_NAME, user);
}

/// The rule that has denied a packet of it; number 0 is none.
fn put_rule(facts: &mut Facts, rules: &[u32], number: usize) {
    const NONE: [u32; RULE_WORDS] = [0; RULE_WORDS];
    let rule = rules.as_chunks::<RULE_WORDS>().0.get(number).unwrap_or(&NONE);
    let rule = if number == 0 { &NONE } else { rule };
    let ingress = rule[0] >> 16 & 1 != 0;
    let [here, there] = if ingress { [rule, &NONE] } else { [&NONE, rule] };
    facts[FORWARDING_STATUS - ROW_SIZE] = rule[0] as u8;
    facts[INGRESS_RULE_ACTION - ROW_SIZE] = (here[0] >> 8) as u8;
    facts[EGRESS_RULE_ACTION - ROW_SIZE] = (there[0] >> 8) as u8;
    for (at, rule) in [(INGRESS_POLICY_NAME, here), (EGRESS_POLICY_NAME, there)] {
        for (number, name) in rule[1..].iter().enumerate() {
            put_u32(facts, at + number * 4, *name);
        }
    }
}

/// The states before the last time that it had this one; all where it never had. Four bits each, the oldest in the lowest.
fn states_before(states: u32, state: u32) -> u32 {
    for shift in (0..32).step_by(4).rev() {
        if states >> shift & 15 == state {
            return states & ((1 << shift) - 1);
        }
    }
    states
}

/// The original direction is the initiator's, unless TCP was picked up in the middle, or may have been. Of a denied packet, SYN
/// tells who begins.
fn direction(row: &[u8; ROW_SIZE], present: u32) -> u8 {
    if row[PROTOCOL] != TCP {
        return INITIATOR;
    }
    let flags = row[TCP_FLAGS];
    if present & HAS_TCP_HEADER != 0 {
        return match (flags & SYN != 0, flags & ACK != 0) {
            (false, _) => ARBITRARY,
            (true, true) => REVERSE_INITIATOR,
            (true, false) => INITIATOR,
        };
    }
    if present & HAS_TCP_FLAGS == 0 || flags & BE_LIBERAL != 0 {
        ARBITRARY
    } else {
        INITIATOR
    }
}

/// flowId (IE 148): the kernel's id and start time hashed into 64 bits, the same after a restart. Where one of them is not known,
/// the tuple's hash and the flow start take their place.
fn flow_id(row: &[u8; ROW_SIZE], start: u64) -> u64 {
    let named = get_u32(row, PRESENT) & IDENTITY_FLAGS == IDENTITY_FLAGS;
    let (id, low, high) = if named {
        (get_u32(row, ID), get_u32(row, START_NS), get_u32(row, START_NS + 4))
    } else {
        (get_u32(row, HASH), start as u32, (start >> 32) as u32)
    };
    let first = mix(mix(mix(0x9747_b28c, id), low), high);
    let second = mix(mix(mix(0x3c6e_f372, high), id), low);
    u64::from(first) | u64::from(second) << 32
}

/// One step of a 32-bit multiplicative hash with full avalanche.
fn mix(hash: u32, word: u32) -> u32 {
    let mut h = (hash ^ word).wrapping_mul(0x85eb_ca6b);
    h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

/// Whether it lasts longer than flowDurationMilliseconds (IE 161, 32 bits) can say: above 49 days.
#[inline(always)]
pub(crate) fn is_long(row: &[u8; ROW_SIZE]) -> bool {
    double(row, END_AT) - double(row, START_AT) > f64::from(u32::MAX)
}

/// Whole milliseconds since 1970, kept as a double.
fn milliseconds(row: &[u8; ROW_SIZE], at: usize) -> u64 {
    double(row, at) as u64
}

#[inline(always)]
fn double(row: &[u8; ROW_SIZE], at: usize) -> f64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&row[at..at + 8]);
    f64::from_ne_bytes(bytes)
}

/// Two words, the low one first.
#[inline]
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let word = |at: usize| {
        u64::from(u32::from_ne_bytes([
            bytes[at],
            bytes[at + 1],
            bytes[at + 2],
            bytes[at + 3],
        ]))
    };
    word(at) | word(at + 4) << 32
}

/// @param field its offset behind the row
#[inline]
fn put(facts: &mut Facts, field: usize, value: u64) {
    put_u32(facts, field, value as u32);
    put_u32(facts, field + 4, (value >> 32) as u32);
}

#[inline]
fn put_u32(facts: &mut Facts, field: usize, value: u32) {
    facts[field - ROW_SIZE..][..4].copy_from_slice(&value.to_ne_bytes());
}
