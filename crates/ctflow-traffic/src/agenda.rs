//! What is to be done when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Tasks in the order of their time, and of their arrival where that is equal.
#[derive(Debug)]
pub struct Agenda<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    arrived: u64,
}

#[derive(Debug)]
struct Entry<T> {
    due: Instant,
    arrived: u64,
    task: T,
}

impl<T> Agenda<T> {
    /// Nothing to do.
    pub const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            arrived: 0,
        }
    }

    /// Something to be done from this time on.
    pub fn add(&mut self, due: Instant, task: T) {
        self.arrived += 1;
        let arrived = self.arrived;
        self.heap.push(Reverse(Entry { due, arrived, task }));
    }

    /// The next task whose time has come.
    pub fn due(&mut self, now: Instant) -> Option<T> {
        if self.heap.peek()?.0.due > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry.task)
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.arrived).cmp(&(other.due, other.arrived))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn tasks_come_when_they_are_due_the_earliest_first() {
        let mut agenda = Agenda::new();
        let now = Instant::now();
        agenda.add(now + Duration::from_secs(2), "later");
        agenda.add(now, "first");
        agenda.add(now, "second");
        assert_eq!(agenda.due(now), Some("first"));
        assert_eq!(agenda.due(now), Some("second"));
        assert_eq!(agenda.due(now), None);
        assert_eq!(agenda.due(now + Duration::from_secs(2)), Some("later"));
    }
}
