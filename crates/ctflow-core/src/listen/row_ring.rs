//! A bounded queue of rows between a thread that makes them and one that takes them when it is woken.

use crate::row::ROW_SIZE;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The queue. The taker is woken once, and again only after it has found the queue empty.
#[derive(Debug)]
pub struct RowRing {
    state: Mutex<State>,
    room: Condvar,
}

#[derive(Debug)]
struct State {
    /// A whole number of rows.
    rows: Box<[u8]>,
    /// Offset of the oldest row.
    start: usize,
    /// Bytes of the rows that wait.
    filled: usize,
    /// Rows taken so far, in bytes.
    taken: u64,
    /// The last mark: its number, and the rows before it, in bytes.
    mark: (u32, u64),
    /// The last mark that everything before it was taken of.
    passed: u32,
    /// The taker was woken and has not found the queue empty since.
    awake: bool,
    closed: bool,
}

impl RowRing {
    /// With room for `capacity` rows, at least one.
    pub fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::new(State {
                rows: vec![0; capacity.max(1) * ROW_SIZE].into(),
                start: 0,
                filled: 0,
                taken: 0,
                mark: (0, 0),
                passed: 0,
                awake: false,
                closed: false,
            }),
            room: Condvar::new(),
        }
    }

    /// Appends whole rows, in order, and waits for room where there is none. `wake` is called where the taker has to be woken.
    /// Returns false, with rows left over, once the ring is closed.
    pub fn push(&self, mut rows: &[u8], wake: impl Fn()) -> bool {
        let mut state = self.lock();
        loop {
            if state.closed {
                return false;
            }
            let (now, later) = rows.split_at(rows.len().min(state.rows.len() - state.filled));
            state.append(now);
            rows = later;
            if !now.is_empty() && !state.awake {
                state.awake = true;
                drop(state);
                wake();
                state = self.lock();
            }
            if rows.is_empty() {
                return true;
            }
            if !state.closed && state.filled == state.rows.len() {
                state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Puts a mark behind the rows that were pushed; it stands for an earlier one too that was not passed.
    pub fn mark(&self, number: u32, wake: impl Fn()) {
        let mut state = self.lock();
        state.mark = (number, state.taken + state.filled as u64);
        let awake = std::mem::replace(&mut state.awake, true);
        drop(state);
        if !awake {
            wake();
        }
    }

    /// The last mark before which all rows were taken, as of the last [`RowRing::take`].
    pub fn passed(&self) -> u32 {
        self.lock().passed
    }

    /// Rows taken so far.
    pub fn taken(&self) -> u64 {
        self.lock().taken / ROW_SIZE as u64
    }

    /// Moves the oldest rows to the start of `out`, as many as fit, and returns how many. After 0 the taker will be woken.
    pub fn take(&self, out: &mut [u8]) -> usize {
        let mut state = self.lock();
        let length = state.filled.min(out.len() - out.len() % ROW_SIZE);
        if state.filled == 0 {
            state.awake = false;
        }
        state.remove(&mut out[..length]);
        state.taken += length as u64;
        if state.taken >= state.mark.1 {
            state.passed = state.mark.0;
        }
        drop(state);
        if length > 0 {
            self.room.notify_one();
        }
        length / ROW_SIZE
    }

    /// Releases who waits in [`RowRing::push`]; nothing is appended any more.
    pub fn close(&self) {
        self.lock().closed = true;
        self.room.notify_all();
    }

    /// Whether [`RowRing::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// There is room.
    fn append(&mut self, rows: &[u8]) {
        let size = self.rows.len();
        let at = (self.start + self.filled) % size;
        let (first, rest) = rows.split_at(rows.len().min(size - at));
        self.rows[at..at + first.len()].copy_from_slice(first);
        self.rows[..rest.len()].copy_from_slice(rest);
        self.filled += rows.len();
    }

    /// There are as many.
    fn remove(&mut self, out: &mut [u8]) {
        let size = self.rows.len();
        let (first, rest) = out.split_at_mut(out.len().min(size - self.start));
        first.copy_from_slice(&self.rows[self.start..self.start + first.len()]);
        rest.copy_from_slice(&self.rows[..rest.len()]);
        self.start = (self.start + out.len()) % size;
        self.filled -= out.len();
    }
}
