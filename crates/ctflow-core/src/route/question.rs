//! A question to the kernel about a route, and its answer (RTM_GETROUTE).

use super::rules::Selectors;
use crate::netlink::{Attributes, HOST_LITTLE, Message, Request};
use crate::row::{AF_INET, AF_INET6};

/// linux/rtnetlink.h
pub(super) const RTM_NEWROUTE: u16 = 24;
pub(super) const RTM_GETROUTE: u16 = 26;
const RTM_F_FIB_MATCH: u32 = 0x2000;
const RTN_UNICAST: u8 = 1;
const RTN_LOCAL: u8 = 2;
const RTN_BROADCAST: u8 = 3;
const RTN_ANYCAST: u8 = 4;
const RTN_MULTICAST: u8 = 5;
/// Bytes of struct rtmsg, and where it has lengths, type and flags.
const RTMSG: usize = 12;
const DESTINATION_LENGTH_AT: usize = 1;
const SOURCE_LENGTH_AT: usize = 2;
const TYPE_AT: usize = 7;
const FLAGS_AT: usize = 8;
const RTA_DST: u16 = 1;
const RTA_SRC: u16 = 2;
const RTA_IIF: u16 = 3;
const RTA_OIF: u16 = 4;
const RTA_MULTIPATH: u16 = 9;
const RTA_MARK: u16 = 16;
const RTA_UID: u16 = 25;
const RTA_IP_PROTO: u16 = 27;
const RTA_SPORT: u16 = 28;
const RTA_DPORT: u16 = 29;
/// Bytes of struct rtnexthop, and where it has the interface.
const RTNEXTHOP: usize = 8;
const HOP_INTERFACE_AT: usize = 4;

/// Protocols that a question can have (rtm_getroute_parse_ip_proto).
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// Where packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// To this host.
    Local,
    /// To a group that this host may be one of, on this interface.
    Group(u32),
    /// Out of this interface.
    Out(u32),
    /// Out of one of several; this is the first.
    Several(u32),
    /// Nowhere.
    Unreachable,
    /// That depends on what nobody knows.
    Unclear,
}

impl Route {
    /// An interface that packets can take; 0 where there is none.
    pub(super) fn interface(self) -> u32 {
        match self {
            Route::Group(interface) | Route::Out(interface) | Route::Several(interface) => interface,
            _ => 0,
        }
    }
}

/// A question. What is zero is not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) family: u8,
    pub(super) destination: [u8; 16],
    pub(super) source: [u8; 16],
    /// Where the packet came in.
    pub(super) ingress: u32,
    /// The VRF in which to look.
    pub(super) vrf: u32,
    pub(super) mark: u32,
    pub(super) protocol: u8,
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    /// Which of several interfaces this very flow takes; else all of them.
    pub(super) exact: bool,
}

impl Question {
    /// What makes a difference to its answer, by what rules select by.
    pub(super) fn reduced(&self, selectors: &Selectors) -> Self {
        let mut key = *self;
        if self.exact {
            return key;
        }
        if !selectors.source && !selectors.route_source {
            key.source = [0; 16];
        }
        // a packet that came in from elsewhere has no user, any other question has that of who asks
        if !selectors.interface && !selectors.user {
            key.ingress = 0;
        }
        if !selectors.mark {
            key.mark = 0;
        }
        if !selectors.protocol {
            key.protocol = 0;
        }
        if !selectors.source_port {
            key.source_port = 0;
        }
        if !selectors.destination_port {
            key.destination_port = 0;
        }
        key
    }

    /// Whether the kernel can be asked about flows of this protocol.
    pub(super) fn has_protocol(&self) -> bool {
        let icmp = if self.family == AF_INET { ICMP } else { ICMPV6 };
        self.protocol == TCP || self.protocol == UDP || self.protocol == icmp
    }

    /// struct rtmsg of the request.
    pub(super) fn header(&self) -> [u8; RTMSG] {
        let mut header = [0; RTMSG];
        let bits = if self.family == AF_INET { 32 } else { 128 };
        header[0] = self.family;
        header[DESTINATION_LENGTH_AT] = bits;
        if self.source != [0; 16] {
            header[SOURCE_LENGTH_AT] = bits;
        }
        let flags = if self.exact { 0 } else { RTM_F_FIB_MATCH };
        header[FLAGS_AT..].copy_from_slice(&flags.to_ne_bytes());
        header
    }

    /// Its attributes.
    pub(super) fn put(&self, request: &mut Request) {
        let length = if self.family == AF_INET { 4 } else { 16 };
        request.put(RTA_DST, &self.destination[..length]);
        if self.source != [0; 16] {
            request.put(RTA_SRC, &self.source[..length]);
        }
        for (kind, number) in [(RTA_IIF, self.ingress), (RTA_OIF, self.vrf), (RTA_MARK, self.mark)] {
            if number != 0 {
                request.put(kind, &number.to_ne_bytes());
            }
        }
        if self.family == AF_INET6 && self.ingress != 0 {
            // to rules by user a forwarded packet is root's (ip6_route_input), but a question about one is nobody's
            request.put(RTA_UID, &0u32.to_ne_bytes());
        }
        if !self.has_protocol() {
            return;
        }
        request.put(RTA_IP_PROTO, &[self.protocol]);
        for (kind, port) in [(RTA_SPORT, self.source_port), (RTA_DPORT, self.destination_port)] {
            if port != 0 {
                request.put(kind, &port.to_be_bytes());
            }
        }
    }
}

