//! A socket as SOCK_DIAG has it (struct inet_diag_msg, linux/inet_diag.h).

use crate::netlink::{Attributes, Malformed};
use crate::row::*;

/// Bytes of struct inet_diag_msg.
const INET_DIAG_MSG: usize = 72;
/// Where struct inet_diag_sockid stands in it, and what follows that.
const SOURCE_PORT: usize = 4;
const DESTINATION_PORT: usize = 6;
const SOURCE: usize = 8;
const DESTINATION: usize = 24;
const COOKIE: usize = 44;
const USER: usize = 64;
const INODE: usize = 68;
/// Since Linux 5.8, with CONFIG_SOCK_CGROUP_DATA.
const INET_DIAG_CGROUP_ID: u16 = 21;
/// What comes before an IPv4 address in a socket of IPv6 (RFC 4291 section 2.5.5.2).
const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// The two ends of a socket, as rows have addresses and ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends {
    /// AF_INET or AF_INET6; AF_INET for a socket of IPv6 that speaks IPv4.
    pub family: u8,
    /// IP protocol.
    pub protocol: u8,
    /// This end.
    pub local: [u8; 16],
    /// The other one; zeros where it has none.
    pub remote: [u8; 16],
    /// Port of this end.
    pub local_port: u16,
    /// Port of the other one, 0 where it has none.
    pub remote_port: u16,
}

impl Ends {
    /// The ends of the sockets that a connection may have here: that of its source, whose packets are not translated yet, and that of
    /// its destination, where they are.
    pub fn of_row(row: &[u8; ROW_SIZE]) -> [Self; 2] {
        let address = |at: usize| *row[at..].first_chunk().expect("16 bytes of a row");
        let ends = |[local, remote, local_port, remote_port]: [usize; 4]| Self {
            family: row[FAMILY],
            protocol: row[PROTOCOL],
            local: address(local),
            remote: address(remote),
            local_port: get_u16(row, local_port),
            remote_port: get_u16(row, remote_port),
        };
        [
            ends([ORIG_SRC, ORIG_DST, ORIG_SPORT, ORIG_DPORT]),
            ends([REPLY_SRC, REPLY_DST, REPLY_SPORT, REPLY_DPORT]),
        ]
    }
}

/// A socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Both ends.
    pub ends: Ends,
    /// Names the socket as long as it is there.
    pub cookie: u64,
    /// Who has made it, or accepted it.
    pub user: u32,
    /// 0 where no process has it: not accepted yet, or closed.
    pub inode: u32,
    /// Of whoever has made it, or the one that it was accepted from.
    pub cgroup: Option<u64>,
}

/// Reads the socket behind a message header. Malformed: another family than IPv4 and IPv6, or cut short.
pub fn read_socket<const LITTLE: bool>(payload: &[u8], protocol: u8) -> Result<Socket, Malformed> {
    let (fixed, attributes) = payload.split_first_chunk::<INET_DIAG_MSG>().ok_or(Malformed)?;
    let mut cgroup = None;
    for attribute in Attributes::<LITTLE>(attributes) {
        let attribute = attribute?;
        if attribute.kind == INET_DIAG_CGROUP_ID {
            cgroup = Some(u64_of::<LITTLE>(*attribute.bytes()?));
        }
    }
    let port = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
    let word = |at: usize| {
        let word = [fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]];
        if LITTLE {
            u32::from_le_bytes(word)
        } else {
            u32::from_be_bytes(word)
        }
    };
    let address = |at: usize| -> [u8; 16] { *fixed[at..].first_chunk().expect("16 bytes of the message") };
    let (family, local, remote) = match (fixed[0], address(SOURCE), address(DESTINATION)) {
        (AF_INET, local, remote) => (AF_INET, v4(&local[..4]), v4(&remote[..4])),
        (AF_INET6, local, remote) if is_mapped(&local) && is_mapped(&remote) => {
            (AF_INET, v4(&local[12..]), v4(&remote[12..]))
        }
        (AF_INET6, local, remote) => (AF_INET6, local, remote),
        _ => return Err(Malformed),
    };
    Ok(Socket {
        ends: Ends {
            family,
            protocol,
            local,
            remote,
            local_port: port(SOURCE_PORT),
            remote_port: port(DESTINATION_PORT),
        },
        // two words, the low one first
        cookie: u64::from(word(COOKIE)) | u64::from(word(COOKIE + 4)) << 32,
        user: word(USER),
        inode: word(INODE),
        cgroup,
    })
}

fn is_mapped(address: &[u8; 16]) -> bool {
    address.starts_with(&MAPPED)
}

/// An IPv4 address as a row has it.
fn v4(octets: &[u8]) -> [u8; 16] {
    let mut address = [0; 16];
    address[..4].copy_from_slice(octets);
    address
}

fn u64_of<const LITTLE: bool>(bytes: [u8; 8]) -> u64 {
    if LITTLE {
        u64::from_le_bytes(bytes)
    } else {
        u64::from_be_bytes(bytes)
    }
}
