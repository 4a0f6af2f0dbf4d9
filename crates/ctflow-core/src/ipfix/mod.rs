//! Connections of a store to IPFIX messages.

mod columns;
mod data_record;
mod facts;
mod flow_encoder;
mod names;
mod plan;
mod shape;

pub use columns::{Columns, EXPORTED_SIZE};
pub use flow_encoder::{
    ENTRY_WORDS, FlowEncoder, LAST, MESSAGE_WORDS, Options, Output, Progress, Slots, Stop, Template,
};
pub use names::Names;
pub use plan::*;
