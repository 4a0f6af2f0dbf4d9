//! Netlink, conntrack and IPFIX bytes for ctflow. No napi here: `cargo test` needs no Node.
//!
//! Decoding and encoding are there on any system, what talks to the kernel on Linux.

pub mod conntrack;
pub mod decode;
pub mod encode;
pub mod error;
pub mod filter;
pub mod layout;
#[cfg(target_os = "linux")]
pub mod namespace;
pub mod netlink;
pub mod plan;
pub mod row;
#[cfg(target_os = "linux")]
pub mod socket;
#[cfg(target_os = "linux")]
pub mod sysctl;
