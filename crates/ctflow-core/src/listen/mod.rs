//! What listens on a thread of its own.

#[cfg(target_os = "linux")]
mod listener;
mod row_ring;

#[cfg(target_os = "linux")]
pub use listener::{Listener, Reader, RowsRead, Socket, lock};
pub use row_ring::RowRing;
