//! Merging reduced to what no store can leave out: each row is looked for where the order of the dump before says, it is the
//! same connection if id and start are, counters that moved are taken over, and the slot is stamped. What is new takes a free
//! slot, what is not stamped in the end leaves its own. No index, no lists, no times, nothing for collectors.

use ctflow_core::row::{ID, ORIG_PACKETS, ROW_SIZE, START_NS};

type Row = [u8; ROW_SIZE];

const COUNTERS: usize = 32;
const NONE: usize = 0;
/// Where a tenth is gone, so many in a row are gone once in 10^12 rows; a row beyond them would be taken for a new one.
const LOOK_AHEAD: usize = 12;

/// Slots are numbered from 1.
pub struct Slots {
    pub size: u32,
    pub added: u32,
    rows: Vec<Row>,
    /// The dump that showed the slot last, 0 for none.
    seen: Vec<u32>,
    /// Which slot the dump before showed next; of NONE the first.
    next: Vec<u32>,
    free: Vec<u32>,
    /// Slots that were ever used.
    top: usize,
    dump: u32,
    last: usize,
    guess: usize,
}

impl Slots {
    pub fn new(capacity: usize) -> Self {
        Self {
            size: 0,
            added: 0,
            rows: vec![[0; ROW_SIZE]; capacity + 1],
            seen: vec![0; capacity + 1],
            next: vec![0; capacity + 1],
            free: Vec::with_capacity(capacity),
            top: 0,
            dump: 0,
            last: NONE,
            guess: NONE,
        }
    }

    pub fn begin(&mut self) {
        self.dump += 1;
        self.last = NONE;
        self.guess = self.next[NONE] as usize;
    }

    pub fn merge(&mut self, rows: &[Row]) {
        for row in rows {
            let Some(slot) = self.find(row) else {
                self.add(row);
                continue;
            };
            let counters = &row[ORIG_PACKETS..ORIG_PACKETS + COUNTERS];
            let stored = &mut self.rows[slot][ORIG_PACKETS..ORIG_PACKETS + COUNTERS];
            if stored != counters {
                stored.copy_from_slice(counters);
            }
            self.follow(slot);
            self.guess = self.next[slot] as usize;
        }
    }

    pub fn end(&mut self) {
        for slot in 1..=self.top {
            if self.seen[slot] != 0 && self.seen[slot] != self.dump {
                self.seen[slot] = 0;
                self.free.push(slot as u32);
                self.size -= 1;
            }
        }
    }

    pub fn counted(&self) -> u32 {
        let held = self.rows.iter().zip(&self.seen).filter(|(_, seen)| **seen != 0);
        held.flat_map(|(row, _)| row[ORIG_PACKETS..ORIG_PACKETS + COUNTERS].as_chunks::<4>().0)
            .fold(0, |sum, word| sum.wrapping_add(u32::from_ne_bytes(*word)))
    }

    /// What comes next in the order of the dump before; those that are gone are passed over.
    fn find(&self, row: &Row) -> Option<usize> {
        let mut slot = self.guess;
        for _ in 0..LOOK_AHEAD {
            if self.holds(slot, row) {
                return Some(slot);
            }
            slot = self.next[slot] as usize;
        }
        None
    }

    #[inline(always)]
    fn holds(&self, slot: usize, row: &Row) -> bool {
        let stored = &self.rows[slot];
        self.seen[slot] != 0
            && stored[START_NS..START_NS + 8] == row[START_NS..START_NS + 8]
            && stored[ID..ID + 4] == row[ID..ID + 4]
    }

    fn add(&mut self, row: &Row) {
        let slot = self.free.pop().map_or(self.top + 1, |slot| slot as usize);
        self.top = self.top.max(slot);
        self.rows[slot] = *row;
        self.size += 1;
        self.added += 1;
        self.follow(slot);
    }

    fn follow(&mut self, slot: usize) {
        self.seen[slot] = self.dump;
        self.next[self.last] = slot as u32;
        self.last = slot;
    }
}
