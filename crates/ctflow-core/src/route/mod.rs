//! What rtnetlink says of a network namespace.

mod addresses;
mod dump;
mod links;

pub use addresses::local_addresses;
pub use links::{Interface, interfaces};
