//! One list of rtnetlink from its begin to its end.

use crate::error::Error;
use crate::netlink::{
    Frame, HOST_LITTLE, Message, NLM_F_DUMP, NLMSG_DONE, NLMSG_ERROR, NetlinkSocket, Received, Request, frame,
};
use crate::sys::Namespace;

const WHAT: &str = "Cannot read the interfaces, addresses and rules of the network namespace";

/// The kernel fills at most 32 KiB a read.
const READ_SIZE: usize = 32 * 1024;

/// Asks for the list of this kind, with a fixed header and the attributes that `put` appends, and shows each of its messages.
pub(super) fn dump(
    namespace: &Namespace,
    kind: u16,
    header: &[u8],
    put: impl FnOnce(&mut Request) + Send,
    show: impl FnMut(&Message) + Send,
) -> Result<(), Error> {
    namespace.run(|| {
        let mut socket = NetlinkSocket::open_family(libc::NETLINK_ROUTE, WHAT)?;
        dump_from(&mut socket, kind, header, put, show)
    })
}

/// The same over a socket that is open.
pub(super) fn dump_from(
    socket: &mut NetlinkSocket,
    kind: u16,
    header: &[u8],
    put: impl FnOnce(&mut Request),
    mut show: impl FnMut(&Message),
) -> Result<(), Error> {
    socket.request(kind, NLM_F_DUMP, header, put)?;
    let mut buffer = vec![0; READ_SIZE];
    loop {
        let Received::Datagram { length, .. } = socket.receive(&mut buffer)? else {
            continue;
        };
        let mut rest = &buffer[..length];
        while let Frame::Whole(message) = frame::<HOST_LITTLE>(rest) {
            rest = &rest[message.span..];
            if !socket.is_reply(&message) {
                continue;
            }
            match message.kind {
                NLMSG_DONE => return Ok(()),
                NLMSG_ERROR => return Err(Error::answer(WHAT, message.errno::<HOST_LITTLE>().unwrap_or(0))),
                _ => show(&message),
            }
        }
    }
}
