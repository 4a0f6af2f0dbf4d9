//! Netlink, conntrack and IPFIX bytes for ctflow. No napi here: `cargo test` needs no Node.
//!
//! Decoding and encoding are there on any system, what talks to the kernel on Linux.

pub mod answer;
pub mod conntrack;
mod data_record;
pub mod decode;
#[cfg(target_os = "linux")]
pub mod dying;
pub mod encode;
pub mod ends_file;
pub mod error;
#[cfg(target_os = "linux")]
pub mod event_listener;
#[cfg(target_os = "linux")]
pub mod event_socket;
pub mod events;
pub mod filter;
pub mod layout;
#[cfg(target_os = "linux")]
mod link;
#[cfg(target_os = "linux")]
pub mod listener;
pub mod names;
#[cfg(target_os = "linux")]
pub mod namespace;
pub mod netlink;
pub mod nflog;
#[cfg(target_os = "linux")]
pub mod nflog_listener;
#[cfg(target_os = "linux")]
pub mod nflog_socket;
pub mod packet;
pub mod plan;
pub mod prefix_table;
pub mod row;
pub mod row_ring;
#[cfg(target_os = "linux")]
mod signal;
#[cfg(target_os = "linux")]
pub mod socket;
#[cfg(target_os = "linux")]
pub mod sysctl;
#[cfg(target_os = "linux")]
pub mod tcp;
#[cfg(target_os = "linux")]
pub mod udp;
