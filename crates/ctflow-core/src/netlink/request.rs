//! Requests to the kernel.

use super::HEADER;

/// nlmsg_flags of every request.
pub const NLM_F_REQUEST: u16 = 1;
/// nlmsg_flags: an answer with an errno is wanted.
pub const NLM_F_ACK: u16 = 4;
/// nlmsg_flags of a request for the whole table.
pub const NLM_F_DUMP: u16 = 0x300;

/// Builds a request in the order of this host.
#[derive(Debug)]
pub struct Request(Vec<u8>);

impl Request {
    /// A message with `payload` behind its header; the length is set by [`Request::finish`].
    pub fn new(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        bytes.extend_from_slice(payload);
        Self(bytes)
    }

    /// Appends an attribute.
    pub fn put(&mut self, kind: u16, payload: &[u8]) {
        self.nest_raw(kind, |request| request.0.extend_from_slice(payload));
    }

    /// Appends an attribute that holds what `fill` appends.
    pub fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        const NLA_F_NESTED: u16 = 0x8000;
        self.nest_raw(kind | NLA_F_NESTED, fill);
    }

    fn nest_raw(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.0.extend_from_slice(&[0, 0]);
        self.0.extend_from_slice(&kind.to_ne_bytes());
        fill(self);
        let length = (self.0.len() - start) as u16;
        self.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    /// The message, its length set.
    pub fn finish(mut self) -> Vec<u8> {
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}
