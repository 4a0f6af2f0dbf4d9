//! What records are written from, by slot of a store: src/encoder/columns.ts.

use super::Names;
use super::facts::{ADDRESS_FACTS, INTERFACES, NAMES, OWNER_WORDS, OWNERS, POD_FACTS, RULE_WORDS};
use super::shape::{DENIED, EGRESS, INGRESS, ONE_END_LOCAL, SERVICE, TCP_HISTORY};
use crate::error::{Code, Error};
use crate::row::ROW_SIZE;

/// Bytes of what a destination has exported of a slot (src/schedule/export-state.ts).
pub const EXPORTED_SIZE: usize = 64;
/// Where the four counters stand in it.
pub(crate) const EXPORTED_COUNTERS: usize = 24;
/// The reason of the last record.
pub(crate) const LAST_REASON: usize = 56;
/// The state in the last record.
pub(crate) const LAST_STATE: usize = 57;
/// Whether the connection has counted since.
pub(crate) const NEWS: usize = 58;
/// It has not.
pub(crate) const NEWS_NONE: u8 = 1;

/// Bytes of a helper's name.
const HELPER_SIZE: usize = 16;
/// Words of the four counters.
pub(crate) const COUNTER_WORDS: usize = 8;
/// Flag of a slot whose counters were set to zero in the kernel.
pub(crate) const ZEROED: u8 = 8;

/// The action of a rule that lets pass.
const RULE_ALLOWS: u32 = 1;

/// Flags of a slot: only the original source is an address of this host, or only the destination.
pub(crate) const FROM_HOST: u8 = 16;
pub(crate) const TO_HOST: u8 = 32;

/// The facts of all slots. A column of a store that knows nothing of its kind is empty.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// Rows of ROW_SIZE bytes, with times where a row that is read has labels.
    pub rows: &'a [u8],
    /// Flags of the slots.
    pub flags: &'a [u8],
    /// Names of helpers, sixteen bytes each.
    pub helpers: &'a [u8],
    /// What slots that are ZEROED had counted before, eight words each.
    pub zeroed: &'a [u32],
    /// Seven numbers of names each.
    pub names: &'a [u32],
    /// flowType.
    pub types: &'a [u8],
    /// TCP states, four bits each.
    pub states: &'a [u32],
    /// The rule that has denied a packet, or that allows.
    pub rules: &'a [u16],
    /// Four words a rule, by its number.
    pub rule_facts: &'a [u32],
    /// Two interfaces each: ingress and egress.
    pub interfaces: &'a [u32],
    /// Two owners each, of source and destination; 0 for none.
    pub owners: &'a [u32],
    /// Seven names an owner, by its number.
    pub owner_facts: &'a [u32],
    /// Six words each: AS number, country and DNS name of the source's address, then of the destination's.
    pub address_facts: &'a [u32],
    /// Four names each: workload and labels of the source's pod, then of the destination's.
    pub pod_facts: &'a [u32],
    /// The name table.
    pub texts: Names<'a>,
}

impl Columns<'_> {
    /// The bits of a shape that no row tells.
    #[inline(always)]
    pub(crate) fn shape_of(&self, slot: usize) -> u32 {
        let states = self.states.get(slot).is_some_and(|states| *states != 0);
        let denied = self
            .rules
            .get(slot)
            .is_some_and(|rule| *rule != 0 && self.denies(*rule));
        let service = self.names.get(slot * NAMES + NAMES - 1).is_some_and(|name| *name != 0);
        let bit = |known, bit| if known { bit } else { 0 };
        let one_end = self.flags[slot] & (FROM_HOST | TO_HOST) != 0;
        let [ingress, egress] = self.interfaces_of(slot).unwrap_or([0, 0]);
        bit(states, TCP_HISTORY)
            | bit(denied, DENIED)
            | bit(service, SERVICE)
            | bit(one_end, ONE_END_LOCAL)
            | bit(ingress != 0, INGRESS)
            | bit(egress != 0, EGRESS)
    }

    /// Whether the rule of this number denies; one that nobody knows does.
    fn denies(&self, rule: u16) -> bool {
        let rules = self.rule_facts.as_chunks::<RULE_WORDS>().0;
        rules
            .get(usize::from(rule))
            .is_none_or(|rule| rule[0] >> 8 & 0xff != RULE_ALLOWS)
    }

    /// Where it comes in, and where it goes out; 0 for what is not known.
    #[inline(always)]
    pub(crate) fn interfaces_of(&self, slot: usize) -> Option<[u32; INTERFACES]> {
        self.interfaces.as_chunks::<INTERFACES>().0.get(slot).copied()
    }

    /// The names of an owner, none of them known where there is none of this number.
    pub(crate) fn owner(&self, number: u32) -> &[u32; OWNER_WORDS] {
        const NONE: &[u32; OWNER_WORDS] = &[0; OWNER_WORDS];
        let known = self.owner_facts.as_chunks().0.get(number as usize);
        known.filter(|_| number != 0).unwrap_or(NONE)
    }

    /// The owners of source and destination, 0 for what is not known.
    pub(crate) fn owners_of(&self, slot: usize) -> Option<[u32; OWNERS]> {
        self.owners.as_chunks::<OWNERS>().0.get(slot).copied()
    }

    /// What is known of its addresses, each 0 where it is not.
    pub(crate) fn address_facts_of(&self, slot: usize) -> Option<&[u32; ADDRESS_FACTS]> {
        self.address_facts.as_chunks::<ADDRESS_FACTS>().0.get(slot)
    }

    /// What is known of its pods beside their names, each 0 where it is not.
    pub(crate) fn pod_facts_of(&self, slot: usize) -> Option<&[u32; POD_FACTS]> {
        self.pod_facts.as_chunks::<POD_FACTS>().0.get(slot)
    }

    /// The name of its helper, where its row has one.
    #[inline(always)]
    pub(crate) fn helper(&self, slot: usize) -> &[u8; 16] {
        &self.helpers.as_chunks::<16>().0[slot]
    }

    /// Slots that there are. An error where a column is shorter.
    pub(crate) fn slots(&self, exported: &[u8]) -> Result<usize, Error> {
        let slots = self.rows.len() / ROW_SIZE;
        let fits = |length: usize, each: usize| length >= slots * each;
        let may = |length: usize, each: usize| length == 0 || fits(length, each);
        let whole = fits(self.flags.len(), 1)
            && fits(self.helpers.len(), HELPER_SIZE)
            && fits(self.zeroed.len(), COUNTER_WORDS)
            && fits(exported.len(), EXPORTED_SIZE)
            && may(self.names.len(), NAMES)
            && may(self.types.len(), 1)
            && self.types.is_empty() == self.names.is_empty()
            && may(self.states.len(), 1)
            && may(self.rules.len(), 1)
            && may(self.interfaces.len(), INTERFACES)
            && may(self.owners.len(), OWNERS)
            && may(self.address_facts.len(), ADDRESS_FACTS)
            && may(self.pod_facts.len(), POD_FACTS)
            && self.owner_facts.len().is_multiple_of(OWNER_WORDS)
            && self.rule_facts.len().is_multiple_of(RULE_WORDS);
        if whole {
            Ok(slots)
        } else {
            Err(Error::new(Code::Usage, format!("columns of fewer than {slots} slots")))
        }
    }
}
