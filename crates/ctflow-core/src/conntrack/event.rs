//! One conntrack event as a row, and the counts of them (ctnetlink_conntrack_event in
//! net/netfilter/nf_conntrack_netlink.c).

use super::{CT_DELETE, CT_NEW, read_entry};
use crate::netlink::{Frame, HOST_LITTLE, NLM_F_CREATE, frame};
use crate::row::{EVENT, EVENT_DESTROY, EVENT_NEW, EVENT_UPDATE, Filter, ROW_SIZE, put_u32};
use std::ops::AddAssign;

/// Bits of the groups to listen to.
pub mod group {
    /// NFNLGRP_CONNTRACK_NEW.
    pub const NEW: u32 = 1;
    /// NFNLGRP_CONNTRACK_UPDATE.
    pub const UPDATE: u32 = 2;
    /// NFNLGRP_CONNTRACK_DESTROY.
    pub const DESTROY: u32 = 4;
}

/// What became of the datagrams. Each is in exactly one of the first seven counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Rows of EVENT_NEW.
    pub created: u64,
    /// Rows of EVENT_UPDATE.
    pub updated: u64,
    /// Rows of EVENT_DESTROY.
    pub destroyed: u64,
    /// Events that the filter took out.
    pub filtered: u64,
    /// Messages or entries that could not be read.
    pub malformed: u64,
    /// Messages that are no event, or not the kernel's.
    pub ignored: u64,
    /// Datagrams longer than the buffer.
    pub truncated: u64,
    /// Times that the kernel reported ENOBUFS. With NETLINK_BROADCAST_ERROR it keeps what did not fit and delivers it
    /// again; without it events are lost, and how many is not known.
    pub overrun: u64,
}

impl AddAssign for EventCounts {
    fn add_assign(&mut self, more: Self) {
        self.created += more.created;
        self.updated += more.updated;
        self.destroyed += more.destroyed;
        self.filtered += more.filtered;
        self.malformed += more.malformed;
        self.ignored += more.ignored;
        self.truncated += more.truncated;
        self.overrun += more.overrun;
    }
}

/// Decodes an event that this host received into `row`, counts it, and returns whether the filter lets it pass. The kernel sends each
/// in a datagram of its own.
pub fn decode_event(datagram: &[u8], filter: &Filter, row: &mut [u8; ROW_SIZE], counts: &mut EventCounts) -> bool {
    let message = match frame::<HOST_LITTLE>(datagram) {
        Frame::Whole(message) if message.span == datagram.len() => message,
        _ => {
            counts.malformed += 1;
            return false;
        }
    };
    let (event, count) = match message.kind {
        CT_DELETE => (EVENT_DESTROY, &mut counts.destroyed),
        CT_NEW if message.flags & NLM_F_CREATE != 0 => (EVENT_NEW, &mut counts.created),
        CT_NEW => (EVENT_UPDATE, &mut counts.updated),
        _ => {
            counts.ignored += 1;
            return false;
        }
    };
    if read_entry::<HOST_LITTLE>(message.payload, row).is_err() {
        counts.malformed += 1;
        return false;
    }
    if !filter.matches(row) {
        counts.filtered += 1;
        return false;
    }
    put_u32(row, EVENT, event);
    *count += 1;
    true
}
