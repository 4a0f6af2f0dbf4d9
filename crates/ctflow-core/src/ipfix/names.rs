//! The names that flow records refer to by number, see src/name-table.ts.

use super::LONGEST_NAME;

/// Names by number, one after another.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// UTF-8, [`LONGEST_NAME`] bytes each at most.
    pub bytes: &'a [u8],
    /// Where each ends; it begins where the one before ends.
    pub ends: &'a [u32],
}

impl<'a> Names<'a> {
    /// No names: every number is the empty one.
    pub const NONE: Self = Self { bytes: &[], ends: &[] };

    /// The name, empty where there is none of this number, or where the table is wrong about it.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> &'a [u8] {
        let number = number as usize;
        let Some(&end) = self.ends.get(number) else {
            return &[];
        };
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        match self.bytes.get(start as usize..end as usize) {
            Some(name) if name.len() <= LONGEST_NAME => name,
            _ => &[],
        }
    }
}
