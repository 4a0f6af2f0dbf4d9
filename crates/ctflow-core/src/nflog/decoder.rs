//! A packet that a rule has logged to an NFLOG group, as a row, and the counts of them
//! (linux/netfilter/nfnetlink_log.h, __build_packet_message in net/netfilter/nfnetlink_log.c).

use super::{PrefixTable, read_packet};
use crate::netlink::{Attributes, Frame, HOST_LITTLE, Malformed, NFGENMSG, NLMSG_DONE, frame};
use crate::row::*;
use std::ops::AddAssign;

/// NFNL_SUBSYS_ULOG.
const SUBSYSTEM: u16 = 4;
/// nlmsg_type of a packet: NFULNL_MSG_PACKET.
pub const LOG_PACKET: u16 = SUBSYSTEM << 8;
/// nlmsg_type of a request about a group: NFULNL_MSG_CONFIG.
pub const LOG_CONFIG: u16 = SUBSYSTEM << 8 | 1;

/// enum nfulnl_attr_type, as far as it is read.
mod nfula {
    pub const PACKET_HDR: u16 = 1;
    pub const TIMESTAMP: u16 = 3;
    pub const PAYLOAD: u16 = 9;
    pub const PREFIX: u16 = 10;
    pub const SEQ: u16 = 12;
}

/// What became of the packets. Each message is in exactly one of the first four counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NflogCounts {
    /// Rows of EVENT_DENIED.
    pub packets: u64,
    /// Packets that the filter took out.
    pub filtered: u64,
    /// Messages that could not be read, packets that are not IP.
    pub malformed: u64,
    /// Messages that are no packet, or not the kernel's.
    pub ignored: u64,
    /// Datagrams longer than the buffer, with their packets.
    pub truncated: u64,
    /// Packets that were logged and never came, by the gaps in the sequence numbers.
    pub lost: u64,
    /// Times that the kernel reported ENOBUFS: the receive buffer was full.
    pub overrun: u64,
    /// Packets whose prefix found no room in the table, and that have none.
    pub unnamed: u64,
}

impl AddAssign for NflogCounts {
    fn add_assign(&mut self, more: Self) {
        self.packets += more.packets;
        self.filtered += more.filtered;
        self.malformed += more.malformed;
        self.ignored += more.ignored;
        self.truncated += more.truncated;
        self.lost += more.lost;
        self.overrun += more.overrun;
        self.unnamed += more.unnamed;
    }
}

/// Decodes datagrams of one socket.
#[derive(Debug)]
pub struct NflogDecoder {
    filter: Filter,
    /// The next sequence number of each group.
    expected: Vec<(u16, u32)>,
}

impl NflogDecoder {
    /// For these groups, of packets that the filter lets pass: it tests family and protocol, as a packet has no zone, mark and status.
    pub fn new(groups: &[u16], filter: Filter) -> Self {
        Self {
            filter,
            expected: groups.iter().map(|group| (*group, 0)).collect(),
        }
    }

    /// Appends a row for each packet of a datagram that this host received at `received`, nanoseconds since 1970: the packet's
    /// time where the kernel gives none.
    pub fn decode(
        &mut self,
        datagram: &[u8],
        received: u64,
        prefixes: &mut PrefixTable,
        rows: &mut Vec<u8>,
        counts: &mut NflogCounts,
    ) {
        let mut rest = datagram;
        while !rest.is_empty() {
            let Frame::Whole(message) = frame::<HOST_LITTLE>(rest) else {
                counts.malformed += 1;
                return;
            };
            rest = &rest[message.span..];
            match message.kind {
                LOG_PACKET => {
                    let at = rows.len();
                    rows.resize(at + ROW_SIZE, 0);
                    let row = rows[at..].first_chunk_mut().expect("a row was appended");
                    if !self.read(message.payload, received, prefixes, row, counts) {
                        rows.truncate(at);
                    }
                }
                NLMSG_DONE => {} // behind a batch
                _ => counts.ignored += 1,
            }
        }
    }

