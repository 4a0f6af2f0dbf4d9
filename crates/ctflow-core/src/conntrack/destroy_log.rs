//! The destroy log: a file with the last rows of connections that are not exported yet, written before they are handed over,
//! so that they outlive the process. TypeScript writes its header and reads it (src/state/destroy-log-format.ts).

use crate::error::{Code, Error};
use crate::row::{IDENTITY_FLAGS, PRESENT, ROW_SIZE, get_u32};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where the first record begins.
pub const DESTROY_LOG_RECORDS_AT: usize = 4096;
/// Where a record has its row. In front of it: place (8), CRC of place and row (4), nothing (4).
pub const DESTROY_LOG_ROW_AT: usize = 16;
/// Bytes of a record.
pub const DESTROY_LOG_RECORD_SIZE: usize = DESTROY_LOG_ROW_AT + ROW_SIZE;

/// What became of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DestroyLogCounts {
    /// Rows written.
    pub written: u64,
    /// Rows without room: too many are not exported yet.
    pub full: u64,
    /// Rows that the disk did not take.
    pub failed: u64,
    /// Rows without the id or the start by which they would be known again.
    pub without_identity: u64,
}

/// What the writing thread and the one that exports both know.
#[derive(Debug, Default)]
pub struct DestroyLogState {
    /// Places below this one are free.
    done: AtomicU64,
    written: AtomicU64,
    full: AtomicU64,
    failed: AtomicU64,
    without_identity: AtomicU64,
    /// Goes on in this file.
    replacement: Mutex<Option<File>>,
    replaced: AtomicBool,
}

impl DestroyLogState {
    /// Goes on in another file with the same capacity.
    ///
    /// Errors: as [`DestroyLog::open`].
    pub fn replace(&self, path: &Path) -> Result<(), Error> {
        let file = open(path)?;
        *lock(&self.replacement) = Some(file);
        self.replaced.store(true, Ordering::Release);
        Ok(())
    }

    /// Rows below this place need not be kept any more; the header has that already.
    pub fn free(&self, place: u64) {
        self.done.store(place, Ordering::Release);
    }

    /// Counts so far.
    pub fn counts(&self) -> DestroyLogCounts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DestroyLogCounts {
            written: count(&self.written),
            full: count(&self.full),
            failed: count(&self.failed),
            without_identity: count(&self.without_identity),
        }
    }
}

/// Writes rows into a file that has room for a number of records and goes round. Each row has a place, counted on over the
/// runs; the record of place n stands at n modulo the capacity. Rows that are skipped leave their place empty.
#[derive(Debug)]
pub struct DestroyLog {
    file: File,
    capacity: u64,
    /// Of the next row.
    place: u64,
    state: Arc<DestroyLogState>,
    /// Records that are written together: their places follow one another, and they do not go round.
    run: Vec<u8>,
}

impl DestroyLog {
    /// @param capacity records; @param place of the next row; @param done places below it are free
    ///
    /// Errors: `State` where the file is not there or cannot be written.
    pub fn open(path: &Path, capacity: u32, place: u64, done: u64) -> Result<Self, Error> {
        let file = open(path)?;
        let state = Arc::new(DestroyLogState::default());
        state.free(done);
        Ok(Self {
            file,
            capacity: u64::from(capacity.max(1)),
            place,
            state,
            run: Vec::new(),
        })
    }

    /// For the thread that exports.
    pub fn state(&self) -> Arc<DestroyLogState> {
        self.state.clone()
    }

    /// Writes whole rows. What cannot be written is counted: it is exported all the same as long as this process lives.
    pub fn append(&mut self, rows: &[u8]) {
        if self.state.replaced.swap(false, Ordering::Acquire)
            && let Some(file) = lock(&self.state.replacement).take()
        {
            self.file = file;
        }
        for row in rows.as_chunks::<ROW_SIZE>().0 {
            let place = self.place;
            let skipped = if get_u32(row, PRESENT) & IDENTITY_FLAGS != IDENTITY_FLAGS {
                Some(&self.state.without_identity)
            } else if place - self.state.done.load(Ordering::Acquire) >= self.capacity {
                Some(&self.state.full)
            } else {
                None
            };
            if let Some(counter) = skipped {
                counter.fetch_add(1, Ordering::Relaxed);
            }
            let keep = skipped.is_none();
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
        let records = (self.run.len() / DESTROY_LOG_RECORD_SIZE) as u64;
        if records == 0 {
            return;
        }
        let index = (self.place - records) % self.capacity;
        let at = DESTROY_LOG_RECORDS_AT as u64 + index * DESTROY_LOG_RECORD_SIZE as u64;
        let counter = match self
            .file
            .seek(SeekFrom::Start(at))
            .and_then(|_| self.file.write_all(&self.run))
        {
            Ok(()) => &self.state.written,
            Err(_) => &self.state.failed,
        };
        counter.fetch_add(records, Ordering::Relaxed);
        self.run.clear();
    }
}

fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
        .map_err(|error| Error::system(Code::State, &format!("{} cannot be written", path.display()), &error))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
