//! Messages that wait for more records, by the kind of their records.

use super::data_record::{Plan, Source, put};
use super::output::*;

/// Bytes of a message header.
const MESSAGE_HEADER: usize = 16;
/// Bytes of a set header.
const SET_HEADER: usize = 4;
/// Connections of one open message at most.
pub(super) const MOST_CONNECTIONS: u32 = 512;
/// In place of a room for templates: the template itself is too large for a message.
const TOO_LARGE: u32 = u32::MAX;

/// Open messages of one template.
pub(super) struct Side {
    pub(super) template_id: u16,
    pub(super) plan: Plan,
    pub(super) reserve: u32,
    /// The open message.
    buffer: Vec<u8>,
    /// Bytes that it may have.
    limit: usize,
    /// Bytes free behind its header.
    reserved: usize,
    /// Where the next record goes; 0 where none is open.
    at: usize,
    pub(super) records: u32,
}

/// Records of one kind; two sides where each direction is a record of its own.
pub(super) struct Form {
    pub(super) key: u32,
    pub(super) sides: Vec<Side>,
    /// Connections in the open messages.
    pub(super) connections: u32,
    pub(super) entries: Vec<u32>,
}

/// What becomes of a record.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Placing {
    Here,
    Opens { reserved: usize },
    Full,
    Oversize,
}

impl Form {
    /// What becomes of a record of each side.
    #[inline(always)]
    pub(super) fn place(&self, source: &Source, limit: usize) -> [Placing; 2] {
        let mut placings = [Placing::Here; 2];
        for (placing, side) in placings.iter_mut().zip(&self.sides) {
            *placing = side.place(source, limit);
        }
        placings
    }

    /// Moves its open messages and their entries to the output. Nothing changes where there is no room.
    pub(super) fn close(&mut self, output: &mut Output, progress: &mut Progress) -> bool {
        let sides = || self.sides.iter().filter(|side| side.records > 0);
        let bytes: usize = sides().map(|side| side.at).sum();
        let fits = progress.used + bytes <= output.bytes.len()
            && (progress.messages + sides().count()) * MESSAGE_WORDS <= output.messages.len()
            && progress.entries * ENTRY_WORDS + self.entries.len() <= output.entries.len();
        if !fits {
            return false;
        }
        for side in &mut self.sides {
            if side.records > 0 {
                side.close(output, progress);
            }
        }
        output.entries[progress.entries * ENTRY_WORDS..][..self.entries.len()].copy_from_slice(&self.entries);
        progress.entries += self.entries.len() / ENTRY_WORDS;
        self.entries.clear();
        self.connections = 0;
        true
    }
}

impl Side {
    pub(super) fn new(template_id: u16, plan: Plan, reserve: u32) -> Self {
        Self {
            template_id,
            plan,
            reserve,
            buffer: Vec::new(),
            limit: 0,
            reserved: 0,
            at: 0,
            records: 0,
        }
    }

    /// Writes a record, into a message of its own where none is open.
    #[inline(always)]
    pub(super) fn write(&mut self, source: &Source, placing: Placing, limit: usize) {
        if let Placing::Opens { reserved } = placing {
            self.open(reserved, limit);
        }
        self.at += self.plan.write(source, &mut self.buffer[self.at..]);
        self.records += 1;
    }

    #[inline(always)]
    pub(super) fn place(&self, source: &Source, limit: usize) -> Placing {
        if self.records > 0 && self.at + self.plan.largest() <= self.limit.min(limit) {
            return Placing::Here;
        }
        if self.reserve == TOO_LARGE {
            return Placing::Oversize;
        }
        let size = self.plan.size_of(source);
        let alone = MESSAGE_HEADER + SET_HEADER + size;
        if alone > limit {
            Placing::Oversize
        } else if self.records > 0 {
            if self.at + size <= self.limit.min(limit) {
                Placing::Here
            } else {
                Placing::Full
            }
        } else {
            // a template without room beside a record goes in a message of its own
            let reserved = self.reserve as usize;
            Placing::Opens {
                reserved: if alone + reserved <= limit { reserved } else { 0 },
            }
        }
    }

    fn open(&mut self, reserved: usize, limit: usize) {
        self.limit = limit;
        self.reserved = reserved;
        self.at = MESSAGE_HEADER + reserved + SET_HEADER;
        // a record is written where its longest form would fit, too
        let room = limit.max(self.at + self.plan.largest());
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        self.buffer[..self.at].fill(0);
    }

    pub(super) fn close(&mut self, output: &mut Output, progress: &mut Progress) {
        let set = MESSAGE_HEADER + self.reserved;
        put(&mut self.buffer, set, self.template_id.to_be_bytes());
        put(&mut self.buffer, set + 2, ((self.at - set) as u16).to_be_bytes());
        output.bytes[progress.used..][..self.at].copy_from_slice(&self.buffer[..self.at]);
        let words = [self.at as u32, self.records, self.reserved as u32];
        output.messages[progress.messages * MESSAGE_WORDS..][..MESSAGE_WORDS].copy_from_slice(&words);
        progress.used += self.at;
        progress.messages += 1;
        if self.reserved > 0 {
            self.reserve = 0; // the template goes with this one
        }
        self.records = 0;
        self.at = 0;
    }
}
