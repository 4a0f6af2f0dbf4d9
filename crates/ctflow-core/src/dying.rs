//! The dying list: connections that have left the table and whose last event no listener with NETLINK_BROADCAST_ERROR had
//! room for.

use crate::conntrack::{CT_GET_DYING, CT_NEW};
use crate::error::Error;
use crate::filter::Filter;
use crate::link::{LITTLE, Link, NLM_F_DUMP, Received};
use crate::namespace::Namespace;
use crate::netlink::{Frame, NLMSG_DONE, NLMSG_ERROR, frame};
use crate::socket::READ_SIZE;

const WHAT: &str = "Cannot read the kernel's list of dying connections";

/// How many connections stand on the dying list of the namespace, `limit` at most. The kernel walks the list from its start
/// for each 32 KiB of answer, under its lock (ctnetlink_dump_dying), so that the cost grows with the square of the count:
/// 3 ms for 1,000, 100 ms for 10,000, seconds for 50,000.
///
/// Errors: `Permission` without CAP_NET_ADMIN over the namespace, `Netlink` where the kernel answers with an error.
pub fn dying_count(namespace: &Namespace, limit: u32) -> Result<u32, Error> {
    let mut link = namespace.run(|| Link::open(WHAT))?;
    link.ask(CT_GET_DYING, NLM_F_DUMP, 0, &Filter::default())?;
    let mut buffer = vec![0; READ_SIZE];
    let mut count = 0;
    while count < limit {
        let Received::Answer { length, .. } = link.receive(&mut buffer)? else {
            continue;
        };
        let mut rest = &buffer[..length];
        while let Frame::Whole(message) = frame::<LITTLE>(rest) {
            rest = &rest[message.span..];
            if !link.is_asked(&message) {
                continue;
            }
            match message.kind {
                CT_NEW => count += 1,
                NLMSG_DONE | NLMSG_ERROR => {
                    return match message.errno::<LITTLE>() {
                        None | Some(0) => Ok(count.min(limit)),
                        Some(errno) => Err(Error::answer(WHAT, errno)),
                    };
                }
                _ => {}
            }
        }
    }
    Ok(limit)
}
