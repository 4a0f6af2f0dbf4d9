//! A UDP socket to one collector that sends many messages with few system calls: sendmmsg, and where the kernel can, runs of
//! messages of one length as one buffer that it cuts into datagrams (UDP_SEGMENT, udp(7)).

use std::collections::VecDeque;
use std::ffi::CString;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;

/// Datagrams of one run at most: UDP_MAX_SEGMENTS of the first kernels that had it.
const SEGMENTS: usize = 64;
/// Bytes of a run at most: what fits into an IP packet beside the headers.
const RUN_BYTES: usize = 65_535 - 48;
/// Runs of one system call.
const RUNS: usize = 64;
/// Runs that are remembered after they were sent.
const REMEMBERED: usize = 256;
/// Asked for, so that a burst waits in the kernel and not here.
const SEND_BUFFER: i32 = 4 << 20;
/// The kernel, the device or the way cannot: IPsec, or a datagram above the path MTU, which would need fragments (udp_send_skb
/// in net/ipv4/udp.c, which says EINVAL for that, and EMSGSIZE since 6.14). It has sent nothing of the run then.
const CANNOT_SEGMENT: [i32; 5] = [
    libc::EIO,
    libc::EINVAL,
    libc::EMSGSIZE,
    libc::EOPNOTSUPP,
    libc::ENOPROTOOPT,
];

/// A connected socket that does not wait.
#[derive(Debug)]
pub struct UdpSender {
    socket: UdpSocket,
    segment: bool,
    /// Messages of the runs that were sent last, in order: what an error is about that comes back.
    runs: VecDeque<usize>,
}

/// How far [`UdpSender::send`] came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Messages that the kernel took, from the first one on.
    pub messages: usize,
    /// Why it did not take the next one (errno), 0 where all were taken, or where datagrams were refused.
    pub errno: i32,
    /// Datagrams that did not arrive.
    pub refused: Refused,
    /// Why runs are not segmented any more (errno), where that turned out now; 0 otherwise. Their messages have gone one by one.
    pub unsegmented: i32,
}

/// What ICMP errors say of datagrams that the kernel had taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// Messages, counted back from the last one sent: one for each error, and all of a run that left as one buffer, whether one
    /// error came back for the buffer (loopback, veth) or several for its datagrams.
    pub messages: usize,
    /// The first error, 0 for none.
    pub errno: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct SegmentSize {
    header: libc::cmsghdr,
    size: u16,
    padding: [u8; 6],
}

/// Messages that leave together.
#[derive(Clone, Copy, Default)]
struct Run {
    from: usize,
    bytes: usize,
    messages: usize,
    segment: usize,
}

impl UdpSender {
    /// `address` is an IP address, `fe80::1%eth0` with its zone where it has one. With `segment` the kernel cuts runs of messages
    /// into datagrams, as late as it can: a capture on this host may show them uncut.
    pub fn connect(address: &str, port: u16, segment: bool) -> io::Result<Self> {
        Self::connect_from(("", 0), (address, port), segment)
    }

