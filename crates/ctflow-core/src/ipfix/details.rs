//! Facts that only some records have and that no bit of a shape stands for: src/ipfix/details.ts.

use super::columns::Columns;
use super::facts::{NAMES, RULE_WORDS};
use crate::error::{Code, Error};
use crate::row::*;

const TEST_PRESENT: u32 = 0;
const TEST_STATUS: u32 = 1;
const TEST_PORTS_OF: u32 = 2;
const TEST_NAMES: u32 = 3;
const TEST_TYPE: u32 = 4;
const TEST_RULE: u32 = 5;
const TEST_OWNER: u32 = 6;
const TEST_ADDRESS: u32 = 7;
const TEST_WORD: u32 = 8;
const TEST_POD: u32 = 9;
const RULE_EGRESS: u32 = 1;
const RULE_NAME: u32 = 2;
const INGRESS: u32 = 1 << 16;

const FIRST_DETAIL: u32 = 22;
const MOST_DETAILS: usize = 9;
/// Words of a detail: a test and its argument.
const DETAIL_WORDS: usize = 2;

/// Those that a destination asks for.
#[derive(Default)]
pub(crate) struct Details(Vec<[u32; DETAIL_WORDS]>);

impl Details {
    pub(crate) fn read(words: &[u32]) -> Result<Self, Error> {
        let (details, rest) = words.as_chunks::<DETAIL_WORDS>();
        if !rest.is_empty() || details.len() > MOST_DETAILS || details.iter().any(is_wrong) {
            return Err(Error::new(Code::Usage, format!("details {words:?}")));
        }
        Ok(Self(details.to_vec()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bits of a kind. Few destinations ask for any.
    #[inline(never)]
    pub(crate) fn of(&self, columns: &Columns, slot: usize, row: &[u8; ROW_SIZE]) -> u32 {
        let numbered = self.0.iter().zip(FIRST_DETAIL..);
        let bit =
            |([test, argument], bit): (&[u32; 2], u32)| u32::from(has(*test, *argument, columns, slot, row)) << bit;
        numbered.map(bit).sum()
    }
}

fn is_wrong([test, argument]: &[u32; DETAIL_WORDS]) -> bool {
    *test > TEST_POD
        || (*test == TEST_WORD && (*argument as usize > ROW_SIZE - size_of::<u32>() || !argument.is_multiple_of(4)))
}

fn has(test: u32, argument: u32, columns: &Columns, slot: usize, row: &[u8; ROW_SIZE]) -> bool {
    match test {
        TEST_PRESENT => get_u32(row, PRESENT) & argument != 0,
        TEST_STATUS => get_u32(row, STATUS) & argument != 0,
        TEST_PORTS_OF => u32::from(row[PROTOCOL]) == argument && get_u32(row, PRESENT) & HAS_PORTS != 0,
        TEST_NAMES => {
            let names = columns.names.as_chunks::<NAMES>().0.get(slot);
            names.is_some_and(|names| (0..NAMES).all(|name| argument >> name & 1 == 0 || names[name] != 0))
        }
        TEST_TYPE => columns.types.get(slot).is_some_and(|kind| *kind != 0),
        TEST_RULE => is_denied(argument, columns, slot),
        TEST_OWNER => {
            let owners = columns.owners_of(slot).unwrap_or_default();
            (0..)
                .zip(owners)
                .any(|(side, owner)| argument >> side & 1 != 0 && owner != 0)
        }
        TEST_ADDRESS => {
            let fact = columns
                .address_facts_of(slot)
                .and_then(|facts| facts.get(argument as usize));
            fact.is_some_and(|fact| *fact != 0)
        }
        TEST_WORD => get_u32(row, argument as usize) != 0,
        _ => {
            let fact = columns
                .pod_facts_of(slot)
                .and_then(|facts| facts.get(argument as usize));
            fact.is_some_and(|fact| *fact != 0)
        }
    }
}

fn is_denied(wanted: u32, columns: &Columns, slot: usize) -> bool {
    let number = columns.rules.get(slot).map_or(0, |rule| usize::from(*rule));
    let rules = columns.rule_facts.as_chunks::<RULE_WORDS>().0;
    match rules.get(number) {
        Some([facts, names @ ..]) if number != 0 => {
            (facts & INGRESS == 0) == (wanted & RULE_EGRESS != 0)
                && (0..names.len()).all(|word| wanted & RULE_NAME << word == 0 || names[word] != 0)
        }
        _ => false,
    }
}
