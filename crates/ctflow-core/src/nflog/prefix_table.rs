//! Log prefixes by number, so that a row of fixed size can hold one.

use std::collections::HashMap;

/// Prefixes at most. nft and iptables hold 127 bytes each.
pub const MOST_PREFIXES: usize = 4096;

/// The prefixes seen so far. Number 0 is the empty one, and stands for those that found no room.
#[derive(Debug)]
pub struct PrefixTable {
    texts: Vec<Box<[u8]>>,
    numbers: HashMap<Box<[u8]>, u32>,
}

impl PrefixTable {
    /// With the empty prefix.
    pub fn new() -> Self {
        Self {
            texts: vec![Box::default()],
            numbers: HashMap::from([(Box::default(), 0)]),
        }
    }

    /// The number of a prefix; none where the table is full and does not have it.
    pub fn intern(&mut self, prefix: &[u8]) -> Option<u32> {
        if let Some(number) = self.numbers.get(prefix) {
            return Some(*number);
        }
        if self.texts.len() == MOST_PREFIXES {
            return None;
        }
        let number = self.texts.len() as u32;
        self.texts.push(prefix.into());
        self.numbers.insert(prefix.into(), number);
        Some(number)
    }

    /// The prefix of this number.
    pub fn get(&self, number: u32) -> Option<&[u8]> {
        self.texts.get(number as usize).map(|text| &**text)
    }
}

impl Default for PrefixTable {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_keeps_its_number() {
        let mut table = PrefixTable::new();
        assert_eq!(table.intern(b""), Some(0));
        assert_eq!(table.intern(b"deny-web"), Some(1));
        assert_eq!(table.intern(b"deny-ssh"), Some(2));
        assert_eq!(table.intern(b"deny-web"), Some(1));
        assert_eq!(table.get(2), Some(&b"deny-ssh"[..]));
        assert_eq!(table.get(3), None);
    }

    #[test]
    fn a_full_table_knows_only_what_it_has() {
        let mut table = PrefixTable::new();
        for number in 1..MOST_PREFIXES as u32 {
            assert_eq!(table.intern(&number.to_ne_bytes()), Some(number));
        }
        assert_eq!(table.intern(b"one more"), None);
        assert_eq!(table.intern(&7u32.to_ne_bytes()), Some(7));
    }
}
