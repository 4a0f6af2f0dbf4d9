//! What rtnetlink says of a network namespace.

mod addresses;

pub use addresses::local_addresses;
