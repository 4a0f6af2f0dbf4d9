//! Copying in place of encoding.

/// Fills `out` from the beginnings of so many records, each `stride` bytes behind the one before.
pub fn copy_records(records: &[u8], stride: usize, count: usize, out: &mut [u8]) {
    let (each, rest) = (out.len() / count, out.len() % count);
    let mut at = 0;
    let mut left_over = 0;
    for record in records.chunks(stride).take(count) {
        // bytes that do not divide evenly go to every so many records
        left_over += rest;
        let longer = usize::from(left_over >= count);
        left_over -= longer * count;
        let length = each + longer;
        out[at..at + length].copy_from_slice(&record[..length]);
        at += length;
    }
}
