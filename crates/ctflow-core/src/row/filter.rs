//! Which connections are exported: the 16 words of src/row/filter.ts.

use super::*;

/// Words of a filter.
pub const FILTER_WORDS: usize = 16;

const WHICH_ZONE: u32 = 1;
const WHICH_MARK: u32 = 2;
const WHICH_STATUS: u32 = 4;
const WHICH_PROTOCOLS: u32 = 8;

/// A filter. Its words: family (0 any), zone, mark, mark mask, status, status mask, which (bit 0 zone, 1 mark, 2 status,
/// 3 protocols), unused, then 256 bits, one for each wanted protocol.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    words: [u32; FILTER_WORDS],
}

impl Filter {
    /// From the words of src/row/filter.ts; none when there are not 16.
    pub fn from_words(words: &[u32]) -> Option<Self> {
        words.try_into().ok().map(|words| Self { words })
    }

    /// The families to ask for, one dump each; 0 is any. For a single protocol the kernel wants one family named
    /// (EOPNOTSUPP otherwise), so that any family makes two dumps then.
    pub fn families(&self) -> &'static [u8] {
        match (self.words[0], self.single_protocol()) {
            (0, None) => &[0],
            (0, Some(_)) => &[AF_INET, AF_INET6],
            (2, _) => &[AF_INET],
            (10, _) => &[AF_INET6],
            _ => &[0], // none such: `matches` takes all out
        }
    }

    fn has(&self, which: u32) -> bool {
        self.words[6] & which != 0
    }

    fn has_protocol(&self, protocol: u8) -> bool {
        self.words[8 + usize::from(protocol >> 5)] & (1 << (protocol & 31)) != 0
    }

    pub(crate) fn zone(&self) -> Option<u32> {
        self.has(WHICH_ZONE).then_some(self.words[1])
    }

    /// The mark and its mask.
    pub(crate) fn mark(&self) -> Option<(u32, u32)> {
        self.has(WHICH_MARK).then_some((self.words[2], self.words[3]))
    }

    /// The status bits and their mask.
    pub(crate) fn status(&self) -> Option<(u32, u32)> {
        self.has(WHICH_STATUS).then_some((self.words[4], self.words[5]))
    }

    /// The protocol where one alone is wanted.
    pub(crate) fn single_protocol(&self) -> Option<u8> {
        let mut wanted = (0..=u8::MAX).filter(|protocol| self.has_protocol(*protocol));
        let first = wanted.next();
        if self.has(WHICH_PROTOCOLS) && wanted.next().is_none() {
            first
        } else {
            None
        }
    }

    /// Whether the row is wanted. An absent zone or mark is 0, as the kernel leaves both out then; an unknown status passes
    /// no status filter.
    #[inline]
    pub fn matches(&self, row: &[u8; ROW_SIZE]) -> bool {
        let [family, zone, mark, mark_mask, status, status_mask, which, ..] = self.words;
        if family != 0 && family != u32::from(row[FAMILY]) {
            return false;
        }
        if which == 0 {
            return true;
        }
        if self.has(WHICH_ZONE)
            && zone != u32::from(get_u16(row, ORIG_ZONE))
            && zone != u32::from(get_u16(row, REPLY_ZONE))
        {
            return false;
        }
        if self.has(WHICH_MARK) && get_u32(row, MARK) & mark_mask != mark {
            return false;
        }
        if self.has(WHICH_STATUS)
            && (get_u32(row, PRESENT) & HAS_STATUS == 0 || get_u32(row, STATUS) & status_mask != status)
        {
            return false;
        }
        !self.has(WHICH_PROTOCOLS) || self.has_protocol(row[PROTOCOL])
    }
}
