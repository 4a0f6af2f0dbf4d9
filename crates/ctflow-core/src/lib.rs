//! Netlink, conntrack and IPFIX bytes for ctflow. No napi here: `cargo test` needs no Node.
//!
//! A module imports only from those above it in this list:
//!
//! | module | holds |
//! |---|---|
//! | `error` | errors and their codes |
//! | `dtls` | DTLS sessions by the OpenSSL of the process |
//! | `row` | a connection as a fixed run of bytes, and the filter of rows |
//! | `netlink` | messages and attributes, and on Linux a socket |
//! | `ipfix` | flow records to messages |
//! | `sys` | Linux alone: network namespaces, an eventfd, options of UDP and TCP sockets |
//! | `listen` | a thread that reads a socket as messages come, and the queue of rows behind it |
//! | `conntrack` | entries, dumps, events and settings of connection tracking |
//! | `nflog` | logged packets |
//! | `route` | Linux alone: addresses and interfaces of a network namespace |
//! | `owner` | sockets, and on Linux whose they are: their users, cgroups and programs |

pub mod conntrack;
#[cfg(unix)]
pub mod dtls;
pub mod error;
pub mod ipfix;
pub mod listen;
pub mod netlink;
pub mod nflog;
pub mod owner;
#[cfg(target_os = "linux")]
pub mod route;
pub mod row;
#[cfg(target_os = "linux")]
pub mod sys;
