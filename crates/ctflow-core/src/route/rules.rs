//! Which facts of a flow the routing rules of a network namespace ask for (linux/fib_rules.h).

use crate::error::Error;
use crate::netlink::{Attributes, HOST_LITTLE, Message, NetlinkSocket};
use crate::row::{AF_INET, AF_INET6};

/// linux/rtnetlink.h
const RTM_NEWRULE: u16 = 32;
const RTM_GETRULE: u16 = 34;
/// Bytes of struct fib_rule_hdr, and where it has what it selects by.
const FIB_RULE_HDR: usize = 12;
const SOURCE_LENGTH_AT: usize = 2;
const TOS_AT: usize = 3;
const FRA_IIFNAME: u16 = 3;
const FRA_FWMARK: u16 = 10;
const FRA_TUN_ID: u16 = 12;
const FRA_FWMASK: u16 = 16;
const FRA_OIFNAME: u16 = 17;
const FRA_L3MDEV: u16 = 19;
const FRA_UID_RANGE: u16 = 20;
const FRA_IP_PROTO: u16 = 22;
const FRA_SPORT_RANGE: u16 = 23;
const FRA_DPORT_RANGE: u16 = 24;
const FRA_DSCP: u16 = 25;
const FRA_FLOWLABEL: u16 = 26;
const FRA_FLOWLABEL_MASK: u16 = 27;
const FRA_SPORT_MASK: u16 = 28;
const FRA_DPORT_MASK: u16 = 29;
const FRA_DSCP_MASK: u16 = 30;

/// Marks that a question is asked with at most, where the packets' mark is not known.
const MOST_MARKS: usize = 8;

/// The facts of flows of one family that make a difference to their routes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selectors {
    pub(super) source: bool,
    /// Routes may be for certain sources, whatever the rules say (RFC 8043): of IPv6.
    pub(super) route_source: bool,
    /// The one where a packet comes in, or that it is bound to.
    pub(super) interface: bool,
    pub(super) protocol: bool,
    pub(super) source_port: bool,
    pub(super) destination_port: bool,
    /// Of the socket.
    pub(super) user: bool,
    pub(super) mark: bool,
    /// Values of marks that rules ask for.
    pub(super) marks: Vec<u32>,
    /// Rules ask for more marks than are tried.
    pub(super) many_marks: bool,
    /// Type of service, tunnel or flow label: no connection of conntrack has them.
    pub(super) packet: bool,
    /// There are VRFs.
    pub(super) vrf: bool,
}

/// Of IPv4 and of IPv6.
pub(super) fn read_selectors(socket: &mut NetlinkSocket) -> Result<[Selectors; 2], Error> {
    let header = [0; FIB_RULE_HDR];
    let mut found = socket.list(
        RTM_GETRULE,
        &header,
        |_| {},
        |found: &mut [Selectors; 2], message| {
            if message.kind != RTM_NEWRULE {
                return;
            }
            match message.payload.first() {
                Some(&AF_INET) => found[0].add(message),
                Some(&AF_INET6) => found[1].add(message),
                _ => {}
            }
        },
    )?;
    found[1].route_source = true;
    Ok(found)
}

impl Selectors {
    /// Takes what a rule selects by.
    fn add(&mut self, rule: &Message) {
        let Some((header, attributes)) = rule.payload.split_at_checked(FIB_RULE_HDR) else {
            return;
        };
        self.source |= header[SOURCE_LENGTH_AT] != 0;
        self.packet |= header[TOS_AT] != 0;
        for attribute in Attributes::<HOST_LITTLE>(attributes) {
            let Ok(attribute) = attribute else {
                return;
            };
            match attribute.kind {
                FRA_IIFNAME | FRA_OIFNAME => self.interface = true,
                FRA_L3MDEV => {
                    self.interface = true;
                    self.vrf = true;
                }
                FRA_FWMARK => {
                    self.mark = true;
                    self.add_mark(attribute.payload);
                }
                FRA_FWMASK => self.mark = true,
                FRA_UID_RANGE => self.user = true,
                FRA_IP_PROTO => self.protocol = true,
                FRA_SPORT_RANGE | FRA_SPORT_MASK => self.source_port = true,
                FRA_DPORT_RANGE | FRA_DPORT_MASK => self.destination_port = true,
                FRA_TUN_ID | FRA_DSCP | FRA_DSCP_MASK | FRA_FLOWLABEL | FRA_FLOWLABEL_MASK => self.packet = true,
                _ => {}
            }
        }
    }

