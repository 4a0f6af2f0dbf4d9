//! A socket to netlink: opening it, asking, and receiving what comes from the kernel.

use super::{Message, NLM_F_REQUEST, Request, RequestId};
use crate::error::{Code, Error};
use std::io;
use std::mem::{size_of, size_of_val, zeroed};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The kernel answers a dump from within recv; only a broken one makes us wait.
const ANSWER_SECONDS: i64 = 10;

/// What one receive brought.
pub(crate) enum Received {
    Datagram {
        length: usize,
        truncated: bool,
    },
    /// The receive buffer ran over.
    Overrun,
    /// From another process, not from the kernel.
    Foreign,
}

/// SO_MEMINFO of a socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketMemory {
    /// Bytes of the messages that wait, as the kernel counts them.
    pub(crate) waiting: u32,
    /// Bytes of the receive buffer.
    pub(crate) limit: u32,
    /// Messages that could not be delivered so far, modulo 2^32.
    pub(crate) drops: u32,
}

/// The socket itself, and the request that it waits for.
#[derive(Debug)]
pub(crate) struct NetlinkSocket {
    socket: OwnedFd,
    last_request: RequestId,
    /// What cannot be done when a call fails, for the error.
    what: &'static str,
}

impl NetlinkSocket {
    /// A socket to netfilter in the namespace of the calling thread. `what` begins its errors: "Cannot …".
    pub(crate) fn open(what: &'static str) -> Result<Self, Error> {
        Self::open_family(libc::NETLINK_NETFILTER, what)
    }

    /// A socket to this part of the kernel (NETLINK_*).
    pub(crate) fn open_family(family: i32, what: &'static str) -> Result<Self, Error> {
        // SAFETY: socket takes three numbers.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, family) };
        if fd < 0 {
            return Err(failed(what));
        }
        // SAFETY: the descriptor was just made and has no other owner.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };

        let mut address = netlink_address();
        let mut length = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
        // SAFETY: the address is a sockaddr_nl of the size given; the kernel chooses the port.
        let bound = unsafe { libc::bind(fd, (&raw const address).cast(), length) };
        // SAFETY: the address has room for the size given.
        let named = unsafe { libc::getsockname(fd, (&raw mut address).cast(), &raw mut length) };
        if bound != 0 || named != 0 {
            return Err(failed(what));
        }
        let socket = Self {
            socket,
            last_request: RequestId {
                sequence: 0,
                port: address.nl_pid,
            },
            what,
        };
        socket.set_option(
            libc::SOL_SOCKET,
            libc::SO_RCVTIMEO,
            &libc::timeval {
                tv_sec: ANSWER_SECONDS as _,
                tv_usec: 0,
            },
        )?;
        Ok(socket)
    }

    /// A socket that was made elsewhere, as if it had just asked.
    #[cfg(test)]
    pub(crate) fn of(socket: OwnedFd, last_request: RequestId) -> Self {
        Self {
            socket,
            last_request,
            what: "Cannot test",
        }
    }

