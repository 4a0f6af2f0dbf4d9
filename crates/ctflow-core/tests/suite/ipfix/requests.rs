//! What encoders are asked.

use ctflow_core::ipfix::Names;
use ctflow_core::ipfix::Request;
use ctflow_core::row::RECORD_SIZE;

pub const REQUEST: Request = Request {
    plan: &[],
    template_id: 258,
    records: &[],
    from: 0,
    to: 0,
    names: Names::NONE,
    prefix: &[],
    limit: 1000,
    export_time: 0x6553_f100,
    sequence: 0xffff_ffff,
    observation_domain: 0x0102_0304,
};

/// A record whose every byte is its own offset, but for what `set` writes.
pub fn record(set: impl FnOnce(&mut [u8; RECORD_SIZE])) -> Vec<u8> {
    let mut record = std::array::from_fn(|at| at as u8);
    set(&mut record);
    record.to_vec()
}
