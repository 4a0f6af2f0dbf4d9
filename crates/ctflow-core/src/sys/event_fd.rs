//! An eventfd: ends a poll of another thread.

use crate::error::{Code, Error};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Raised by one thread, waited for by another.
#[derive(Debug)]
pub(crate) struct EventFd {
    event: File,
    /// What cannot be done when a call fails, for the error.
    what: &'static str,
}

impl EventFd {
    pub(crate) fn new(what: &'static str) -> Result<Self, Error> {
        // SAFETY: eventfd takes two numbers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(Error::system(Code::Netlink, what, &io::Error::last_os_error()));
        }
        // SAFETY: the descriptor was just made and has no other owner.
        let event = unsafe { OwnedFd::from_raw_fd(fd) }.into();
        Ok(Self { event, what })
    }

    pub(crate) fn raise(&self) {
        // It fails only where the counter is at its end, and so raised already.
        let _ = (&self.event).write(&1u64.to_ne_bytes());
    }

    /// Waits until it is raised, which ends with this, until `other` can be read, or for the time; returns whether it was
    /// raised.
    pub(crate) fn wait(&self, other: Option<BorrowedFd>, milliseconds: i32) -> Result<bool, Error> {
        const NONE: i32 = -1; // poll passes over it
        let fds = [self.event.as_raw_fd(), other.map_or(NONE, |fd| fd.as_raw_fd())];
        let mut wanted = fds.map(|fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        });
        // SAFETY: the pollfd live over the call, and so do the descriptors in them.
        let ready = unsafe { libc::poll(wanted.as_mut_ptr(), wanted.len() as libc::nfds_t, milliseconds) };
        if ready < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(Error::system(Code::Netlink, self.what, &error));
            }
            return Ok(false);
        }
        // It can be read where it was raised, and is zero afterwards.
        Ok(wanted[0].revents != 0 && (&self.event).read(&mut [0; 8]).is_ok())
    }
}
