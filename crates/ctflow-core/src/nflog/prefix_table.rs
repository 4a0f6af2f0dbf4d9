//! Log prefixes of groups by number, so that a row of fixed size can hold one.

use std::collections::HashMap;

/// Prefixes in use at most. nft and iptables hold 127 bytes each.
pub const MOST_PREFIXES: usize = 4096;

/// The prefixes in use. Number 0 stands for those that found no room.
#[derive(Debug)]
pub struct PrefixTable {
    /// The group in two bytes, and the prefix. None where the number is free.
    texts: Vec<Option<Box<[u8]>>>,
    numbers: HashMap<Box<[u8]>, u32>,
    free: Vec<u32>,
    /// By number: rows that had a number when it was given last, that row included.
    last: Vec<u64>,
    /// What is looked up.
    key: Vec<u8>,
    /// Rows that were given a number.
    rows: u64,
}

impl PrefixTable {
    /// With number 0.
    pub fn new() -> Self {
        Self {
            texts: vec![Some(Box::new([0; 2]))],
            numbers: HashMap::new(),
            free: Vec::new(),
            last: vec![0],
            key: Vec::new(),
            rows: 0,
        }
    }

    /// The number of the next row's prefix; none where the table is full and does not have it.
    pub fn intern(&mut self, group: u16, prefix: &[u8]) -> Option<u32> {
        self.rows += 1;
        self.key.clear();
        self.key.extend_from_slice(&group.to_be_bytes());
        self.key.extend_from_slice(prefix);
        let number = match self.numbers.get(&self.key[..]) {
            Some(number) => *number,
            None => self.add()?,
        };
        self.last[number as usize] = self.rows;
        Some(number)
    }

    /// Rows that were given a number so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Group and prefix of this number.
    pub fn get(&self, number: u32) -> Option<(u16, &[u8])> {
        let (group, prefix) = self.texts.get(number as usize)?.as_deref()?.split_first_chunk()?;
        Some((u16::from_be_bytes(*group), prefix))
    }

    /// How many there are, number 0 included.
    pub fn count(&self) -> usize {
        self.numbers.len() + 1
    }

    /// Frees the numbers that are not among `used`, and that no row has but the first `taken`.
    pub fn keep(&mut self, used: &[u32], taken: u64) {
        let mut kept = vec![false; self.texts.len()];
        for number in used {
            if let Some(kept) = kept.get_mut(*number as usize) {
                *kept = true;
            }
        }
        for (number, kept) in kept.into_iter().enumerate().skip(1) {
            if kept || self.last[number] > taken {
                continue;
            }
            if let Some(text) = self.texts[number].take() {
                self.numbers.remove(&text);
                self.free.push(number as u32);
            }
        }
    }

    fn add(&mut self) -> Option<u32> {
        let number = match self.free.pop() {
            Some(number) => number,
            None if self.texts.len() == MOST_PREFIXES => return None,
            None => {
                self.texts.push(None);
                self.last.push(0);
                self.texts.len() as u32 - 1
            }
        };
        let key: Box<[u8]> = self.key.as_slice().into();
        self.texts[number as usize] = Some(key.clone());
        self.numbers.insert(key, number);
        Some(number)
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
        assert_eq!(table.intern(5, b""), Some(1));
        assert_eq!(table.intern(5, b"deny-ssh"), Some(2));
        assert_eq!(table.intern(6, b"deny-ssh"), Some(3));
        assert_eq!(table.intern(5, b""), Some(1));
        assert_eq!(table.get(1), Some((5, &b""[..])));
        assert_eq!(table.get(3), Some((6, &b"deny-ssh"[..])));
        assert_eq!(table.get(0), Some((0, &b""[..])));
        assert_eq!(table.get(4), None);
    }

    #[test]
    fn a_full_table_knows_only_what_it_has() {
        let mut table = PrefixTable::new();
        for number in 1..MOST_PREFIXES as u32 {
            assert_eq!(table.intern(5, &number.to_ne_bytes()), Some(number));
        }
        assert_eq!(table.intern(5, b"one more"), None);
        assert_eq!(table.intern(5, &7u32.to_ne_bytes()), Some(7));
    }

    #[test]
    fn a_number_is_free_when_nobody_holds_it_and_its_rows_were_taken() {
        let mut table = PrefixTable::new();
        for name in [b"a", b"b", b"c", b"d"] {
            table.intern(5, name);
        }
        table.intern(5, b"b");
        // rows 1 to 4 were taken; b has row 5, and 3 is in use
        table.keep(&[3, 99], 4);
        assert_eq!(table.count(), 3);
        assert_eq!(
            [1, 2, 3, 4].map(|number| table.get(number).is_some()),
            [false, true, true, false]
        );
        let again = table.intern(5, b"e").unwrap();
        assert!(again == 1 || again == 4);
        assert_eq!(table.get(again), Some((5, &b"e"[..])));
        assert_eq!(table.intern(5, b"b"), Some(2));
    }

    #[test]
    fn prefixes_without_end_find_room_where_few_are_in_use_at_a_time() {
        let mut table = PrefixTable::new();
        for row in 0..5 * MOST_PREFIXES as u32 {
            assert!(table.intern(5, &row.to_ne_bytes()).is_some());
            if table.count() > MOST_PREFIXES / 2 {
                table.keep(&[], u64::from(row));
            }
        }
    }
}
