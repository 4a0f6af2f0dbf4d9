//! The VRFs of a network namespace.

use crate::error::Error;
use crate::netlink::{Attributes, HOST_LITTLE, Message, NetlinkSocket};

/// linux/rtnetlink.h
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
/// Bytes of struct ifinfomsg, and where it has the index.
const IFINFOMSG: usize = 16;
const INDEX_AT: usize = 4;
/// linux/if_link.h
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;

/// VRFs that are looked into at most.
pub(super) const MOST_VRFS: usize = 64;

/// The interface indices of all VRFs; of more than [`MOST_VRFS`], one more than these.
pub(super) fn read_vrfs(socket: &mut NetlinkSocket) -> Result<Vec<u32>, Error> {
    let header = [0; IFINFOMSG];
    socket.list(
        RTM_GETLINK,
        &header,
        |_| {},
        |found: &mut Vec<_>, message| {
            if message.kind == RTM_NEWLINK && found.len() <= MOST_VRFS {
                found.extend(vrf_of(message));
            }
        },
    )
}

/// None where it is another kind of link, or malformed.
fn vrf_of(message: &Message) -> Option<u32> {
    let (header, attributes) = message.payload.split_at_checked(IFINFOMSG)?;
    let mut is_vrf = false;
    for attribute in Attributes::<HOST_LITTLE>(attributes) {
        let attribute = attribute.ok()?;
        if attribute.kind != IFLA_LINKINFO {
            continue;
        }
        for inside in attribute.nested::<HOST_LITTLE>() {
            let inside = inside.ok()?;
            is_vrf |= inside.kind == IFLA_INFO_KIND && inside.payload.starts_with(b"vrf");
        }
    }
    is_vrf.then_some(u32::from_ne_bytes(*header[INDEX_AT..].first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::{Frame, Request, frame};

    fn found(kind: &[u8]) -> Option<u32> {
        let mut header = [0; IFINFOMSG];
        header[INDEX_AT..INDEX_AT + 4].copy_from_slice(&7u32.to_ne_bytes());
        let mut request = Request::new(RTM_NEWLINK, 0, 1, &header);
        request.put(3, b"blue\0");
        request.nest(IFLA_LINKINFO, |inside| inside.put(IFLA_INFO_KIND, kind));
        let bytes = request.finish();
        let Frame::Whole(message) = frame::<HOST_LITTLE>(&bytes) else {
            panic!("it is whole");
        };
        vrf_of(&message)
    }

    #[test]
    fn a_vrf_is_a_link_of_that_kind() {
        assert_eq!(found(b"vrf\0"), Some(7));
        assert_eq!(found(b"vrf"), Some(7));
        assert_eq!(found(b"veth\0"), None);
    }
}
