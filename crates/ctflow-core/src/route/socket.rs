//! A socket to rtnetlink.

use crate::error::Error;
use crate::netlink::NetlinkSocket;
use crate::sys::Namespace;

const WHAT: &str = "Cannot read the interfaces and addresses of the network namespace";

/// For lists; it stays in its namespace.
pub(super) fn open(namespace: &Namespace) -> Result<NetlinkSocket, Error> {
    namespace.run(|| NetlinkSocket::open_family(libc::NETLINK_ROUTE, WHAT))
}
