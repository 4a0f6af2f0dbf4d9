//! What an encoder has closed: messages one after another, and the journal entries of their records.

/// Words of a message in [`Output::messages`]: bytes, data records, bytes left free behind the header.
pub const MESSAGE_WORDS: usize = 3;
/// Words of a journal entry (src/state/entry-block.ts): id, start (2), counters (8), and reason | state << 8 | destination << 16.
pub const ENTRY_WORDS: usize = 12;
/// Where closed messages go, one after another.
#[derive(Debug)]
pub struct Output<'a> {
    /// Messages.
    pub bytes: &'a mut [u8],
    /// [`MESSAGE_WORDS`] words each.
    pub messages: &'a mut [u32],
    /// Journal entries of their records.
    pub entries: &'a mut [u32],
}

/// What stands in the output, and what was passed over. A call goes on from it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Closed messages.
    pub messages: usize,
    /// Their bytes, gaps included.
    pub used: usize,
    /// Journal entries.
    pub entries: usize,
    /// Records that no message can hold, with the packets and octets that they count.
    pub oversize: [f64; 3],
}
