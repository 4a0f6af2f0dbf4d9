//! The dying list: connections that have left the table and whose last event no listener with NETLINK_BROADCAST_ERROR had
//! room for.

use super::{CT_GET_DYING, CT_NEW, ask};
use crate::error::Error;
use crate::netlink::{HOST_LITTLE, NLM_F_DUMP, NLMSG_DONE, NLMSG_ERROR, NetlinkSocket, READ_SIZE};
use crate::row::Filter;
use crate::sys::Namespace;

const WHAT: &str = "Cannot read the kernel's list of dying connections";

/// How many connections stand on the dying list of the namespace, `limit` at most. The kernel walks the list from its start
/// for each 32 KiB of answer, under its lock (ctnetlink_dump_dying), so that the cost grows with the square of the count:
/// 3 ms for 1,000, 100 ms for 10,000, seconds for 50,000.
///
/// Errors: `Permission` without CAP_NET_ADMIN over the namespace, `Netlink` where the kernel answers with an error.
pub fn dying_count(namespace: &Namespace, limit: u32) -> Result<u32, Error> {
    let mut netlink = namespace.run(|| NetlinkSocket::open(WHAT))?;
    ask(&mut netlink, CT_GET_DYING, NLM_F_DUMP, 0, &Filter::default())?;
    let mut count = 0;
    let errno = netlink.answer(&mut vec![0; READ_SIZE], |message| {
        match message.kind {
            CT_NEW => count += 1,
            NLMSG_DONE | NLMSG_ERROR => return Some(message.errno::<HOST_LITTLE>().unwrap_or(0)),
            _ => {}
        }
        (count >= limit).then_some(0)
    })?;
    match errno {
        0 => Ok(count),
        errno => Err(Error::answer(WHAT, errno)),
    }
}
