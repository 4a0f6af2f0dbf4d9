//! Netlink messages, and a socket.

#[cfg(target_os = "linux")]
mod answer;
mod dump_reply;
mod message;
mod request;
#[cfg(target_os = "linux")]
mod socket;

#[cfg(target_os = "linux")]
pub(crate) use answer::List;
pub use dump_reply::{DumpReply, RequestId, keep_reply};
pub use message::*;
pub use request::*;
#[cfg(target_os = "linux")]
pub(crate) use socket::{NetlinkSocket, Received, netlink_address};
