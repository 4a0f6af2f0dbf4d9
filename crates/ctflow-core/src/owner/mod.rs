//! Whose sockets the ends of connections are.

mod socket;

#[cfg(target_os = "linux")]
mod cgroups;
#[cfg(target_os = "linux")]
mod commands;
#[cfg(target_os = "linux")]
mod lookup;
#[cfg(target_os = "linux")]
mod seen;
#[cfg(target_os = "linux")]
mod sockets;
mod wanted;

#[cfg(target_os = "linux")]
pub use lookup::{Looked, Owner, OwnerCounts, OwnerLookup};
pub use socket::{Ends, Socket, read_socket};
pub use wanted::{Matched, Wanted};
