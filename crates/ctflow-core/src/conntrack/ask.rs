//! Requests about connections.

use super::{CT_GET_STATS, put_filter};
use crate::error::{Code, Error};
use crate::netlink::{Frame, HOST_LITTLE, NFGENMSG, NLMSG_ERROR, NetlinkSocket, Received, frame};
use crate::row::Filter;

/// Sends a request with the filter's attributes.
pub(crate) fn ask(socket: &mut NetlinkSocket, kind: u16, flags: u16, family: u8, filter: &Filter) -> Result<(), Error> {
    let mut generic = [0; NFGENMSG];
    generic[0] = family;
    socket.request(kind, flags, &generic, |request| put_filter(filter, family, request))
}

/// Whether the kernel answers at all: IPCTNL_MSG_CT_GET_STATS needs what a dump needs and walks nothing.
pub(crate) fn probe(socket: &mut NetlinkSocket) -> Result<(), Error> {
    ask(socket, CT_GET_STATS, 0, 0, &Filter::default())?;
    let mut buffer = [0; 1024];
    let Received::Datagram { length, .. } = socket.receive(&mut buffer)? else {
        return Ok(()); // the first read shows it
    };
    match frame::<HOST_LITTLE>(&buffer[..length]) {
        Frame::Whole(message) if message.kind == NLMSG_ERROR => match message.errno::<HOST_LITTLE>() {
            None | Some(0) => Ok(()),
            // nfnetlink_rcv_msg: the subsystem is not there and no module brings it.
            Some(errno) if errno == libc::EINVAL as u32 => Err(Error::new(
                Code::KernelSetting,
                format!("{}: the kernel has no nf_conntrack_netlink", socket.what()),
            )),
            Some(errno) => Err(Error::answer(socket.what(), errno)),
        },
        _ => Ok(()),
    }
}