/// What RTM_NEWROUTE says. A route that is malformed is none.
pub(super) fn route_of(message: &Message) -> Route {
    let Some((header, attributes)) = message.payload.split_at_checked(RTMSG) else {
        return Route::Unreachable;
    };
    let mut route = None;
    for attribute in Attributes::<HOST_LITTLE>(attributes) {
        let Ok(attribute) = attribute else {
            return Route::Unreachable;
        };
        match attribute.kind {
            RTA_OIF => {
                route = attribute
                    .bytes()
                    .ok()
                    .map(|bytes| Route::Out(u32::from_ne_bytes(*bytes)))
            }
            RTA_MULTIPATH => route = hops(attribute.payload),
            _ => {}
        }
    }
    // nexthop objects may be named alone (nexthop_compat_mode)
    let route = route.unwrap_or(Route::Several(0));
    match header[TYPE_AT] {
        RTN_UNICAST => route,
        RTN_LOCAL => Route::Local,
        RTN_BROADCAST | RTN_ANYCAST | RTN_MULTICAST => Route::Group(route.interface()),
        _ => Route::Unreachable,
    }
}

/// Several hops through one interface are one way. None where there is no hop.
fn hops(mut bytes: &[u8]) -> Option<Route> {
    let mut found: Option<Route> = None;
    while let Some(hop) = bytes.first_chunk::<RTNEXTHOP>() {
        let length = usize::from(u16::from_ne_bytes([hop[0], hop[1]]));
        let interface = u32::from_ne_bytes(*hop[HOP_INTERFACE_AT..].first_chunk()?);
        found = Some(match found {
            None => Route::Out(interface),
            Some(Route::Out(before)) if before != interface => Route::Several(before),
            Some(before) => before,
        });
        bytes = bytes.get(length.max(RTNEXTHOP).next_multiple_of(4)..).unwrap_or(&[]);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::{Frame, frame};

    fn answer(kind: u8, attributes: &[(u16, &[u8])]) -> Route {
        let mut header = [0; RTMSG];
        header[TYPE_AT] = kind;
        let mut request = Request::new(RTM_NEWROUTE, 0, 1, &header);
        for (kind, payload) in attributes {
            request.put(*kind, payload);
        }
        let bytes = request.finish();
        let Frame::Whole(message) = frame::<HOST_LITTLE>(&bytes) else {
            panic!("it is whole");
        };
        route_of(&message)
    }

    fn hop(interface: u32) -> Vec<u8> {
        let mut bytes = vec![0; RTNEXTHOP];
        bytes[0..2].copy_from_slice(&(RTNEXTHOP as u16).to_ne_bytes());
        bytes[HOP_INTERFACE_AT..].copy_from_slice(&interface.to_ne_bytes());
        bytes
    }

    #[test]
    fn an_answer_is_read_by_its_type() {
        let out: &[(u16, &[u8])] = &[(RTA_OIF, &7u32.to_ne_bytes())];
        assert_eq!(answer(RTN_UNICAST, out), Route::Out(7));
        assert_eq!(answer(RTN_LOCAL, out), Route::Local);
        assert_eq!(answer(RTN_BROADCAST, out), Route::Group(7));
        assert_eq!(answer(6, out), Route::Unreachable, "a blackhole");
        assert_eq!(answer(RTN_UNICAST, &[]), Route::Several(0));
        assert_eq!(answer(RTN_UNICAST, &[(RTA_OIF, &[1])]), Route::Several(0));
    }

    #[test]
    fn hops_through_one_interface_are_one_way() {
        let paths = |interfaces: &[u32]| {
            let bytes: Vec<u8> = interfaces.iter().flat_map(|interface| hop(*interface)).collect();
            answer(RTN_UNICAST, &[(RTA_MULTIPATH, &bytes)])
        };
        assert_eq!(paths(&[3, 4]), Route::Several(3));
        assert_eq!(paths(&[3, 3, 4]), Route::Several(3));
        assert_eq!(paths(&[3, 3]), Route::Out(3));
        assert_eq!(paths(&[]), Route::Several(0));
        // a length of zero does not go on for ever
        assert_eq!(hops(&[0; RTNEXTHOP]), Some(Route::Out(0)));
    }

    const FULL: Question = Question {
        family: AF_INET,
        destination: [1; 16],
        source: [2; 16],
        ingress: 3,
        vrf: 0,
        mark: 4,
        protocol: TCP,
        source_port: 5,
        destination_port: 6,
        exact: false,
    };

    #[test]
    fn questions_are_the_same_where_no_rule_asks_for_the_difference() {
        let plain = Question {
            family: AF_INET,
            destination: [1; 16],
            ..Question::default()
        };
        assert_eq!(FULL.reduced(&Selectors::default()), plain);
        let all = Selectors {
            source: true,
            interface: true,
            protocol: true,
            source_port: true,
            destination_port: true,
            mark: true,
            ..Selectors::default()
        };
        assert_eq!(FULL.reduced(&all), FULL);
        let exact = Question { exact: true, ..FULL };
        assert_eq!(exact.reduced(&Selectors::default()), exact);
    }

    #[test]
    fn the_kernel_is_asked_about_protocols_that_it_takes() {
        let of = |family, protocol| {
            Question {
                family,
                protocol,
                ..FULL
            }
            .has_protocol()
        };
        assert!(of(AF_INET, TCP) && of(AF_INET6, UDP) && of(AF_INET, ICMP) && of(AF_INET6, ICMPV6));
        assert!(!of(AF_INET, ICMPV6) && !of(AF_INET6, ICMP) && !of(AF_INET, 132));
    }
}
