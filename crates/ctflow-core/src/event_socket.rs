//! The socket that conntrack events arrive at.

use crate::error::Error;
use crate::events::{EventCounts, decode_event, group};
use crate::filter::Filter;
use crate::link::{Link, netlink_address};
use crate::listener::RowsRead;
use crate::namespace::Namespace;
use crate::row::ROW_SIZE;
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr::null_mut;

/// Events of one read at most.
pub const EVENTS: usize = 64;

const WHAT: &str = "Cannot listen to conntrack events";
/// An event takes 200 to 700 bytes. The odd size keeps the starts of the buffers from sharing one set of the cache.
const BUFFER: usize = 4096 + 64;

/// The groups, and their numbers for the kernel.
const GROUPS: [(u32, libc::c_int); 3] = [
    (group::NEW, libc::NFNLGRP_CONNTRACK_NEW),
    (group::UPDATE, libc::NFNLGRP_CONNTRACK_UPDATE),
    (group::DESTROY, libc::NFNLGRP_CONNTRACK_DESTROY),
];

/// A ctnetlink socket in one namespace that has joined groups of events.
#[derive(Debug)]
pub struct EventSocket {
    link: Link,
}

impl EventSocket {
    /// Joins the groups (bits of [`group`]) with a receive buffer of `receive_buffer` bytes, or as many as the kernel
    /// allows: above net.core.rmem_max it wants CAP_NET_ADMIN over the initial user namespace. With `broadcast_error`
    /// what does not fit is delivered again where it ends a connection, see [`EventSocket::set_broadcast_error`].
    ///
    /// Errors: `Permission` without CAP_NET_ADMIN over the namespace, `KernelSetting` where nf_conntrack_netlink is missing,
    /// `Namespace` where it cannot be entered.
    pub fn open(namespace: &Namespace, groups: u32, receive_buffer: u32, broadcast_error: bool) -> Result<Self, Error> {
        let mut link = namespace.run(|| Link::open(WHAT))?;
        link.probe()?;
        link.set_receive_buffer(receive_buffer)?;
        let socket = Self { link };
        socket.set_broadcast_error(broadcast_error)?;
        for (bit, number) in GROUPS {
            if groups & bit != 0 {
                socket
                    .link
                    .set_option(libc::SOL_NETLINK, libc::NETLINK_ADD_MEMBERSHIP, &number)?;
            }
        }
        Ok(socket)
    }

    /// Leaves its groups: no more events come, those that wait stay.
    pub fn leave(&self) -> Result<(), Error> {
        for (_, number) in GROUPS {
            self.link
                .set_option(libc::SOL_NETLINK, libc::NETLINK_DROP_MEMBERSHIP, &number)?;
        }
        Ok(())
    }

    /// The receive buffer as the kernel counts it: its own overhead included, twice of what was asked for where that was
    /// granted (SO_RCVBUF, socket(7)).
    pub fn receive_buffer(&self) -> Result<u32, Error> {
        self.link.receive_buffer()
    }

    /// NETLINK_BROADCAST_ERROR: while it is on, a connection whose last event does not fit stays on the kernel's dying list,
    /// takes memory there, and its event is delivered again later (nf_ct_delete, nf_conntrack_ecache.c).
    pub fn set_broadcast_error(&self, on: bool) -> Result<(), Error> {
        self.link
            .set_option(libc::SOL_NETLINK, libc::NETLINK_BROADCAST_ERROR, &i32::from(on))
    }
}

impl AsFd for EventSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.link.as_fd()
    }
}

/// Receives and decodes; holds the memory for that.
#[derive(Debug)]
pub struct EventReader {
    buffers: Box<[[u8; BUFFER]]>,
    rows: Box<[[u8; ROW_SIZE]]>,
    filter: Filter,
}

impl EventReader {
    /// A reader of the events that the filter lets pass.
    pub fn new(filter: Filter) -> Self {
        Self {
            buffers: vec![[0; BUFFER]; EVENTS].into(),
            rows: vec![[0; ROW_SIZE]; EVENTS].into(),
            filter,
        }
    }

    /// Reads what waits, [`EVENTS`] at most, and does not wait itself.
    pub fn read(&mut self, socket: &EventSocket) -> Result<RowsRead<'_, EventCounts>, Error> {
        let mut addresses = [netlink_address(); EVENTS];
        // SAFETY: iovec and mmsghdr are numbers and pointers; all zeros is one.
        let (mut vectors, mut headers): ([libc::iovec; EVENTS], [libc::mmsghdr; EVENTS]) = unsafe { zeroed() };
        for (number, buffer) in self.buffers.iter_mut().enumerate() {
            vectors[number].iov_base = buffer.as_mut_ptr().cast();
            vectors[number].iov_len = buffer.len();
            let header = &mut headers[number].msg_hdr;
            header.msg_name = (&raw mut addresses[number]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
            header.msg_iov = &raw mut vectors[number];
            header.msg_iovlen = 1;
        }
        let mut counts = EventCounts::default();
        let datagrams = loop {
            // SAFETY: the headers point to buffers and addresses of the sizes given, which live over the call and which
            // nothing else touches meanwhile. No timeout is given.
            let received = unsafe {
                libc::recvmmsg(
                    socket.as_fd().as_raw_fd(),
                    headers.as_mut_ptr(),
                    EVENTS as libc::c_uint,
                    libc::MSG_DONTWAIT,
                    null_mut(),
                )
            };
            if let Ok(datagrams) = usize::try_from(received) {
                break datagrams;
            }
            match io::Error::last_os_error().raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::EAGAIN) => break 0,
                Some(libc::ENOBUFS) => counts.overrun += 1,
                _ => return Err(socket.link.failed()),
            }
        };
        let mut rows = 0;
        for ((header, address), buffer) in headers.iter().zip(&addresses).zip(&self.buffers).take(datagrams) {
            if address.nl_pid != 0 {
                counts.ignored += 1; // of another process
            } else if header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
                counts.truncated += 1;
            } else {
                let datagram = &buffer[..BUFFER.min(header.msg_len as usize)];
                rows += usize::from(decode_event(datagram, &self.filter, &mut self.rows[rows], &mut counts));
            }
        }
        Ok(RowsRead {
            rows: self.rows[..rows].as_flattened(),
            datagrams,
            counts,
        })
    }
}
