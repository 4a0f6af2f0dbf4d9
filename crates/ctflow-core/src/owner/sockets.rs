//! The sockets of a network namespace (NETLINK_SOCK_DIAG, sock_diag(7)).

use super::socket::{Socket, read_socket};
use crate::error::{Code, Error};
use crate::netlink::{HOST_LITTLE, List, NLM_F_DUMP, NetlinkSocket};

pub(super) const WHAT: &str = "Cannot read the sockets of the network namespace";

const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// Bytes of struct inet_diag_req_v2.
const INET_DIAG_REQ: usize = 56;

/// States of sockets that have both ends (net/tcp_states.h): not TIME_WAIT (6), CLOSE (7), LISTEN (10), nor what has no socket yet
/// (3, 12).
pub(super) const CONNECTED: u32 = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 11;
/// Of UDP: connected, and not.
pub(super) const OF_UDP: u32 = 1 << 1 | 1 << 7;

/// Shows each socket of a family, protocol and states; how many there were.
///
/// Errors: `Netlink`, also where one could not be read, or the list changed meanwhile: with one socket less, another could look like
/// the only one.
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
    let (mut count, mut unread) = (0, 0);
    let list = netlink.answers(|message| {
        if message.kind != SOCK_DIAG_BY_FAMILY {
            return;
        }
        count += 1;
        match read_socket::<HOST_LITTLE>(message.payload, protocol) {
            Ok(socket) => show(&socket),
            Err(_) => unread += 1,
        }
    })?;
    let why = match (list, unread) {
        (List::Whole, 0) => return Ok(count),
        (List::Changed, _) => "they changed meanwhile".into(),
        (List::Whole, unread) => format!("{unread} of {count} could not be understood"),
    };
    Err(Error::new(Code::Netlink, format!("{WHAT}: {why}")))
}
