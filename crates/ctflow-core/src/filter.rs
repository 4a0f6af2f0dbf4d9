//! Which connections are wanted: the 16 words of src/filter.ts, as attributes of a request and as a test of rows.

use crate::conntrack::cta;
use crate::netlink::Request;
use crate::row::*;

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
    /// From the words of src/filter.ts; none when there are not 16.
    pub fn from_words(words: &[u32]) -> Option<Self> {
        words.try_into().ok().map(|words| Self { words })
    }

    /// The families to ask for, one dump each; 0 is any. For a single protocol the kernel wants one family named
    /// (EOPNOTSUPP otherwise), so that any family makes two dumps then.
    pub fn families(&self) -> &'static [u8] {
        match (self.words[0], self.single_protocol()) {
            (0, None) => &[0],
            (0, Some(_)) => &[2, 10],
            (2, _) => &[2],
            (10, _) => &[10],
            _ => &[0], // none such: `matches` takes all out
        }
    }

    fn has(&self, which: u32) -> bool {
        self.words[6] & which != 0
    }

    fn has_protocol(&self, protocol: u8) -> bool {
        self.words[8 + usize::from(protocol >> 5)] & (1 << (protocol & 31)) != 0
    }

    fn single_protocol(&self) -> Option<u8> {
        let mut wanted = (0..=u8::MAX).filter(|protocol| self.has_protocol(*protocol));
        let first = wanted.next();
        if self.has(WHICH_PROTOCOLS) && wanted.next().is_none() {
            first
        } else {
            None
        }
    }

    /// Appends what the kernel can test by itself in a dump of one of `families`. Kernels pass over what they do not know: zone before 6.8, status before
    /// 5.15, tuple before 5.8.
    pub fn put(&self, family: u8, request: &mut Request) {
        // The kernel compares with the entry's only zone, whichever direction it stands in. Zone 0 is also the other
        // direction's of an entry whose zone stands in one direction, so it is left to `matches`.
        if self.has(WHICH_ZONE)
            && let Ok(zone @ 1..) = u16::try_from(self.words[1])
        {
            request.put(cta::ZONE, &zone.to_be_bytes());
        }
        if self.has(WHICH_MARK) {
            request.put(cta::MARK, &self.words[2].to_be_bytes());
            request.put(cta::MARK_MASK, &self.words[3].to_be_bytes());
        }
        // EINVAL for a mask of 0.
        if self.has(WHICH_STATUS) && self.words[5] != 0 {
            request.put(cta::STATUS, &self.words[4].to_be_bytes());
            request.put(cta::STATUS_MASK, &self.words[5].to_be_bytes());
        }
        if family != 0
            && let Some(protocol) = self.single_protocol()
        {
            request.nest(cta::TUPLE_ORIG, |tuple| {
                tuple.nest(cta::TUPLE_PROTO, |proto| proto.put(cta::PROTO_NUM, &[protocol]));
            });
            // CTA_FILTER_ORIG_FLAGS with CTA_FILTER_F_CTA_PROTO_NUM, CTA_FILTER_REPLY_FLAGS with nothing; host order.
            request.nest(cta::FILTER, |flags| {
                flags.put(1, &(1u32 << 3).to_ne_bytes());
                flags.put(2, &0u32.to_ne_bytes());
            });
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
