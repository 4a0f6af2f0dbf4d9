//! The file of what was heard of ends and not told yet: the last rows of connections, written down before they are handed
//! over, so that they outlive the process. Its header is another's business (src/state/ends-file.ts), which also reads it.

use crate::error::{Code, Error};
use crate::row::{HAS_ID, HAS_START, PRESENT, ROW_SIZE, get_u32};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the first record begins.
pub const ENDS_RECORDS_AT: usize = 4096;
/// Where a record has its row. In front of it: place (8), CRC of place and row (4), nothing (4).
pub const ENDS_ROW_AT: usize = 16;
/// Bytes of a record.
pub const ENDS_RECORD_SIZE: usize = ENDS_ROW_AT + ROW_SIZE;

const NAMED: u32 = HAS_ID | HAS_START;

/// What became of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndsCounts {
    /// Rows written down.
    pub written: u64,
    /// Rows without room: too many wait to be told.
    pub full: u64,
    /// Rows that the disk did not take.
    pub failed: u64,
    /// Rows without the id or the start by which they would be known again.
    pub unnamed: u64,
}

/// What the writing thread and the one that tells of ends both know.
#[derive(Debug, Default)]
pub struct EndsShared {
    /// Places below this one are free.
    done: AtomicU64,
    written: AtomicU64,
    full: AtomicU64,
    failed: AtomicU64,
    unnamed: AtomicU64,
}

impl EndsShared {
    /// Rows below this place need not be kept any more; the header says so already.
    pub fn free(&self, place: u64) {
        self.done.store(place, Ordering::Release);
    }

    /// Counts so far.
    pub fn counts(&self) -> EndsCounts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        EndsCounts {
            written: count(&self.written),
            full: count(&self.full),
            failed: count(&self.failed),
            unnamed: count(&self.unnamed),
        }
    }
}

/// Writes rows into a file that has room for a number of records and goes round. Each row has a place, counted on over the
/// runs; the record of place n stands at n modulo the capacity. Rows that are left out leave their place empty.
#[derive(Debug)]
pub struct EndsFile {
    file: File,
    capacity: u64,
    /// Of the next row.
    place: u64,
    shared: Arc<EndsShared>,
    /// Records that are written together: their places follow one another, and they do not go round.
    run: Vec<u8>,
}

impl EndsFile {
    /// @param capacity records; @param place of the next row; @param done places below it are free
    ///
    /// Errors: `State` where the file is not there or cannot be written.
    pub fn open(path: &Path, capacity: u32, place: u64, done: u64) -> Result<Self, Error> {
        let file = OpenOptions::new()
            .write(true)
            .open(path)
            .map_err(|error| Error::system(Code::State, &format!("{} cannot be written", path.display()), &error))?;
        let shared = Arc::new(EndsShared::default());
        shared.free(done);
        Ok(Self {
            file,
            capacity: u64::from(capacity.max(1)),
            place,
            shared,
            run: Vec::new(),
        })
    }

    /// What the other side needs.
    pub fn shared(&self) -> Arc<EndsShared> {
        self.shared.clone()
    }

    /// Writes down whole rows. What cannot be written is counted: it is told all the same as long as this process lives.
    pub fn append(&mut self, rows: &[u8]) {
        for row in rows.as_chunks::<ROW_SIZE>().0 {
            let place = self.place;
            let left_out = if get_u32(row, PRESENT) & NAMED != NAMED {
                Some(&self.shared.unnamed)
            } else if place - self.shared.done.load(Ordering::Acquire) >= self.capacity {
                Some(&self.shared.full)
            } else {
                None
            };
            if let Some(counter) = left_out {
                counter.fetch_add(1, Ordering::Relaxed);
            }
            let keep = left_out.is_none();
            if !keep || place.is_multiple_of(self.capacity) {
                self.write();
            }
            if keep {
                self.add(place, row);
            }
            self.place += 1;
        }
        self.write();
    }

    fn add(&mut self, place: u64, row: &[u8; ROW_SIZE]) {
        let place = place.to_ne_bytes();
        let mut crc = crc32fast::Hasher::new();
        crc.update(&place);
        crc.update(row);
        self.run.extend_from_slice(&place);
        self.run.extend_from_slice(&crc.finalize().to_ne_bytes());
        self.run.extend_from_slice(&[0; 4]);
        self.run.extend_from_slice(row);
    }

    /// Writes the run, which ends in front of the next place.
    fn write(&mut self) {
        let records = (self.run.len() / ENDS_RECORD_SIZE) as u64;
        if records == 0 {
            return;
        }
        let index = (self.place - records) % self.capacity;
        let at = ENDS_RECORDS_AT as u64 + index * ENDS_RECORD_SIZE as u64;
        let counter = match self
            .file
            .seek(SeekFrom::Start(at))
            .and_then(|_| self.file.write_all(&self.run))
        {
            Ok(()) => &self.shared.written,
            Err(_) => &self.shared.failed,
        };
        counter.fetch_add(records, Ordering::Relaxed);
        self.run.clear();
    }
}
