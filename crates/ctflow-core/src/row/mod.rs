//! One connection as a fixed run of bytes, and which of them are wanted.

mod filter;
mod layout;

pub use filter::{FILTER_WORDS, Filter};
pub use layout::*;
