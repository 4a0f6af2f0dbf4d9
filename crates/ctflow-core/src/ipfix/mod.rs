//! Connections of a store to IPFIX messages.

mod columns;
mod data_record;
mod details;
mod facts;
mod flow_encoder;
mod names;
mod open_messages;
mod output;
mod plan;
mod shape;

pub use columns::{Columns, EXPORTED_SIZE};
pub use flow_encoder::{FlowEncoder, LAST, Options, Slots, Stop, Template};
pub use names::Names;
pub use output::{ENTRY_WORDS, MESSAGE_WORDS, OVERSIZE_WORDS, Output, Progress};
pub use plan::*;
