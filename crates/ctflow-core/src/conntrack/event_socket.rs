//! The socket that conntrack events arrive at.

use super::event_guard::{EventGuard, Lease};
use super::table_room::TableRoom;
use super::{group, probe};
use crate::error::Error;
use crate::listen::Socket;
use crate::netlink::NetlinkSocket;
use crate::sys::Namespace;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

pub(super) const WHAT: &str = "Cannot listen to conntrack events";

/// The groups, and their numbers for the kernel.
const GROUPS: [(u32, libc::c_int); 3] = [
    (group::NEW, libc::NFNLGRP_CONNTRACK_NEW),
    (group::UPDATE, libc::NFNLGRP_CONNTRACK_UPDATE),
    (group::DESTROY, libc::NFNLGRP_CONNTRACK_DESTROY),
];

/// An event takes no more of the receive buffer where its message has at most 576 bytes: 1,024 for data and
/// struct skb_shared_info, 256 for struct sk_buff (netlink_trim shortens what would take 2,048). None without a helper or a
/// security context comes near 576.
const EVENT_SPACE: u32 = 1280;

/// Whether the kernel holds an ended connection whose event does not fit into the receive buffer, to deliver the event again:
/// NETLINK_BROADCAST_ERROR.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hold {
    /// Where the kernel takes an [`EventGuard`].
    pub guarded: bool,
    /// Without one too: as long as this process is stopped, nothing bounds what is held.
    pub unguarded: bool,
}

/// What the kernel has dropped, and has room for.
#[derive(Clone, Copy, Debug)]
pub struct Pressure {
    /// Events that did not fit into the receive buffer, modulo 2^32: each attempt to deliver one counts.
    pub drops: u32,
    /// Events that the guard has dropped.
    pub guarded: u64,
    /// Connections that the table may have, 0 for any number, and has; none where that cannot be read. Held ones are among
    /// these.
    pub table: Option<(u32, u32)>,
}

/// A ctnetlink socket in one namespace that has joined groups of events.
#[derive(Debug)]
pub struct EventSocket {
    pub(super) netlink: NetlinkSocket,
    namespace: Arc<Namespace>,
    guard: Option<EventGuard>,
    guard_failure: Option<String>,
    room: Option<TableRoom>,
    /// Drops when the receive buffer was last seen empty.
    empty_at: AtomicU32,
}

impl EventSocket {
    /// Joins the groups (bits of [`group`]) with a receive buffer of `receive_buffer` bytes, or as many as the kernel
    /// allows: above net.core.rmem_max it wants CAP_NET_ADMIN over the initial user namespace.
    ///
    /// Errors: `Permission` without CAP_NET_ADMIN over the namespace, `KernelSetting` where nf_conntrack_netlink is missing,
    /// `Namespace` where it cannot be entered.
    pub fn open(namespace: Arc<Namespace>, groups: u32, receive_buffer: u32, hold: Hold) -> Result<Self, Error> {
        let mut netlink = namespace.run(|| NetlinkSocket::open(WHAT))?;
        probe(&mut netlink)?;
        netlink.set_receive_buffer(receive_buffer)?;
        let (guard, guard_failure) = match hold.guarded.then(|| EventGuard::attach(netlink.as_fd())).transpose() {
            Ok(guard) => (guard, None),
            Err(error) => (None, Some(error.to_string())),
        };
        let socket = Self {
            room: TableRoom::open(&namespace).ok(),
            netlink,
            namespace,
            guard,
            guard_failure,
            empty_at: AtomicU32::new(0),
        };
        socket.renew([Lease::default(); 2])?;
        socket.set_broadcast_error(socket.guard.is_some() || hold.unguarded)?;
        for (bit, number) in GROUPS {
            if groups & bit != 0 {
                socket
                    .netlink
                    .set_option(libc::SOL_NETLINK, libc::NETLINK_ADD_MEMBERSHIP, &number)?;
            }
        }
        Ok(socket)
    }

    /// The namespace that it is in.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// NETLINK_BROADCAST_ERROR: while it is on, a connection whose last event does not fit stays on the kernel's dying list,
    /// takes memory there, and its event is delivered again later (nf_ct_delete, nf_conntrack_ecache.c).
    pub fn set_broadcast_error(&self, on: bool) -> Result<(), Error> {
        self.netlink
            .set_option(libc::SOL_NETLINK, libc::NETLINK_BROADCAST_ERROR, &i32::from(on))
    }

    /// Whether a filter in the kernel bounds what is held; where one was wanted and is not there, the reason.
    pub fn guard(&self) -> Result<bool, &str> {
        self.guard_failure.as_deref().map_or(Ok(self.guard.is_some()), Err)
    }

    /// Reads the counters; three system calls.
    pub fn pressure(&self) -> Result<Pressure, Error> {
        Ok(Pressure {
            drops: self.netlink.memory()?.drops,
            guarded: self.guard.as_ref().map_or(0, EventGuard::dropped),
            table: self.room.as_ref().and_then(TableRoom::read),
        })
    }

    /// Where there is a guard: it lets pass what fits into the receive buffer now, whenever it comes, and more as long as one of
    /// the leases says so.
    pub fn renew(&self, leases: [Lease; 2]) -> Result<(), Error> {
        if let Some(guard) = &self.guard {
            guard.renew(self.events_that_fit()?.into(), leases);
        }
        Ok(())
    }

    /// Once the buffer has run over, nothing fits until all of it has been read (NETLINK_S_CONGESTED, netlink_rcv_wake).
    fn events_that_fit(&self) -> Result<u32, Error> {
        let memory = self.netlink.memory()?;
        if memory.waiting == 0 {
            self.empty_at.store(memory.drops, Relaxed);
        }
        if memory.drops == self.empty_at.load(Relaxed) {
            Ok(memory.limit.saturating_sub(memory.waiting) / EVENT_SPACE)
        } else {
            Ok(0)
        }
    }
}

impl Socket for EventSocket {
    fn receive_buffer(&self) -> Result<u32, Error> {
        self.netlink.receive_buffer()
    }

    fn leave(&self) -> Result<(), Error> {
        for (_, number) in GROUPS {
            self.netlink
                .set_option(libc::SOL_NETLINK, libc::NETLINK_DROP_MEMBERSHIP, &number)?;
        }
        Ok(())
    }
}

impl AsFd for EventSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.netlink.as_fd()
    }
}
