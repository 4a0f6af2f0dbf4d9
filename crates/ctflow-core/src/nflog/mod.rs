//! Packets that rules have logged to NFLOG groups.

mod decoder;
mod packet;
mod prefix_table;
#[cfg(target_os = "linux")]
mod reader;
#[cfg(target_os = "linux")]
mod socket;

pub use decoder::{NflogCounts, NflogDecoder};
pub use packet::read_packet;
pub use prefix_table::{MOST_PREFIXES, PrefixTable};
#[cfg(target_os = "linux")]
pub use reader::NflogReader;
#[cfg(target_os = "linux")]
pub use socket::NflogSocket;
