//! The addresses of a network namespace.

use super::socket::open;
use crate::error::Error;
use crate::netlink::{Attributes, HOST_LITTLE, Message};
use crate::sys::Namespace;
use std::net::IpAddr;

/// linux/rtnetlink.h
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
/// Bytes of struct ifaddrmsg (linux/if_addr.h).
const IFADDRMSG: usize = 8;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;

/// Every address of every interface in the namespace.
///
/// Errors: `Netlink`, `Namespace` where it cannot be entered.
pub fn local_addresses(namespace: &Namespace) -> Result<Vec<IpAddr>, Error> {
    let header = [0; IFADDRMSG];
    open(namespace)?.list(
        RTM_GETADDR,
        &header,
        |_| {},
        |addresses: &mut Vec<_>, message| {
            if message.kind == RTM_NEWADDR {
                addresses.extend(address_of(message));
            }
        },
    )
}

/// Of a point-to-point link IFA_ADDRESS is the other end, and IFA_LOCAL this one. None where it is malformed.
fn address_of(message: &Message) -> Option<IpAddr> {
    let (_, attributes) = message.payload.split_at_checked(IFADDRMSG)?;
    let mut address: Option<&[u8]> = None;
    for attribute in Attributes::<HOST_LITTLE>(attributes) {
        match attribute.ok()? {
            found if found.kind == IFA_LOCAL => address = Some(found.payload),
            found if found.kind == IFA_ADDRESS => address = address.or(Some(found.payload)),
            _ => {}
        }
    }
    let address = address?;
    let v4 = || <[u8; 4]>::try_from(address).map(IpAddr::from);
    v4().or_else(|_| <[u8; 16]>::try_from(address).map(IpAddr::from)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::{Frame, Request, frame};

    /// The address in an answer with these attributes.
    fn found(attributes: &[(u16, &[u8])]) -> Option<String> {
        let mut request = Request::new(RTM_NEWADDR, 0, 1, &[0; IFADDRMSG]);
        for (kind, payload) in attributes {
            request.put(*kind, payload);
        }
        let bytes = request.finish();
        let Frame::Whole(message) = frame::<HOST_LITTLE>(&bytes) else {
            panic!("it is whole");
        };
        address_of(&message).map(|address| address.to_string())
    }

    #[test]
    fn of_a_point_to_point_link_the_near_end_is_local() {
        let near: &[u8] = &[10, 0, 0, 1];
        let far: &[u8] = &[10, 0, 0, 2];
        let expected = Some("10.0.0.1".to_owned());
        assert_eq!(found(&[(IFA_ADDRESS, far), (IFA_LOCAL, near)]), expected);
        assert_eq!(found(&[(IFA_LOCAL, near), (IFA_ADDRESS, far)]), expected);
        assert_eq!(found(&[(IFA_ADDRESS, near)]), expected);
    }

    #[test]
    fn what_is_no_address_is_left_out() {
        assert_eq!(found(&[]), None);
        assert_eq!(found(&[(IFA_LOCAL, &[1, 2, 3])]), None);
        assert_eq!(found(&[(IFA_ADDRESS, &[0; 16])]), Some("::".to_owned()));
    }

    #[test]
    fn this_host_has_its_loopback_address() {
        let addresses = local_addresses(&Namespace::open(None).unwrap()).unwrap();
        assert!(addresses.contains(&IpAddr::from([127, 0, 0, 1])));
    }
}
