//! The interfaces of a network namespace.

use super::socket::open;
use crate::error::Error;
use crate::netlink::{Attributes, HOST_LITTLE, Message, Request};
use crate::sys::Namespace;

/// linux/rtnetlink.h
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
/// Bytes of struct ifinfomsg, and where it has the index.
const IFINFOMSG: usize = 16;
const INDEX_AT: usize = 4;
const IFLA_IFNAME: u16 = 3;
const IFLA_IFALIAS: u16 = 20;
const IFLA_EXT_MASK: u16 = 29;
/// Without the counters of each interface, most of the answer.
const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// ifIndex.
    pub index: u32,
    /// As `ip link` has it.
    pub name: String,
    /// What somebody has called it (`ip link set alias`), empty where nobody has.
    pub alias: String,
}

/// Every interface of the namespace.
///
/// Errors: `Netlink`, `Namespace` where it cannot be entered.
pub fn interfaces(namespace: &Namespace) -> Result<Vec<Interface>, Error> {
    let short = |request: &mut Request| request.put(IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS.to_ne_bytes());
    open(namespace)?.list(RTM_GETLINK, &[0; IFINFOMSG], short, |found: &mut Vec<_>, message| {
        if message.kind == RTM_NEWLINK {
            found.extend(interface_of(message));
        }
    })
}

/// None where it is malformed, or has no name.
fn interface_of(message: &Message) -> Option<Interface> {
    let (header, attributes) = message.payload.split_at_checked(IFINFOMSG)?;
    let index = u32::from_ne_bytes(*header[INDEX_AT..].first_chunk()?);
    let (mut name, mut alias) = (String::new(), String::new());
    for attribute in Attributes::<HOST_LITTLE>(attributes) {
        let attribute = attribute.ok()?;
        match attribute.kind {
            IFLA_IFNAME => name = text(attribute.payload),
            IFLA_IFALIAS => alias = text(attribute.payload),
            _ => {}
        }
    }
    (!name.is_empty()).then_some(Interface { index, name, alias })
}

/// Up to the NUL. A name may be any bytes but `/` and white space (dev_valid_name): what is no UTF-8 is replaced.
fn text(payload: &[u8]) -> String {
    let end = payload.iter().position(|byte| *byte == 0).unwrap_or(payload.len());
    String::from_utf8_lossy(&payload[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::{Frame, Request, frame};

    fn found(header: &[u8], attributes: &[(u16, &[u8])]) -> Option<Interface> {
        let mut request = Request::new(RTM_NEWLINK, 0, 1, header);
        for (kind, payload) in attributes {
            request.put(*kind, payload);
        }
        let bytes = request.finish();
        let Frame::Whole(message) = frame::<HOST_LITTLE>(&bytes) else {
            panic!("it is whole");
        };
        interface_of(&message)
    }

    #[test]
    fn an_interface_has_an_index_a_name_and_perhaps_an_alias() {
        let mut header = [0; IFINFOMSG];
        header[INDEX_AT..INDEX_AT + 4].copy_from_slice(&7u32.to_ne_bytes());
        let expected = |alias: &str| Interface {
            index: 7,
            name: "eth0".into(),
            alias: alias.into(),
        };
        assert_eq!(found(&header, &[(IFLA_IFNAME, b"eth0\0")]), Some(expected("")));
        let both: &[(u16, &[u8])] = &[(IFLA_IFNAME, b"eth0\0"), (IFLA_IFALIAS, b"up\xfflink")];
        assert_eq!(found(&header, both), Some(expected("up\u{fffd}link")));
        assert_eq!(found(&header, &[]), None);
        assert_eq!(found(&header[..8], &[]), None);
    }

    #[test]
    fn this_host_has_a_loopback_interface() {
        let interfaces = interfaces(&Namespace::open(None).unwrap()).unwrap();
        assert!(interfaces.iter().any(|one| one.name == "lo" && one.index > 0));
    }
}