    /// The same from a fixed end: an address of this host, empty for what the kernel gives, and a port, 0 for what the kernel gives.
    pub fn connect_from(local: (&str, u16), (address, port): (&str, u16), segment: bool) -> io::Result<Self> {
        let peer = socket_address(address, port)?;
        let from = match (local.0, peer) {
            ("", SocketAddr::V4(_)) => (Ipv4Addr::UNSPECIFIED, local.1).into(),
            ("", SocketAddr::V6(_)) => (Ipv6Addr::UNSPECIFIED, local.1).into(),
            (own, _) => socket_address(own, local.1)?,
        };
        let socket = UdpSocket::bind(from)?;
        socket.connect(peer)?;
        socket.set_nonblocking(true)?;
        if set_option(&socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, SEND_BUFFER).is_err() {
            let _ = set_option(&socket, libc::SOL_SOCKET, libc::SO_SNDBUF, SEND_BUFFER);
        }
        // sendmmsg forgets an error that comes between two datagrams (net/socket.c); this queue keeps each
        let (level, option) = match peer {
            SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_RECVERR),
            SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
        };
        set_option(&socket, level, option, 1)?;
        Ok(Self {
            socket,
            segment,
            runs: VecDeque::with_capacity(REMEMBERED + RUNS),
        })
    }

    /// The address that the kernel has given the socket.
    pub fn local(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    /// Octets of an IP packet that the path carries, as far as the kernel knows: the MTU of the device, and less where an ICMP error
    /// said so (IP_MTU, ip(7); IPV6_MTU, ipv6(7)).
    pub fn path_mtu(&self) -> Option<u32> {
        let (level, option) = match self.socket.peer_addr().ok()? {
            SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MTU),
            SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_MTU),
        };
        let (mut mtu, mut length) = (0i32, size_of::<i32>() as libc::socklen_t);
        // SAFETY: the option is an int, whose address and size are given.
        let answer = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                level,
                option,
                (&raw mut mtu).cast(),
                &raw mut length,
            )
        };
        (answer == 0).then(|| u32::try_from(mtu).ok()).flatten()
    }

    /// Whether the kernel cuts runs into datagrams: wanted, and it has not turned out that it cannot.
    pub fn segments(&self) -> bool {
        self.segment
    }

    /// Sends messages that lie one after another, one a datagram, up to the first that is refused.
    ///
    /// `lengths`: two words a message, of which the first is its bytes; `bytes` holds them all.
    pub fn send(&mut self, bytes: &[u8], lengths: &[[u32; 2]]) -> Sent {
        let mut sent = Sent {
            refused: self.refused(),
            ..Sent::default()
        };
        if sent.refused.messages > 0 {
            return sent;
        }
        let mut at = 0;
        while sent.messages < lengths.len() {
            let mut runs = [Run::default(); RUNS];
            let count = self.gather(at, &lengths[sent.messages..], &mut runs);
            let runs = &runs[..count];
            if runs.iter().any(|run| run.from + run.bytes > bytes.len()) {
                return Sent {
                    errno: libc::EFAULT,
                    ..sent
                };
            }
            match self.send_runs(bytes, runs) {
                Ok(taken) => {
                    sent.messages += runs[..taken].iter().map(|run| run.messages).sum::<usize>();
                    at = runs[taken - 1].from + runs[taken - 1].bytes;
                    self.runs.extend(runs[..taken].iter().map(|run| run.messages));
                    self.runs.drain(..self.runs.len().saturating_sub(REMEMBERED));
                    sent.refused = self.refused();
                    if sent.refused.messages > 0 {
                        return sent;
                    }
                }
                Err(errno) if errno == libc::EINTR => {}
                Err(errno) if runs[0].segment > 0 && CANNOT_SEGMENT.contains(&errno) => {
                    self.segment = false;
                    sent.unsegmented = errno;
                }
                Err(errno) => return Sent { errno, ..sent },
            }
        }
        sent
    }

    /// What came back since the last look.
    pub fn refused(&mut self) -> Refused {
        let mut refused = Refused::default();
        // further errors that the run counted last may be the reason of
        let mut of_run = 0;
        while let Some(errno) = self.next_error() {
            // one that this host raised itself is also the answer to the send
            if errno == 0 {
                continue;
            }
            if refused.errno == 0 {
                refused.errno = errno;
            }
            if of_run > 0 {
                of_run -= 1;
                continue;
            }
            let messages = self.runs.pop_back().unwrap_or(1);
            refused.messages += messages;
            of_run = messages - 1;
        }
        refused
    }

    /// The errno of the next ICMP error, 0 for one that is none; None where no more waits.
    fn next_error(&self) -> Option<i32> {
        let mut control = [0u64; 64];
        // SAFETY: all zeros is a message header without name, data and control.
        let mut header: libc::msghdr = unsafe { zeroed() };
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = size_of_val(&control) as _;
        let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
        // SAFETY: the header points to control bytes that live over the call; there is no room for the datagram itself.
        if unsafe { libc::recvmsg(self.socket.as_raw_fd(), &raw mut header, flags) } < 0 {
            return None;
        }
        // SAFETY: the kernel has filled in the control messages, which CMSG_NXTHDR keeps within.
        unsafe {
            let mut message = libc::CMSG_FIRSTHDR(&raw const header);
            while !message.is_null() {
                let kind = ((*message).cmsg_level, (*message).cmsg_type);
                if kind == (libc::IPPROTO_IP, libc::IP_RECVERR) || kind == (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) {
                    let error = libc::CMSG_DATA(message)
                        .cast::<libc::sock_extended_err>()
                        .read_unaligned();
                    let icmp = [libc::SO_EE_ORIGIN_ICMP, libc::SO_EE_ORIGIN_ICMP6].contains(&error.ee_origin);
                    return Some(if icmp { error.ee_errno as i32 } else { 0 });
                }
                message = libc::CMSG_NXTHDR(&raw const header, message);
            }
        }
        Some(0)
    }

    /// The next runs, of which the first begins at byte `at`.
    fn gather(&self, mut at: usize, lengths: &[[u32; 2]], runs: &mut [Run; RUNS]) -> usize {
        let mut next = 0;
        let mut count = 0;
        while count < RUNS && next < lengths.len() {
            let size = lengths[next][0] as usize;
            let mut run = Run {
                from: at,
                bytes: size,
                messages: 1,
                segment: 0,
            };
            while self.segment && run.messages < SEGMENTS {
                let Some(&[length, _]) = lengths.get(next + run.messages) else {
                    break;
                };
                let length = length as usize;
                if length > size || length == 0 || run.bytes + length > RUN_BYTES {
                    break;
                }
                run.bytes += length;
                run.messages += 1;
                run.segment = size;
                // the last one of a run may be shorter
                if length < size {
                    break;
                }
            }
            at += run.bytes;
            next += run.messages;
            runs[count] = run;
            count += 1;
        }
        count
    }

    /// How many runs the kernel took, one at least, or the errno of the first.
    fn send_runs(&self, bytes: &[u8], runs: &[Run]) -> Result<usize, i32> {
        // SAFETY: these are numbers and pointers; all zeros is one.
        let (mut vectors, mut headers, mut sizes): ([libc::iovec; RUNS], [libc::mmsghdr; RUNS], [SegmentSize; RUNS]) =
            unsafe { zeroed() };
        for (number, run) in runs.iter().enumerate() {
            vectors[number].iov_base = bytes[run.from..][..run.bytes].as_ptr().cast_mut().cast();
            vectors[number].iov_len = run.bytes;
            let header = &mut headers[number].msg_hdr;
            header.msg_iov = &raw mut vectors[number];
            header.msg_iovlen = 1;
            if run.segment > 0 {
                let size = &mut sizes[number];
                size.header.cmsg_level = libc::SOL_UDP;
                size.header.cmsg_type = libc::UDP_SEGMENT;
                // SAFETY: CMSG_LEN and CMSG_SPACE only calculate.
                let (length, space) = unsafe { (libc::CMSG_LEN(2), libc::CMSG_SPACE(2)) };
                size.header.cmsg_len = length as _;
                size.size = run.segment as u16;
                header.msg_control = (&raw mut *size).cast();
                header.msg_controllen = space as _;
            }
        }
        // SAFETY: each header points to bytes and a control message that live over the call; the kernel only reads them.
        let taken = unsafe {
            libc::sendmmsg(
                self.socket.as_raw_fd(),
                headers.as_mut_ptr(),
                runs.len() as libc::c_uint,
                0,
            )
        };
        match usize::try_from(taken) {
            Ok(taken) if taken > 0 => Ok(taken),
            _ => Err(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)),
        }
    }
}

fn set_option(socket: &UdpSocket, level: i32, option: i32, value: i32) -> io::Result<()> {
    // SAFETY: the option is an int, whose address and size are given.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    if set == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn socket_address(address: &str, port: u16) -> io::Result<SocketAddr> {
    let wrong = || io::Error::from_raw_os_error(libc::EINVAL);
    let Some((address, zone)) = address.split_once('%') else {
        return Ok(SocketAddr::new(address.parse().map_err(|_| wrong())?, port));
    };
    let index = match zone.parse() {
        Ok(index) => index,
        Err(_) => {
            let name = CString::new(zone).map_err(|_| wrong())?;
            // SAFETY: the name ends with a zero and lives over the call.
            match unsafe { libc::if_nametoindex(name.as_ptr()) } {
                0 => return Err(io::Error::last_os_error()),
                index => index,
            }
        }
    };
    let address = address.parse().map_err(|_| wrong())?;
    Ok(SocketAddrV6::new(address, port, 0, index).into())
}
