//! Packets that rules have logged to NFLOG groups.

mod decoder;
#[cfg(target_os = "linux")]
mod log_rules;
mod packet;
mod prefix_table;
#[cfg(target_os = "linux")]
mod reader;
#[cfg(target_os = "linux")]
mod socket;

pub use decoder::{NflogCounts, NflogDecoder};
#[cfg(target_os = "linux")]
pub use log_rules::{LogRule, LogRuleReader, LogRules};
pub use packet::read_packet;
pub use prefix_table::{MOST_PREFIXES, PrefixTable};
#[cfg(target_os = "linux")]
pub use reader::NflogReader;
#[cfg(target_os = "linux")]
pub use socket::NflogSocket;
