//! The flowtables of a network namespace: NFT_MSG_GETFLOWTABLE.

use crate::error::Error;
use crate::netlink::{Attributes, HOST_LITTLE, Message, NFGENMSG, NetlinkSocket};
use crate::sys::Namespace;

const WHAT: &str = "Cannot read the flowtables of the network namespace";

/// linux/netfilter/nf_tables.h, with NFNL_SUBSYS_NFTABLES above.
const NEW_FLOWTABLE: u16 = (10 << 8) | 22;
const GET_FLOWTABLE: u16 = (10 << 8) | 23;
const TABLE: u16 = 1;
const NAME: u16 = 2;
const FLAGS: u16 = 7;
const NFT_FLOWTABLE_COUNTER: u32 = 2;

/// One flowtable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flowtable {
    /// As nft names it: `inet filter f`.
    pub name: String,
    /// It has `counter`: what it forwards is counted in the entries of conntrack. Before Linux 5.7 none has.
    pub counts: bool,
}

/// All flowtables of the namespace; none where the kernel has no nftables.
///
/// Errors: `Permission` without CAP_NET_ADMIN over the namespace, `Netlink` where the kernel answers with another error.
pub fn flowtables(namespace: &Namespace) -> Result<Vec<Flowtable>, Error> {
    let mut netlink = namespace.run(|| NetlinkSocket::open(WHAT))?;
    let found = netlink.list(
        GET_FLOWTABLE,
        &[0; NFGENMSG],
        |_| {},
        |found: &mut Vec<_>, message| {
            found.extend(flowtable_of(message));
        },
    );
    match found {
        // nfnetlink_rcv_msg: the subsystem is not there
        Err(error) if error.errno == Some(libc::EINVAL) => Ok(Vec::new()),
        found => found,
    }
}

/// None where the message is of another kind. What is malformed has no counter that is known.
fn flowtable_of(message: &Message) -> Option<Flowtable> {
    if message.kind != NEW_FLOWTABLE {
        return None;
    }
    let family = match message.payload.first() {
        Some(1) => "inet",
        Some(2) => "ip",
        Some(5) => "netdev",
        Some(10) => "ip6",
        _ => "?",
    };
    let (mut table, mut name, mut flags) = (String::new(), String::new(), 0);
    for attribute in Attributes::<HOST_LITTLE>(message.payload.get(NFGENMSG..).unwrap_or(&[])).flatten() {
        match attribute.kind {
            TABLE => table = text(attribute.payload),
            NAME => name = text(attribute.payload),
            FLAGS => flags = attribute.be32().unwrap_or(0),
            _ => {}
        }
    }
    Some(Flowtable {
        name: format!("{family} {table} {name}"),
        counts: flags & NFT_FLOWTABLE_COUNTER != 0,
    })
}

/// Up to the NUL.
fn text(payload: &[u8]) -> String {
    let end = payload.iter().position(|byte| *byte == 0).unwrap_or(payload.len());
    String::from_utf8_lossy(&payload[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::netlink::{Frame, Request, frame};

    fn found(kind: u16, family: u8, attributes: &[(u16, &[u8])]) -> Option<Flowtable> {
        let mut request = Request::new(kind, 0, 1, &[family, 0, 0, 0]);
        for (kind, payload) in attributes {
            request.put(*kind, payload);
        }
        let bytes = request.finish();
        let Frame::Whole(message) = frame::<HOST_LITTLE>(&bytes) else {
            panic!("it is whole");
        };
        flowtable_of(&message)
    }

    fn flowtable(name: &str, counts: bool) -> Option<Flowtable> {
        Some(Flowtable {
            name: name.into(),
            counts,
        })
    }

    #[test]
    fn a_flowtable_counts_where_its_flag_says_so() {
        let named: [(u16, &[u8]); 2] = [(TABLE, b"filter\0"), (NAME, b"f\0")];
        let with = |flags: u32| {
            let bytes = flags.to_be_bytes();
            let [table, name] = named;
            found(NEW_FLOWTABLE, 1, &[table, name, (FLAGS, &bytes)])
        };
        // NFT_FLOWTABLE_HW_OFFLOAD is 1
        assert_eq!(with(3), flowtable("inet filter f", true));
        assert_eq!(with(2), flowtable("inet filter f", true));
        assert_eq!(with(1), flowtable("inet filter f", false));
        assert_eq!(found(NEW_FLOWTABLE, 10, &named), flowtable("ip6 filter f", false));
        assert_eq!(found(NEW_FLOWTABLE, 2, &[(FLAGS, &[0, 2])]), flowtable("ip  ", false));
        assert_eq!(found(NEW_FLOWTABLE - 1, 1, &named), None);
    }

    #[test]
    fn the_kernel_answers() {
        match flowtables(&Namespace::open(None).unwrap()) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.code, Code::Permission),
        }
    }
}
