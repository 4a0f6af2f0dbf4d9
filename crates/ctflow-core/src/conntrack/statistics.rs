//! What the kernel counts of its connection table: IPCTNL_MSG_CT_GET_STATS and IPCTNL_MSG_CT_GET_STATS_CPU.

use super::{CT_GET_STATS, CT_GET_STATS_CPU, ask};
use crate::error::Error;
use crate::netlink::{Attributes, HOST_LITTLE, Message, NFGENMSG, NLMSG_ERROR, NetlinkSocket, READ_SIZE};
use crate::row::Filter;
use crate::sys::Namespace;

const WHAT: &str = "Cannot read the kernel's statistics of connections";

/// Counters of [`CpuCounters`].
pub const CPU_COUNTERS: usize = 10;

/// The attributes of these, in the order of [`CpuCounters::counters`] (enum ctattr_stats_cpu).
const ATTRIBUTES: [u16; CPU_COUNTERS] = [
    2,  // CTA_STATS_FOUND
    4,  // CTA_STATS_INVALID
    8,  // CTA_STATS_INSERT
    9,  // CTA_STATS_INSERT_FAILED
    10, // CTA_STATS_DROP
    11, // CTA_STATS_EARLY_DROP
    12, // CTA_STATS_ERROR
    13, // CTA_STATS_SEARCH_RESTART
    14, // CTA_STATS_CLASH_RESOLVE
    15, // CTA_STATS_CHAIN_TOOLONG
];
/// enum ctattr_stats_global.
const GLOBAL_ENTRIES: u16 = 1;
const GLOBAL_MAX_ENTRIES: u16 = 2;

/// What one CPU has counted in a namespace. The kernel's counters have 32 bits and begin again at 0 (struct ip_conntrack_stat).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuCounters {
    /// The number of the CPU.
    pub cpu: u16,
    /// found, invalid, insert, insert_failed, drop, early_drop, icmp_error, search_restart, clash_resolve, chaintoolong; 0
    /// where the kernel does not have it.
    pub counters: [u32; CPU_COUNTERS],
}

/// The table of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableStatistics {
    /// Entries now, ended ones that the kernel holds among them.
    pub entries: u32,
    /// Entries that the table may have; 0 for any number. None before Linux 4.18.
    pub limit: Option<u32>,
    /// In the order of their numbers.
    pub cpus: Vec<CpuCounters>,
}

impl TableStatistics {
    /// Takes in a message of an answer; one of another kind changes nothing.
    pub fn take<const LITTLE: bool>(&mut self, message: &Message) {
        let attributes = Attributes::<LITTLE>(message.payload.get(NFGENMSG..).unwrap_or(&[])).flatten();
        match message.kind {
            CT_GET_STATS => {
                for attribute in attributes {
                    match attribute.kind {
                        GLOBAL_ENTRIES => self.entries = attribute.be32().unwrap_or(0),
                        GLOBAL_MAX_ENTRIES => self.limit = attribute.be32().ok(),
                        _ => {}
                    }
                }
            }
            CT_GET_STATS_CPU => {
                // nfgenmsg: the resource id is the number of the CPU, in network order
                let Some(&[_, _, high, low]) = message.payload.first_chunk::<NFGENMSG>() else {
                    return;
                };
                let mut one = CpuCounters {
                    cpu: u16::from_be_bytes([high, low]),
                    ..CpuCounters::default()
                };
                for attribute in attributes {
                    let place = ATTRIBUTES.iter().position(|&kind| kind == attribute.kind);
                    if let (Some(place), Ok(value)) = (place, attribute.be32()) {
                        one.counters[place] = value;
                    }
                }
                self.cpus.push(one);
            }
            _ => {}
        }
    }
}

/// Asks the kernel; it walks no entries for the answer.
///
/// Errors: `Permission` without CAP_NET_ADMIN over the namespace, `Netlink` where the kernel answers with an error.
pub fn table_statistics(namespace: &Namespace) -> Result<TableStatistics, Error> {
    let mut netlink = namespace.run(|| NetlinkSocket::open(WHAT))?;
    ask(&mut netlink, CT_GET_STATS, 0, 0, &Filter::default())?;
    let table = netlink.answer(&mut vec![0; READ_SIZE], |message| match message.kind {
        CT_GET_STATS => {
            let mut table = TableStatistics::default();
            table.take::<HOST_LITTLE>(message);
            Some(Ok(table))
        }
        NLMSG_ERROR => Some(Err(Error::answer(WHAT, message.errno::<HOST_LITTLE>().unwrap_or(0)))),
        _ => None,
    })??;
    let take = |found: &mut TableStatistics, message: &Message| found.take::<HOST_LITTLE>(message);
    let TableStatistics { cpus, .. } = netlink.list(CT_GET_STATS_CPU, &[0; NFGENMSG], |_| {}, take)?;
    Ok(TableStatistics { cpus, ..table })
}
