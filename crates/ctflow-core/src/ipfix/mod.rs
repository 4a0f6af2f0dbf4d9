//! Flow records to IPFIX messages.

mod data_record;
mod encode;
mod names;
mod plan;

pub use encode::{Encoded, Request, encode};
pub use names::Names;
pub use plan::*;
