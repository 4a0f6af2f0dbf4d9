//! One connection as a fixed run of bytes, and which of them are wanted.

mod filter;
mod layout;
mod protocol;

pub use filter::{FILTER_WORDS, Filter};
pub use layout::*;
pub use protocol::{has_ports, ip};
