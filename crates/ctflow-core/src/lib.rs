//! Netlink, conntrack and IPFIX bytes for ctflow. No napi here: `cargo test` needs no Node.

pub mod layout;
pub mod plan;
pub mod row;
