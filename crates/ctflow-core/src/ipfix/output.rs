//! What an encoder has closed: messages one after another, and the journal entries of their records.

/// Words of a message in [`Output::messages`]: bytes, data records, bytes left free behind the header.
pub const MESSAGE_WORDS: usize = 3;
/// Words of a journal entry (src/state/entry-block.ts): id, start (2), counters (8), and reason | state << 8 | destination << 16.
pub const ENTRY_WORDS: usize = 12;
/// Words of a template in [`Output::oversize`]: its id, its records that no message can hold, and the packets and octets that these
/// count.
pub const OVERSIZE_WORDS: usize = 4;
/// Where closed messages go, one after another.
#[derive(Debug)]
pub struct Output<'a> {
    /// Messages.
    pub bytes: &'a mut [u8],
    /// [`MESSAGE_WORDS`] words each.
    pub messages: &'a mut [u32],
    /// Journal entries of their records.
    pub entries: &'a mut [u32],
    /// [`OVERSIZE_WORDS`] words for each template that has such records; the others are zero.
    pub oversize: &'a mut [f64],
}

impl Output<'_> {
    /// Counts a record that no message can hold; to the last template where there is no place for another.
    #[cold]
    pub(super) fn count_oversize(&mut self, template_id: u16, packets: f64, octets: f64) {
        let (places, _) = self.oversize.as_chunks_mut::<OVERSIZE_WORDS>();
        let id = f64::from(template_id);
        let Some(last) = places.len().checked_sub(1) else {
            return;
        };
        let free = |[known, ..]: &[f64; OVERSIZE_WORDS]| *known == id || *known == 0.0;
        let place = &mut places[places.iter().position(free).unwrap_or(last)];
        if place[0] == 0.0 {
            place[0] = id;
        }
        for (sum, more) in place[1..].iter_mut().zip([1.0, packets, octets]) {
            *sum += more;
        }
    }
}

/// What stands in the output. A call goes on from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Closed messages.
    pub messages: usize,
    /// Their bytes, gaps included.
    pub used: usize,
    /// Journal entries.
    pub entries: usize,
}
