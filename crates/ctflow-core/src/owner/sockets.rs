//! The sockets of a network namespace (NETLINK_SOCK_DIAG, sock_diag(7)).

use super::socket::{Socket, read_socket};
use crate::error::Error;
use crate::netlink::{Frame, HOST_LITTLE, NLM_F_DUMP, NLMSG_DONE, NLMSG_ERROR, NetlinkSocket, Received, frame};

pub(super) const WHAT: &str = "Cannot read the sockets of the network namespace";

const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// Bytes of struct inet_diag_req_v2.
const INET_DIAG_REQ: usize = 56;
const READ_SIZE: usize = 32 * 1024;

/// States of sockets that have both ends (net/tcp_states.h): not TIME_WAIT (6), CLOSE (7), LISTEN (10), nor what has no socket yet
/// (3, 12).
pub(super) const CONNECTED: u32 = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 11;
/// Of UDP: connected, and not.
pub(super) const OF_UDP: u32 = 1 << 1 | 1 << 7;

/// Shows each socket of a family, protocol and states; how many there were.
///
/// Errors: `Netlink`.
pub(super) fn each_socket(
    netlink: &mut NetlinkSocket,
    family: u8,
    protocol: u8,
    states: u32,
    mut show: impl FnMut(&Socket),
) -> Result<u64, Error> {
    let mut request = [0; INET_DIAG_REQ];
    request[0] = family;
    request[1] = protocol;
    request[4..8].copy_from_slice(&states.to_ne_bytes());
    netlink.request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, |_| {})?;
    let mut buffer = vec![0; READ_SIZE];
    let mut count = 0;
    loop {
        let Received::Datagram { length, .. } = netlink.receive(&mut buffer)? else {
            continue;
        };
        let mut rest = &buffer[..length];
        while let Frame::Whole(message) = frame::<HOST_LITTLE>(rest) {
            rest = &rest[message.span..];
            if !netlink.is_reply(&message) {
                continue;
            }
            match message.kind {
                NLMSG_DONE | NLMSG_ERROR => {
                    return match message.errno::<HOST_LITTLE>() {
                        None | Some(0) => Ok(count),
                        Some(errno) => Err(Error::answer(WHAT, errno)),
                    };
                }
                SOCK_DIAG_BY_FAMILY => {
                    count += 1;
                    if let Ok(socket) = read_socket::<HOST_LITTLE>(message.payload, protocol) {
                        show(&socket);
                    }
                }
                _ => {}
            }
        }
    }
}
