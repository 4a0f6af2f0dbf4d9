//! The socket that conntrack events arrive at.

use super::{group, probe};
use crate::error::Error;
use crate::listen::Socket;
use crate::netlink::NetlinkSocket;
use crate::sys::Namespace;
use std::os::fd::{AsFd, BorrowedFd};

pub(super) const WHAT: &str = "Cannot listen to conntrack events";

/// The groups, and their numbers for the kernel.
const GROUPS: [(u32, libc::c_int); 3] = [
    (group::NEW, libc::NFNLGRP_CONNTRACK_NEW),
    (group::UPDATE, libc::NFNLGRP_CONNTRACK_UPDATE),
    (group::DESTROY, libc::NFNLGRP_CONNTRACK_DESTROY),
];

/// A ctnetlink socket in one namespace that has joined groups of events.
#[derive(Debug)]
pub struct EventSocket {
    pub(super) netlink: NetlinkSocket,
}

impl EventSocket {
    /// Joins the groups (bits of [`group`]) with a receive buffer of `receive_buffer` bytes, or as many as the kernel
    /// allows: above net.core.rmem_max it wants CAP_NET_ADMIN over the initial user namespace. With `broadcast_error`
    /// what does not fit is delivered again where it is the end of a connection, see [`EventSocket::set_broadcast_error`].
    ///
    /// Errors: `Permission` without CAP_NET_ADMIN over the namespace, `KernelSetting` where nf_conntrack_netlink is missing,
    /// `Namespace` where it cannot be entered.
    pub fn open(namespace: &Namespace, groups: u32, receive_buffer: u32, broadcast_error: bool) -> Result<Self, Error> {
        let mut netlink = namespace.run(|| NetlinkSocket::open(WHAT))?;
        probe(&mut netlink)?;
        netlink.set_receive_buffer(receive_buffer)?;
        let socket = Self { netlink };
        socket.set_broadcast_error(broadcast_error)?;
        for (bit, number) in GROUPS {
            if groups & bit != 0 {
                socket
                    .netlink
                    .set_option(libc::SOL_NETLINK, libc::NETLINK_ADD_MEMBERSHIP, &number)?;
            }
        }
        Ok(socket)
    }

    /// NETLINK_BROADCAST_ERROR: while it is on, a connection whose last event does not fit stays on the kernel's dying list,
    /// takes memory there, and its event is delivered again later (nf_ct_delete, nf_conntrack_ecache.c).
    pub fn set_broadcast_error(&self, on: bool) -> Result<(), Error> {
        self.netlink
            .set_option(libc::SOL_NETLINK, libc::NETLINK_BROADCAST_ERROR, &i32::from(on))
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
