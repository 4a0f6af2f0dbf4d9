//! Sockets that the standard library has no words for, and epoll.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// A kernel address of either family and its length.
fn raw_address(address: SocketAddr) -> (libc::sockaddr_storage, libc::socklen_t) {
    // SAFETY: sockaddr_storage is numbers; all zeros is one.
    let mut storage: libc::sockaddr_storage = unsafe { zeroed() };
    let length = match address {
        SocketAddr::V4(v4) => {
            let raw = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from(*v4.ip()).to_be(),
                },
                sin_zero: [0; 8],
            };
            // SAFETY: sockaddr_storage is made to hold any address, and is aligned for it.
            unsafe { (&raw mut storage).cast::<libc::sockaddr_in>().write(raw) };
            size_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(v6) => {
            let raw = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr {
                    s6_addr: v6.ip().octets(),
                },
                sin6_scope_id: v6.scope_id(),
            };
            // SAFETY: as above.
            unsafe { (&raw mut storage).cast::<libc::sockaddr_in6>().write(raw) };
            size_of::<libc::sockaddr_in6>()
        }
    };
    (storage, length as libc::socklen_t)
}

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn open(family: SocketAddr, kind: libc::c_int, protocol: libc::c_int) -> io::Result<OwnedFd> {
    let family = if family.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    let flags = kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no pointers.
    let fd = checked(unsafe { libc::socket(family, flags, protocol) })?;
    // SAFETY: the kernel has just given it to us, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn bind(socket: &OwnedFd, address: SocketAddr) -> io::Result<()> {
    let (raw, length) = raw_address(address);
    // SAFETY: the address lives through the call, and the length is its own.
    checked(unsafe { libc::bind(socket.as_raw_fd(), (&raw const raw).cast(), length) })?;
    Ok(())
}

fn set<T>(socket: &impl AsRawFd, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the value lives through the call, and the length is its own.
    checked(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast(),
            length,
        )
    })?;
    Ok(())
}

/// Begins to connect from a port that other connections may use as well.
pub fn connect(from: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = open(to, libc::SOCK_STREAM, 0)?;
    set(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, &1)?;
    bind(&socket, from)?;
    let (raw, length) = raw_address(to);
    // SAFETY: the address lives through the call, and the length is its own.
    match checked(unsafe { libc::connect(socket.as_raw_fd(), (&raw const raw).cast(), length) }) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(TcpStream::from(socket)),
    }
}

/// A socket for ICMP echo, with its identifier as the port of `from` (icmp(7), net.ipv4.ping_group_range).
pub fn ping(from: SocketAddr) -> io::Result<UdpSocket> {
    let protocol = if from.is_ipv4() {
        libc::IPPROTO_ICMP
    } else {
        libc::IPPROTO_ICMPV6
    };
    let socket = open(from, libc::SOCK_DGRAM, protocol)?;
    bind(&socket, from)?;
    Ok(UdpSocket::from(socket))
}

/// Nobody reads what arrives here: the kernel shall keep as little of it as it can.
pub fn keep_little(socket: &UdpSocket) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &1)
}

/// Closing it sends a RST and leaves no TIME_WAIT.
pub fn close_by_reset(stream: &TcpStream) -> io::Result<()> {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    set(stream, libc::SOL_SOCKET, libc::SO_LINGER, &linger)
}

/// Lets a listener hold as many connections as net.core.somaxconn allows.
pub fn widen_backlog(listener: &impl AsRawFd) -> io::Result<()> {
    // SAFETY: no pointers.
    checked(unsafe { libc::listen(listener.as_raw_fd(), 65_535) })?;
    Ok(())
}

/// As many open files as this process may have at all.
pub fn raise_file_limit() -> io::Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the limit lives through the call.
    checked(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the limit lives through the call.
    checked(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })?;
    Ok(())
}

/// Readiness of many sockets, level-triggered.
#[derive(Debug)]
pub struct Poll {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Poll {
    /// One that watches nothing yet.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        Ok(Self {
            // SAFETY: the kernel has just given it to us, and nobody else has it.
            epoll: unsafe { OwnedFd::from_raw_fd(fd) },
            events: vec![libc::epoll_event { events: 0, u64: 0 }; 256],
        })
    }

    /// Watches for something to read.
    pub fn readable(&self, socket: &impl AsRawFd, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, socket.as_raw_fd(), libc::EPOLLIN, token)
    }

    /// Watches for room to write, which a connection has once it stands.
    pub fn writable(&self, socket: &impl AsRawFd, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, socket.as_raw_fd(), libc::EPOLLOUT, token)
    }

    /// Watches for something to read from now on, instead of what it watched for.
    pub fn readable_now(&self, socket: &impl AsRawFd, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, socket.as_raw_fd(), libc::EPOLLIN, token)
    }

    /// Watches it no longer.
    pub fn forget(&self, socket: &impl AsRawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, socket.as_raw_fd(), 0, 0)
    }

    fn control(&self, operation: libc::c_int, fd: RawFd, interest: libc::c_int, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: interest as u32,
            u64: token,
        };
        // SAFETY: the event lives through the call.
        checked(unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, fd, &raw mut event) })?;
        Ok(())
    }

    /// Tokens of what is ready, after `milliseconds` at most; for ever where they are negative.
    pub fn wait(&mut self, milliseconds: i32) -> io::Result<Vec<u64>> {
        let room = self.events.len() as libc::c_int;
        // SAFETY: the kernel writes at most as many events as there is room for.
        let count = unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), self.events.as_mut_ptr(), room, milliseconds) };
        match checked(count) {
            Ok(count) => Ok(self.events[..count as usize].iter().map(|event| event.u64).collect()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}
