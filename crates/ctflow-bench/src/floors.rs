//! What parts of ctflow's work cannot cost less than, for Node: the same bytes, and nothing done with them but what must be.
//! Benchmarks measure them in turn with ctflow. They are no part of the native module.
#![allow(missing_docs)] // the macro generates public items

#[path = "floors/copy.rs"]
mod copy;
#[path = "floors/merge.rs"]
mod merge;
#[path = "floors/walk.rs"]
mod walk;

use napi::bindgen_prelude::Uint8ArraySlice;
use napi_derive::napi;

/// Below encoding: copies as many bytes from as many records. The bytes of a record are the first ones; they are as many
/// of each as divide `bytes` evenly.
/// @param stride bytes from one record to the next
#[napi]
pub fn copy_records(records: &[u8], stride: u32, count: u32, bytes: u32, mut out: Uint8ArraySlice) {
    // SAFETY: nothing else runs while JavaScript waits for this call, and the caller gives two buffers.
    let out = unsafe { out.as_mut() };
    copy::copy_records(records, stride as usize, count as usize, &mut out[..bytes as usize]);
}

/// What was passed on the way.
#[napi(object)]
pub struct Walked {
    /// Messages that are entries.
    pub entries: u32,
    /// Attributes of these, nested ones among them.
    pub attributes: u32,
    /// Bytes of the payloads of attributes that have no others inside.
    pub octets: u32,
}

/// Below decoding: walks the messages of a dump and their attributes, as the decoder does, and reads nothing of them.
#[napi]
pub fn walk_attributes(netlink: &[u8], little_endian: bool) -> Walked {
    let walked = walk::walk_attributes(netlink, little_endian);
    Walked {
        entries: walked.entries,
        attributes: walked.attributes,
        octets: walked.octets,
    }
}

/// Below merging: rows by slot. Each row of a dump is looked for where the dump before had it.
#[napi]
pub struct MergeFloor {
    slots: merge::Slots,
}

#[napi]
impl MergeFloor {
    #[napi(constructor)]
    pub fn new(capacity: u32) -> Self {
        Self {
            slots: merge::Slots::new(capacity as usize),
        }
    }

    /// A dump begins.
    #[napi]
    pub fn begin(&mut self) {
        self.slots.begin();
    }

    /// Merges the first `count` rows.
    #[napi]
    pub fn merge(&mut self, rows: &[u8], count: u32) {
        let (rows, _) = rows.as_chunks();
        self.slots.merge(&rows[..count as usize]);
    }

    /// The dump is over: what it did not show is gone.
    #[napi]
    pub fn end(&mut self) {
        self.slots.end();
    }

    /// Rows that are held.
    #[napi(getter)]
    pub fn size(&self) -> u32 {
        self.slots.size
    }

    /// Rows that were new, of all dumps.
    #[napi(getter)]
    pub fn added(&self) -> u32 {
        self.slots.added
    }

    /// The sum of all counters that are held, modulo 2^32.
    #[napi]
    pub fn counted(&self) -> u32 {
        self.slots.counted()
    }
}