    /// Fills the row, counts the packet, and returns whether the filter lets it pass.
    fn read(
        &mut self,
        message: &[u8],
        received: u64,
        prefixes: &mut PrefixTable,
        row: &mut [u8; ROW_SIZE],
        counts: &mut NflogCounts,
    ) -> bool {
        let Ok(logged) = Logged::read(message) else {
            counts.malformed += 1;
            return false;
        };
        counts.lost += self.lost_before(logged.group, logged.sequence);
        let Ok(octets) = read_packet(logged.payload, row) else {
            counts.malformed += 1;
            return false;
        };
        if !self.filter.matches(row) {
            counts.filtered += 1;
            return false;
        }
        let rule = prefixes.intern(logged.group, logged.prefix).unwrap_or_else(|| {
            counts.unnamed += 1;
            0
        });
        counts.packets += 1;
        let mut present = get_u32(row, PRESENT) | HAS_ORIG_COUNTERS;
        if logged.time.is_some() {
            present |= HAS_START;
        }
        put_u32(row, PRESENT, present);
        row[STATE] = logged.hook;
        put_u64(row, ORIG_PACKETS, 1);
        put_u64(row, ORIG_OCTETS, octets.into());
        put_u64(row, START_NS, logged.time.unwrap_or(received));
        put_u32(row, EVENT, EVENT_DENIED);
        put_u32(row, RULE, rule);
        let hash = hash(row) ^ rule.wrapping_mul(0x9e37_79b1);
        put_u32(row, HASH, hash);
        true
    }

    /// Packets of the group that are missing before this one.
    fn lost_before(&mut self, group: u16, sequence: Option<u32>) -> u64 {
        let (Some(sequence), Some((_, expected))) =
            (sequence, self.expected.iter_mut().find(|(known, _)| *known == group))
        else {
            return 0;
        };
        let gap = sequence.wrapping_sub(*expected);
        *expected = sequence.wrapping_add(1);
        // a number that goes back is a count that was restarted
        if gap > u32::MAX / 2 { 0 } else { gap.into() }
    }
}

/// A message taken apart.
struct Logged<'a> {
    group: u16,
    hook: u8,
    /// Nanoseconds since 1970.
    time: Option<u64>,
    payload: &'a [u8],
    prefix: &'a [u8],
    sequence: Option<u32>,
}

impl<'a> Logged<'a> {
    fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let (generic, attributes) = message.split_first_chunk::<NFGENMSG>().ok_or(Malformed)?;
        let mut logged = Self {
            group: u16::from_be_bytes([generic[2], generic[3]]),
            hook: 0,
            time: None,
            payload: &[],
            prefix: &[],
            sequence: None,
        };
        for attribute in Attributes::<HOST_LITTLE>(attributes) {
            let attribute = attribute?;
            match attribute.kind {
                nfula::PACKET_HDR => logged.hook = attribute.bytes::<3>()?[2],
                nfula::TIMESTAMP => {
                    let [seconds, micros] =
                        [0, 8].map(|at| attribute.payload.get(at..).and_then(|rest| rest.first_chunk()));
                    let seconds = u64::from_be_bytes(*seconds.ok_or(Malformed)?);
                    let micros = u64::from_be_bytes(*micros.ok_or(Malformed)?);
                    logged.time = seconds
                        .checked_mul(1_000_000_000)
                        .and_then(|time| time.checked_add(micros.checked_mul(1000)?))
                        .filter(|time| *time > 0);
                }
                nfula::PAYLOAD => logged.payload = attribute.payload,
                nfula::PREFIX => {
                    let end = attribute.payload.iter().position(|byte| *byte == 0);
                    logged.prefix = &attribute.payload[..end.unwrap_or(attribute.payload.len())];
                }
                nfula::SEQ => logged.sequence = Some(attribute.be32()?),
                _ => {}
            }
        }
        Ok(logged)
    }
}
