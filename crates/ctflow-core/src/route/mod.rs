//! What rtnetlink says of a network namespace.

mod addresses;
mod answers;
mod inference;
mod links;
mod lookup;
mod question;
mod rules;
mod socket;
mod vrf;

pub use addresses::local_addresses;
pub use links::{Interface, interfaces};
pub use lookup::{RouteCounts, RouteLookup};
