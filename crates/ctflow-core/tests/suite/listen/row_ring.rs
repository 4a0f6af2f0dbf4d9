//! The queue between two threads.

use ctflow_core::listen::RowRing;
use ctflow_core::row::ROW_SIZE;
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

/// Rows with these numbers in their first byte.
fn rows(numbers: impl IntoIterator<Item = u8>) -> Vec<u8> {
    numbers.into_iter().flat_map(|number| [number; ROW_SIZE]).collect()
}

/// The numbers of as many rows as there are, `room` at most.
fn take(ring: &RowRing, room: usize) -> Vec<u8> {
    let mut out = vec![0; room * ROW_SIZE];
    let taken = ring.take(&mut out);
    assert_eq!(out[..taken * ROW_SIZE].len() / ROW_SIZE, taken);
    let numbers: Vec<u8> = out.chunks(ROW_SIZE).take(taken).map(|row| row[0]).collect();
    assert_eq!(out[..taken * ROW_SIZE], rows(numbers.iter().copied()));
    numbers
}

#[test]
fn rows_come_out_in_order_across_the_end_of_the_ring() {
    let ring = RowRing::new(5);
    let mut expected = 0u8;
    let mut pushed = 0u8;
    for step in 1..200usize {
        let more = (step % 5) as u8;
        assert!(ring.push(&rows((0..more).map(|n| pushed.wrapping_add(n))), || {}));
        pushed = pushed.wrapping_add(more);
        while expected != pushed {
            for number in take(&ring, 1 + step % 3) {
                assert_eq!(number, expected);
                expected = expected.wrapping_add(1);
            }
        }
    }
    assert_eq!(take(&ring, 1), []);
}

#[test]
fn a_part_of_a_row_is_no_room() {
    let ring = RowRing::new(4);
    assert!(ring.push(&rows([1, 2]), || {}));
    let mut out = vec![0; 2 * ROW_SIZE - 1];
    assert_eq!(ring.take(&mut out), 1);
    assert_eq!(ring.take(&mut out[..ROW_SIZE - 1]), 0);
    assert_eq!(take(&ring, 2), [2], "no room is not an empty queue");
}

#[test]
fn the_taker_is_woken_once_until_it_finds_nothing() {
    let ring = RowRing::new(8);
    let woken = Cell::new(0);
    let wake = || woken.set(woken.get() + 1);
    assert!(ring.push(&[], wake));
    assert_eq!(woken.get(), 0, "nothing to take");
    assert!(ring.push(&rows([1]), wake));
    assert!(ring.push(&rows([2, 3]), wake));
    assert_eq!(woken.get(), 1);
    assert_eq!(take(&ring, 8), [1, 2, 3]);
    assert!(ring.push(&rows([4]), wake));
    assert_eq!(woken.get(), 1, "it takes until it finds nothing");
    assert_eq!(take(&ring, 8), [4]);
    assert_eq!(take(&ring, 8), []);
    assert!(ring.push(&rows([5]), wake));
    assert_eq!(woken.get(), 2);
}

#[test]
fn a_mark_is_passed_when_all_before_it_is_taken() {
    let ring = RowRing::new(8);
    let woken = Cell::new(0);
    let wake = || woken.set(woken.get() + 1);
    ring.mark(1, wake);
    assert_eq!((woken.get(), ring.passed()), (1, 0));
    assert_eq!(take(&ring, 1), []);
    assert_eq!(ring.passed(), 1, "nothing was before it");

    assert!(ring.push(&rows([1, 2]), wake));
    ring.mark(2, wake);
    assert!(ring.push(&rows([3]), wake));
    assert_eq!(woken.get(), 2);
    assert_eq!(take(&ring, 1), [1]);
    assert_eq!(ring.passed(), 1);
    assert_eq!(take(&ring, 1), [2]);
    assert_eq!(ring.passed(), 2, "though there are more rows behind it");
    ring.mark(3, wake);
    ring.mark(4, wake);
    assert_eq!(take(&ring, 8), [3]);
    assert_eq!(ring.passed(), 4);
}

#[test]
fn a_full_ring_holds_the_maker_back_and_loses_nothing() {
    let ring = RowRing::new(3);
    let woken = AtomicUsize::new(0);
    let (wake, ready) = channel();
    let taken = thread::scope(|scope| {
        scope.spawn(|| {
            let wake = move || {
                woken.fetch_add(1, Ordering::Relaxed);
                wake.send(()).unwrap();
            };
            for part in rows(0..=255).chunks(7 * ROW_SIZE) {
                assert!(ring.push(part, &wake));
            }
        });
        let mut taken = Vec::new();
        while ready.recv().is_ok() {
            loop {
                let numbers = take(&ring, 2);
                if numbers.is_empty() {
                    break;
                }
                taken.extend(numbers);
            }
        }
        taken
    });
    assert_eq!(taken, (0..=255).collect::<Vec<u8>>());
}

#[test]
fn closing_releases_the_maker() {
    let ring = RowRing::new(2);
    let (wake, ready) = channel();
    thread::scope(|scope| {
        let maker = scope.spawn(|| ring.push(&rows(0..5), || wake.send(()).unwrap()));
        ready.recv().unwrap(); // it has filled the ring, and is about to wait or waits
        assert!(!ring.is_closed());
        ring.close();
        assert!(!maker.join().unwrap());
    });
    assert!(ring.is_closed());
    assert_eq!(take(&ring, 8), [0, 1], "what was pushed can be taken");
    assert!(!ring.push(&rows([9]), || {}));
    assert_eq!(take(&ring, 8), []);
}
