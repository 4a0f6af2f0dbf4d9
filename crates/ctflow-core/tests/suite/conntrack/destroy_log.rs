//! Rows in the destroy log: where each stands, and what becomes of those that find no room.

use ctflow_core::conntrack::{
    DESTROY_LOG_RECORD_SIZE, DESTROY_LOG_RECORDS_AT, DESTROY_LOG_ROW_AT, DestroyLog, DestroyLogCounts,
};
use ctflow_core::error::Code;
use ctflow_core::row::{HAS_ID, HAS_START, ID, PRESENT, ROW_SIZE, put_u32};
use std::fs;
use std::path::{Path, PathBuf};

/// A file of its own that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ctflow-ends-{name}-{}", std::process::id()));
        fs::write(&path, []).unwrap();
        Self(path)
    }

    /// The places of the records, in the order of the file, and the ids of their rows; None where there is no whole record.
    fn records(&self) -> Vec<Option<(u64, u32)>> {
        let bytes = fs::read(&self.0).unwrap();
        bytes
            .get(DESTROY_LOG_RECORDS_AT..)
            .unwrap_or_default()
            .chunks(DESTROY_LOG_RECORD_SIZE)
            .map(|record| {
                let row = record.get(DESTROY_LOG_ROW_AT..DESTROY_LOG_RECORD_SIZE)?;
                let place: [u8; 8] = record[..8].try_into().unwrap();
                let mut crc = crc32fast::Hasher::new();
                crc.update(&place);
                crc.update(row);
                let whole = crc.finalize().to_ne_bytes() == record[8..12];
                whole.then(|| {
                    let id = u32::from_ne_bytes(row[ID..ID + 4].try_into().unwrap());
                    (u64::from_ne_bytes(place), id)
                })
            })
            .collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn rows(ids: impl IntoIterator<Item = u32>) -> Vec<u8> {
    ids.into_iter()
        .flat_map(|id| {
            let mut row = [0; ROW_SIZE];
            put_u32(&mut row, PRESENT, HAS_ID | HAS_START);
            put_u32(&mut row, ID, id);
            row
        })
        .collect()
}

fn counts(written: u64, full: u64) -> DestroyLogCounts {
    DestroyLogCounts {
        written,
        full,
        ..DestroyLogCounts::default()
    }
}

#[test]
fn each_row_stands_at_its_place() {
    let scratch = Scratch::new("place");
    let mut file = DestroyLog::open(&scratch.0, 8, 2, 2).unwrap();
    file.append(&rows([7, 8]));
    file.append(&rows([9]));
    assert_eq!(scratch.records()[2..], [Some((2, 7)), Some((3, 8)), Some((4, 9))]);
    assert_eq!(file.state().counts(), counts(3, 0));
}

#[test]
fn the_file_goes_round_over_what_is_free() {
    let scratch = Scratch::new("round");
    let mut file = DestroyLog::open(&scratch.0, 4, 0, 0).unwrap();
    let state = file.state();
    file.append(&rows([0, 1, 2]));
    state.free(3);
    file.append(&rows([3, 4, 5]));
    assert_eq!(
        scratch.records(),
        [Some((4, 4)), Some((5, 5)), Some((2, 2)), Some((3, 3))]
    );
}

#[test]
fn without_room_a_row_is_counted_and_nothing_is_written_over() {
    let scratch = Scratch::new("full");
    let mut file = DestroyLog::open(&scratch.0, 3, 0, 0).unwrap();
    let state = file.state();
    file.append(&rows(0..5));
    assert_eq!(scratch.records(), [Some((0, 0)), Some((1, 1)), Some((2, 2))]);
    assert_eq!(state.counts(), counts(3, 2));
    state.free(4);
    file.append(&rows([5, 6]));
    // places 3 and 4 stay empty: their rows were left out
    assert_eq!(scratch.records(), [Some((6, 6)), Some((1, 1)), Some((5, 5))]);
}

#[test]
fn a_row_that_cannot_be_known_again_is_left_out() {
    let scratch = Scratch::new("unnamed");
    let mut some = rows(0..3);
    put_u32((&mut some[ROW_SIZE..2 * ROW_SIZE]).try_into().unwrap(), PRESENT, HAS_ID);
    let mut file = DestroyLog::open(&scratch.0, 4, 0, 0).unwrap();
    file.append(&some);
    assert_eq!(scratch.records(), [Some((0, 0)), None, Some((2, 2))]);
    let expected = DestroyLogCounts {
        without_identity: 1,
        ..counts(2, 0)
    };
    assert_eq!(file.state().counts(), expected);
}

#[test]
fn a_disk_that_takes_nothing_is_counted() {
    let mut file = DestroyLog::open(Path::new("/dev/full"), 4, 0, 0).unwrap();
    file.append(&rows(0..3));
    assert_eq!(
        file.state().counts(),
        DestroyLogCounts {
            failed: 3,
            ..DestroyLogCounts::default()
        }
    );
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let error = DestroyLog::open(Path::new("/nowhere/state.ends"), 4, 0, 0).unwrap_err();
    assert_eq!(error.code, Code::State);
    assert!(error.text.contains("/nowhere/state.ends cannot be written"), "{error}");
}

#[test]
fn after_a_replacement_rows_go_on_at_their_places_in_the_other_file() {
    let (first, second) = (Scratch::new("replaced"), Scratch::new("replacement"));
    let mut log = DestroyLog::open(&first.0, 8, 0, 0).unwrap();
    log.append(&rows([1, 2]));
    log.state().replace(&second.0).unwrap();
    log.append(&rows([3]));
    assert_eq!(first.records(), [Some((0, 1)), Some((1, 2))]);
    assert_eq!(second.records(), [None, None, Some((2, 3))]);
    assert!(log.state().replace(Path::new("/nowhere/ends")).is_err());
}
