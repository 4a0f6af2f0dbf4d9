//! Reads conntrack events.

use super::event_socket::WHAT;
use super::{DestroyLog, EventCounts, EventSocket, EventTap, decode_event};
use crate::error::Error;
use crate::listen::{Reader, RowsRead};
use crate::netlink::netlink_address;
use crate::row::{Filter, ROW_SIZE};
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::null_mut;
use std::sync::Arc;

/// Events of one read at most.
const EVENTS: usize = 64;
/// An event takes 200 to 700 bytes. The odd size keeps the starts of the buffers from sharing one set of the cache.
const BUFFER: usize = 4096 + 64;
/// Events come in bursts. With a pause before it reads them, neither this thread nor JavaScript is woken for each.
const GATHER_MILLISECONDS: i32 = 2;
/// Bytes of a receive buffer that does not overflow in the pause: 800 events.
const ROOM_TO_GATHER: u32 = 1 << 20;

/// Receives and decodes; holds the memory for that.
#[derive(Debug)]
pub struct EventReader {
    buffers: Box<[[u8; BUFFER]]>,
    rows: Box<[[u8; ROW_SIZE]]>,
    filter: Filter,
    log: Option<DestroyLog>,
    tap: Option<Arc<EventTap>>,
}

impl EventReader {
    /// A reader of the events that the filter lets pass. With a log each row is in it before it can be taken, with a tap the
    /// message of each row.
    pub fn new(filter: Filter, log: Option<DestroyLog>, tap: Option<Arc<EventTap>>) -> Self {
        Self {
            buffers: vec![[0; BUFFER]; EVENTS].into(),
            rows: vec![[0; ROW_SIZE]; EVENTS].into(),
            filter,
            log,
            tap,
        }
    }
}

impl Reader for EventReader {
    type Socket = EventSocket;
    type Counts = EventCounts;

    const WHAT: &'static str = WHAT;
    const THREAD: &'static str = "ctflow-events";

    fn gather_milliseconds(receive_buffer: u32) -> i32 {
        if receive_buffer >= ROOM_TO_GATHER {
            GATHER_MILLISECONDS
        } else {
            0
        }
    }

    fn read(&mut self, socket: &EventSocket) -> Result<RowsRead<'_, EventCounts>, Error> {
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
                    libc::MSG_DONTWAIT as _, // unsigned in musl
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
                _ => return Err(socket.netlink.failed()),
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
                if decode_event(datagram, &self.filter, &mut self.rows[rows], &mut counts) {
                    rows += 1;
                    if let Some(tap) = &self.tap {
                        tap.put(datagram);
                    }
                }
            }
        }
        let rows = self.rows[..rows].as_flattened();
        // before they are handed over: what was read is nowhere else any more
        if let Some(log) = &mut self.log {
            log.append(rows);
        }
        Ok(RowsRead {
            rows,
            datagrams,
            counts,
        })
    }
}