    fn add_mark(&mut self, payload: &[u8]) {
        let Some(mark) = payload.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes)) else {
            return;
        };
        if mark == 0 || self.marks.contains(&mark) {
            return;
        }
        if self.marks.len() < MOST_MARKS {
            self.marks.push(mark);
        } else {
            self.many_marks = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::{Frame, Request, frame};

    /// A rule: its header and its attributes.
    type Rule<'a> = ([u8; FIB_RULE_HDR], &'a [(u16, &'a [u8])]);

    /// What rules select by.
    fn selectors(rules: &[Rule]) -> Selectors {
        let mut found = Selectors::default();
        for (header, attributes) in rules {
            let mut request = Request::new(RTM_NEWRULE, 0, 1, header);
            for (kind, payload) in *attributes {
                request.put(*kind, payload);
            }
            let bytes = request.finish();
            let Frame::Whole(message) = frame::<HOST_LITTLE>(&bytes) else {
                panic!("it is whole");
            };
            found.add(&message);
        }
        found
    }

    const PLAIN: [u8; FIB_RULE_HDR] = [AF_INET, 0, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0];

    #[test]
    fn the_rules_of_a_host_that_has_no_others_select_by_nothing() {
        // priority, table, suppressed prefixes
        let attributes: &[(u16, &[u8])] = &[(6, &[0, 0, 0, 0]), (15, &[255, 0, 0, 0]), (14, &[255; 4])];
        assert_eq!(selectors(&[(PLAIN, attributes)]), Selectors::default());
    }

    #[test]
    fn each_selector_is_seen() {
        let mut from = PLAIN;
        from[SOURCE_LENGTH_AT] = 24;
        assert!(selectors(&[(from, &[])]).source);
        let mut tos = PLAIN;
        tos[TOS_AT] = 0x10;
        assert!(selectors(&[(tos, &[])]).packet);
        let one = |kind, payload| selectors(&[(PLAIN, &[(kind, payload)])]);
        assert!(one(FRA_IIFNAME, b"eth0\0").interface);
        assert!(one(FRA_OIFNAME, b"eth0\0").interface);
        assert!(one(FRA_UID_RANGE, &[0; 8]).user);
        assert!(one(FRA_IP_PROTO, &[6]).protocol);
        assert!(one(FRA_SPORT_RANGE, &[0; 4]).source_port);
        assert!(one(FRA_DPORT_RANGE, &[0; 4]).destination_port);
        assert!(one(FRA_DSCP, &[1]).packet);
        let vrf = one(FRA_L3MDEV, &[1]);
        assert!(vrf.interface && vrf.vrf);
    }

    #[test]
    fn marks_are_kept_once_each_and_only_so_many() {
        let two = selectors(&[
            (PLAIN, &[(FRA_FWMARK, &7u32.to_ne_bytes()), (FRA_FWMASK, &[255; 4])]),
            (PLAIN, &[(FRA_FWMARK, &7u32.to_ne_bytes())]),
            (PLAIN, &[(FRA_FWMARK, &9u32.to_ne_bytes())]),
        ]);
        assert!(two.mark && !two.many_marks);
        assert_eq!(two.marks, [7, 9]);
        // the mark 0 is one of those that are tried anyway
        let zero = selectors(&[(PLAIN, &[(FRA_FWMASK, &[255; 4])])]);
        assert!(zero.mark && zero.marks.is_empty());
        let mut many = Selectors::default();
        for mark in 1..=9u32 {
            many.add_mark(&mark.to_ne_bytes());
        }
        assert!(many.many_marks);
        assert_eq!(many.marks.len(), MOST_MARKS);
    }
}
