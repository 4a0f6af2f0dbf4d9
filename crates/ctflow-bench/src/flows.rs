//! UDP flows over loopback, each with a destination of its own, and their end by CTNETLINK's delete.

use ctflow_core::conntrack::{CT_DELETE, cta};
use ctflow_core::netlink::{Frame, HOST_LITTLE, NFGENMSG, NLM_F_ACK, NLM_F_REQUEST, NLMSG_ERROR, Request, frame};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Where all flows go. No program reads there: what the socket cannot hold is dropped.
const PORT: u16 = 4000;
/// Where they come from.
const SOURCE_PORT: u16 = 4001;
/// Deletes of one request; their answers must fit into the socket's receive buffer.
const DELETES: u32 = 256;
const IPPROTO_UDP: u8 = 17;
/// CTA_IP_V4_SRC; the destination, and the two of IPv6, follow.
const IP_V4_SRC: u16 = 1;
const IP_V6_SRC: u16 = 3;
/// CTA_PROTO_SRC_PORT and CTA_PROTO_DST_PORT.
const PROTO_SRC_PORT: u16 = 2;
const PROTO_DST_PORT: u16 = 3;

pub struct Flows {
    v4: UdpSocket,
    v6: UdpSocket,
    /// While it is there, no ICMP error says that the port is closed.
    _listener: UdpSocket,
    netlink: OwnedFd,
}

impl Flows {
    pub fn open() -> io::Result<Self> {
        // SAFETY: socket takes three numbers.
        let fd = unsafe {
            libc::socket(
                libc::AF_NETLINK,
                libc::SOCK_RAW | libc::SOCK_CLOEXEC,
                libc::NETLINK_NETFILTER,
            )
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            v4: UdpSocket::bind((Ipv4Addr::LOCALHOST, SOURCE_PORT))?,
            v6: UdpSocket::bind((Ipv6Addr::LOCALHOST, SOURCE_PORT))?,
            // of both families
            _listener: UdpSocket::bind((Ipv6Addr::UNSPECIFIED, PORT))?,
            // SAFETY: the descriptor was just made and has no other owner.
            netlink: unsafe { OwnedFd::from_raw_fd(fd) },
        })
    }

    /// Sends one packet on each of the flows from `first` on; a flow that is not there yet begins.
    pub fn send(&self, family: u8, first: u32, count: u32, size: usize) -> io::Result<String> {
        let payload = vec![0; size];
        let socket = if family == 4 { &self.v4 } else { &self.v6 };
        for flow in first..first + count {
            socket.send_to(&payload, (destination(family, flow), PORT))?;
        }
        Ok(format!(r#"{{"sent":{count}}}"#))
    }

    /// Deletes the entries of these flows; those that are not there are counted apart.
    pub fn delete(&self, family: u8, first: u32, count: u32) -> io::Result<String> {
        let mut missing = 0;
        for from in (first..first + count).step_by(DELETES as usize) {
            let to = (first + count).min(from + DELETES);
            let requests: Vec<u8> = (from..to)
                .flat_map(|flow| delete_request(family, flow, flow + 1 == to))
                .collect();
            missing += self.ask(&requests)?;
        }
        Ok(format!(r#"{{"deleted":{},"missing":{missing}}}"#, count - missing))
    }

    /// Sends requests, the last of which wants an answer; returns how many have no entry in the kernel.
    fn ask(&self, requests: &[u8]) -> io::Result<u32> {
        // SAFETY: the bytes live over the call.
        let sent = unsafe { libc::send(self.netlink.as_raw_fd(), requests.as_ptr().cast(), requests.len(), 0) };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        let mut missing = 0;
        let mut buffer = [0u8; 8192];
        loop {
            // SAFETY: the kernel writes no more than the buffer holds.
            let length = unsafe { libc::recv(self.netlink.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
            let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
            let mut answers = &buffer[..length];
            while let Frame::Whole(message) = frame::<HOST_LITTLE>(answers) {
                if message.kind == NLMSG_ERROR {
                    match message.errno::<HOST_LITTLE>() {
                        Some(0) => {}
                        Some(errno) if errno == libc::ENOENT as u32 => missing += 1,
                        errno => return Err(io::Error::from_raw_os_error(errno.unwrap_or(0) as i32)),
                    }
                    if message.sequence == LAST {
                        return Ok(missing);
                    }
                }
                answers = &answers[message.span..];
            }
        }
    }
}

/// Sequence number of the request that wants an answer.
const LAST: u32 = 1;

fn delete_request(family: u8, flow: u32, last: bool) -> Vec<u8> {
    let (kind, source) = if family == 4 {
        (libc::AF_INET, IpAddr::from(Ipv4Addr::LOCALHOST))
    } else {
        (libc::AF_INET6, IpAddr::from(Ipv6Addr::LOCALHOST))
    };
    let mut generic = [0; NFGENMSG];
    generic[0] = kind as u8;
    let (flags, sequence) = if last {
        (NLM_F_REQUEST | NLM_F_ACK, LAST)
    } else {
        (NLM_F_REQUEST, 0)
    };
    let mut request = Request::new(CT_DELETE, flags, sequence, &generic);
    let first = if family == 4 { IP_V4_SRC } else { IP_V6_SRC };
    request.nest(cta::TUPLE_ORIG, |tuple| {
        tuple.nest(cta::TUPLE_IP, |ip| {
            put_address(ip, first, source);
            put_address(ip, first + 1, destination(family, flow));
        });
        tuple.nest(cta::TUPLE_PROTO, |proto| {
            proto.put(cta::PROTO_NUM, &[IPPROTO_UDP]);
            proto.put(PROTO_SRC_PORT, &SOURCE_PORT.to_be_bytes());
            proto.put(PROTO_DST_PORT, &PORT.to_be_bytes());
        });
    });
    request.finish()
}

fn put_address(request: &mut Request, kind: u16, address: IpAddr) {
    match address {
        IpAddr::V4(address) => request.put(kind, &address.octets()),
        IpAddr::V6(address) => request.put(kind, &address.octets()),
    }
}

/// 127.1.0.0 and up, or 2001:db8:1:: and up: the loopback device takes them all, the latter once it has a local route.
fn destination(family: u8, flow: u32) -> IpAddr {
    if family == 4 {
        Ipv4Addr::from(0x7f01_0000 + flow).into()
    } else {
        Ipv6Addr::from(0x2001_0db8_0001_u128 << 80 | u128::from(flow)).into()
    }
}
