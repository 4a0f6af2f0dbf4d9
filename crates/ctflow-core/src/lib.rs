//! Netlink, conntrack and IPFIX bytes for ctflow. No napi here: `cargo test` needs no Node.

pub mod conntrack;
pub mod decode;
pub mod encode;
pub mod error;
pub mod filter;
pub mod layout;
pub mod namespace;
pub mod netlink;
pub mod plan;
pub mod row;
pub mod socket;
pub mod sysctl;