    /// setsockopt with a value as C has it.
    pub(crate) fn set_option<T: Copy>(&self, level: i32, name: i32, value: &T) -> Result<(), Error> {
        // SAFETY: the value lives over the call and is given with its size; the kernel reads it only.
        let set = unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                level,
                name,
                (&raw const *value).cast(),
                size_of::<T>() as libc::socklen_t,
            )
        };
        if set == 0 { Ok(()) } else { Err(self.failed()) }
    }

    /// Asks for a receive buffer of so many bytes, or as many as the kernel allows: above net.core.rmem_max it wants
    /// CAP_NET_ADMIN over the initial user namespace.
    pub(crate) fn set_receive_buffer(&self, bytes: u32) -> Result<(), Error> {
        let wanted = i32::try_from(bytes).unwrap_or(i32::MAX);
        self.set_option(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &wanted)
            .or_else(|_| self.set_option(libc::SOL_SOCKET, libc::SO_RCVBUF, &wanted))
    }

    /// The receive buffer as the kernel counts it: its own overhead included, twice of what was asked for where that was
    /// granted (SO_RCVBUF, socket(7)).
    pub(crate) fn receive_buffer(&self) -> Result<u32, Error> {
        let size = self.option(libc::SOL_SOCKET, libc::SO_RCVBUF)?;
        Ok(size.unsigned_abs())
    }

    /// How full the receive buffer is.
    pub(crate) fn memory(&self) -> Result<SocketMemory, Error> {
        const SO_MEMINFO: libc::c_int = 55; // asm-generic/socket.h
        let mut numbers = [0u32; 9]; // SK_MEMINFO_VARS of linux/sock_diag.h
        let mut length = size_of_val(&numbers) as libc::socklen_t;
        // SAFETY: the numbers have room for the size given.
        let got = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                SO_MEMINFO,
                numbers.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        let [waiting, limit, .., drops] = numbers;
        if got == 0 {
            Ok(SocketMemory { waiting, limit, drops })
        } else {
            Err(self.failed())
        }
    }

    /// getsockopt of a number.
    pub(crate) fn option(&self, level: i32, name: i32) -> Result<i32, Error> {
        let mut value: i32 = 0;
        let mut length = size_of::<i32>() as libc::socklen_t;
        // SAFETY: the value has room for the size given.
        let got = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                level,
                name,
                (&raw mut value).cast(),
                &raw mut length,
            )
        };
        if got == 0 { Ok(value) } else { Err(self.failed()) }
    }

    /// The descriptor.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The last request.
    pub(crate) fn last_request(&self) -> RequestId {
        self.last_request
    }

    /// What cannot be done when a call fails.
    pub(crate) fn what(&self) -> &'static str {
        self.what
    }

    /// The system call that just failed.
    pub(crate) fn failed(&self) -> Error {
        failed(self.what)
    }

    /// Sends a request with its fixed header (struct nfgenmsg for netfilter) and the attributes that `put` appends.
    pub(crate) fn request(
        &mut self,
        kind: u16,
        flags: u16,
        generic: &[u8],
        put: impl FnOnce(&mut Request),
    ) -> Result<(), Error> {
        self.last_request.sequence = self.last_request.sequence.wrapping_add(1);
        let mut request = Request::new(kind, NLM_F_REQUEST | flags, self.last_request.sequence, generic);
        put(&mut request);
        self.send(&request.finish())
    }

    /// Sends a whole message to the kernel.
    pub(crate) fn send(&self, message: &[u8]) -> Result<(), Error> {
        let kernel = netlink_address();
        loop {
            // SAFETY: the message and the address live over the call, with their sizes.
            let sent = unsafe {
                libc::sendto(
                    self.socket.as_raw_fd(),
                    message.as_ptr().cast(),
                    message.len(),
                    0,
                    (&raw const kernel).cast(),
                    size_of::<libc::sockaddr_nl>() as libc::socklen_t,
                )
            };
            if sent >= 0 {
                return Ok(());
            }
            if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                return Err(self.failed());
            }
        }
    }

    /// Whether the message answers the last request.
    pub(crate) fn is_reply(&self, message: &Message) -> bool {
        self.last_request
            == RequestId {
                sequence: message.sequence,
                port: message.port,
            }
    }

    /// Waits for an answer.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> Result<Received, Error> {
        self.receive_with(buffer, 0)?.ok_or_else(|| {
            Error::new(
                Code::Netlink,
                format!("{}: no answer for {ANSWER_SECONDS} seconds", self.what),
            )
        })
    }

    /// What waits now, none where nothing does.
    pub(crate) fn receive_now(&self, buffer: &mut [u8]) -> Result<Option<Received>, Error> {
        self.receive_with(buffer, libc::MSG_DONTWAIT)
    }

    fn receive_with(&self, buffer: &mut [u8], flags: i32) -> Result<Option<Received>, Error> {
        loop {
            let mut from = netlink_address();
            let mut from_length = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
            // SAFETY: buffer and address are written within the sizes given. MSG_TRUNC makes the call return the length of
            // the message and not what was written.
            let length = unsafe {
                libc::recvfrom(
                    self.socket.as_raw_fd(),
                    buffer.as_mut_ptr().cast(),
                    buffer.len(),
                    libc::MSG_TRUNC | flags,
                    (&raw mut from).cast(),
                    &raw mut from_length,
                )
            };
            if let Ok(length) = usize::try_from(length) {
                if from.nl_pid != 0 {
                    return Ok(Some(Received::Foreign));
                }
                return Ok(Some(Received::Datagram {
                    length: length.min(buffer.len()),
                    truncated: length > buffer.len(),
                }));
            }
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::ENOBUFS) => return Ok(Some(Received::Overrun)),
                Some(libc::EAGAIN) => return Ok(None),
                _ => return Err(self.failed()),
            }
        }
    }
}

/// The kernel's address, and the one to bind for a port of the kernel's choice.
pub(crate) fn netlink_address() -> libc::sockaddr_nl {
    // SAFETY: a sockaddr_nl is numbers only; all zeros is one.
    let mut address: libc::sockaddr_nl = unsafe { zeroed() };
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    address
}

fn failed(what: &str) -> Error {
    let errno = io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
    Error::answer(what, errno.unsigned_abs())
}
