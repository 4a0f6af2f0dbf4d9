//! The interfaces of flows, as the kernel's routes and rules say now.

use super::answers::Answers;
use super::inference::{FlowInterfaces, Inference, Missing, NoAnswer, Routes};
use super::question::{Question, RTM_GETROUTE, RTM_NEWROUTE, Route, route_of};
use super::rules::{Selectors, read_selectors};
use super::vrf::read_vrfs;
use crate::error::{Code, Error};
use crate::netlink::{HOST_LITTLE, NLMSG_ERROR, NetlinkSocket, READ_SIZE, Received};
use crate::row::*;
use crate::sys::Namespace;
use std::sync::Arc;

const WHAT: &str = "Cannot ask for the routes of flows";

/// Numbers of RTNLGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV4_RULE, _IPV6_IFADDR, _IPV6_ROUTE and _IPV6_RULE (linux/rtnetlink.h).
const GROUPS: [i32; 7] = [1, 5, 7, 8, 9, 11, 19];
/// RTNLGRP_NEXTHOP, which Linux has since 5.3.
const NEXTHOP_GROUP: i32 = 32;

/// Notices that are read in a row.
const MOST_NOTICES: usize = 1_024;
/// Questions to the kernel in one call: it takes a few microseconds for each.
const MOST_QUESTIONS: u32 = 512;
/// fib_multipath_hash_policy: a hash of addresses, protocol and ports.
const BY_PORTS: u8 = 1;
/// Words of a flow: ingress and egress.
const WORDS: usize = 2;

/// What was asked, and which interfaces are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteCounts {
    /// Questions to the kernel.
    pub asked: u64,
    /// Times that the answers were forgotten, as something has changed.
    pub forgotten: u64,
    /// Interfaces without a route.
    pub unreachable: u64,
    /// Interfaces of which it could be one or another.
    pub ambiguous: u64,
    /// Flows that were not asked about, as too many others were.
    pub postponed: u64,
    /// Flows about which the kernel could not be asked.
    pub failed: u64,
}

/// Asks the kernel, and keeps what it has said until something changes.
pub struct RouteLookup {
    asker: Asker,
    /// Receives notices of changes.
    changes: NetlinkSocket,
    /// Of IPv4 and IPv6; absent until they are read again.
    rules: Option<Rules>,
    with_mark: bool,
    counts: RouteCounts,
    notices: Vec<u8>,
}

struct Rules {
    selectors: [Selectors; 2],
    vrfs: Vec<u32>,
}

/// The socket, and the answers.
struct Asker {
    namespace: Arc<Namespace>,
    socket: NetlinkSocket,
    answers: Answers,
    /// fib_multipath_hash_policy of IPv4 and IPv6; absent until it is read.
    hash_policies: [Option<u8>; 2],
    /// Questions that this call may still ask.
    left: u32,
    asked: u64,
    buffer: Vec<u8>,
}

/// Answers for flows of a family.
struct Family<'a> {
    asker: &'a mut Asker,
    selectors: &'a Selectors,
}

impl RouteLookup {
    /// @param with_mark the conntrack mark is that of the packets
    ///
    /// Errors: `Netlink`, `Namespace` where it cannot be entered.
    pub fn open(namespace: Arc<Namespace>, with_mark: bool) -> Result<Self, Error> {
        let (socket, changes) = namespace.run(|| {
            let changes = NetlinkSocket::open_family(libc::NETLINK_ROUTE, WHAT)?;
            let join = |group: i32| changes.set_option(libc::SOL_NETLINK, libc::NETLINK_ADD_MEMBERSHIP, &group);
            for group in GROUPS {
                join(group)?;
            }
            // where the kernel has no nexthop objects, none change
            let _ = join(NEXTHOP_GROUP);
            Ok((NetlinkSocket::open_family(libc::NETLINK_ROUTE, WHAT)?, changes))
        })?;
        Ok(Self {
            asker: Asker {
                namespace,
                socket,
                answers: Answers::default(),
                hash_policies: [None; 2],
                left: 0,
                asked: 0,
                buffer: vec![0; READ_SIZE],
            },
            changes,
            rules: None,
            with_mark,
            counts: RouteCounts::default(),
            // they may be cut, as only that there was one is of interest
            notices: vec![0; READ_SIZE],
        })
    }

    /// Counts so far.
    pub fn counts(&self) -> RouteCounts {
        RouteCounts {
            asked: self.asker.asked,
            ..self.counts
        }
    }

    /// The interfaces of flows in rows of [`ROW_SIZE`] bytes, two words a slot in `out`: 0 where one is not known.
    /// @param reasons of each slot; what has 0 is left as it is
    ///
    /// Errors: `Usage` for a slot that there is not; `Netlink` where the kernel cannot be asked. The others of the call have 0 then.
    pub fn look(&mut self, rows: &[u8], slots: &[u32], reasons: &[u8], out: &mut [u32]) -> Result<(), Error> {
        let (rows, _) = rows.as_chunks::<ROW_SIZE>();
        let count = rows.len().min(out.len() / WORDS);
        let wanted = || slots.iter().zip(reasons).filter(|(_, reason)| **reason != 0);
        if let Some((slot, _)) = wanted().find(|(slot, _)| **slot as usize >= count) {
            return Err(Error::new(Code::Usage, format!("slot {slot} of {count}")));
        }
        let mut error = self.prepare().err();
        self.asker.left = MOST_QUESTIONS;
        for (slot, _) in wanted() {
            let slot = *slot as usize;
            let mut found = FlowInterfaces::default();
            if error.is_none() {
                match self.of(&rows[slot]) {
                    Ok(interfaces) => found = interfaces,
                    Err(NoAnswer::Postponed) => self.counts.postponed += 1,
                    Err(NoAnswer::Failed(failure)) => error = Some(failure),
                }
            }
            if error.is_some() {
                self.counts.failed += 1;
            }
            out[slot * WORDS] = found.ingress;
            out[slot * WORDS + 1] = found.egress;
        }
        error.map_or(Ok(()), Err)
    }

    fn of(&mut self, row: &[u8; ROW_SIZE]) -> Result<FlowInterfaces, NoAnswer> {
        let Some(Rules { selectors, vrfs }) = &self.rules else {
            return Err(NoAnswer::Postponed);
        };
        let selectors = &selectors[usize::from(row[FAMILY] == AF_INET6)];
        let mut family = Family {
            asker: &mut self.asker,
            selectors,
        };
        let mut inference = Inference {
            routes: &mut family,
            selectors,
            vrfs,
            with_mark: self.with_mark,
            missing: Missing::default(),
        };
        let found = inference.interfaces(row)?;
        let Missing { unreachable, ambiguous } = inference.missing;
        self.counts.unreachable += u64::from(unreachable);
        self.counts.ambiguous += u64::from(ambiguous);
        Ok(found)
    }

    /// Forgets what may have changed, and reads the rules where they are not known.
    fn prepare(&mut self) -> Result<(), Error> {
        let mut changed = false;
        for _ in 0..MOST_NOTICES {
            match self.changes.receive_now(&mut self.notices)? {
                None => break,
                Some(Received::Foreign) => {}
                // what was lost may have been anything
                Some(Received::Datagram { .. } | Received::Overrun) => changed = true,
            }
        }
        if changed {
            self.rules = None;
            self.asker.hash_policies = [None; 2];
            self.counts.forgotten += u64::from(self.asker.answers.clear());
        }
        if self.rules.is_none() {
            let selectors = read_selectors(&mut self.asker.socket)?;
            let vrfs = if selectors.iter().any(|one| one.vrf) {
                read_vrfs(&mut self.asker.socket)?
            } else {
                Vec::new()
            };
            self.rules = Some(Rules { selectors, vrfs });
        }
        Ok(())
    }
}

impl Routes for Family<'_> {
    fn ask(&mut self, question: &Question) -> Result<Route, NoAnswer> {
        let asker = &mut *self.asker;
        let key = question.reduced(self.selectors);
        if let Some(route) = asker.answers.get(&key) {
            return Ok(route);
        }
        if asker.left == 0 {
            return Err(NoAnswer::Postponed);
        }
        asker.left -= 1;
        let route = asker.ask_kernel(question).map_err(NoAnswer::Failed)?;
        asker.answers.put(key, route);
        Ok(route)
    }
}

impl Asker {
    fn ask_kernel(&mut self, question: &Question) -> Result<Route, Error> {
        if question.exact && !self.is_predictable(question) {
            return Ok(Route::Unclear);
        }
        self.asked += 1;
        self.socket
            .request(RTM_GETROUTE, 0, &question.header(), |request| question.put(request))?;
        self.socket.answer(&mut self.buffer, |message| match message.kind {
            RTM_NEWROUTE => Some(Ok(route_of(message))),
            NLMSG_ERROR => Some(refusal(message.errno::<HOST_LITTLE>().unwrap_or(0))),
            _ => None,
        })?
    }

    /// Whether the kernel would choose the same for the flow's packets (fib_multipath_hash, rt6_multipath_hash). By ports (1) it takes a hash
    /// that the packet brought along, from its sender on the same host or from the network card. Of IPv6 every other policy hashes the
    /// flow label too.
    fn is_predictable(&mut self, question: &Question) -> bool {
        let v6 = question.family == AF_INET6;
        let by_ports = self.hash_policy(v6) == BY_PORTS;
        if question.ingress == 0 {
            by_ports || !v6
        } else {
            !by_ports && !v6
        }
    }

    /// By addresses where it cannot be read.
    fn hash_policy(&mut self, v6: bool) -> u8 {
        let known = &mut self.hash_policies[usize::from(v6)];
        *known.get_or_insert_with(|| {
            let family = if v6 { "ipv6" } else { "ipv4" };
            let read = self.namespace.run(|| {
                let text = std::fs::read_to_string(format!("/proc/sys/net/{family}/fib_multipath_hash_policy"));
                Ok(text.ok().and_then(|text| text.trim().parse().ok()))
            });
            read.ok().flatten().unwrap_or(0)
        })
    }
}

/// What the kernel says where there is no way (fib_props, fib_validate_source, ip6_pkt_discard).
fn refusal(errno: u32) -> Result<Route, Error> {
    match i32::try_from(errno).unwrap_or(libc::EIO) {
        libc::ENETUNREACH
        | libc::EHOSTUNREACH
        | libc::EACCES
        | libc::EINVAL
        | libc::EAGAIN
        | libc::EXDEV
        | libc::ENODEV
        | libc::ENETDOWN => Ok(Route::Unreachable),
        _ => Err(Error::answer(WHAT, errno)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flow of UDP over loopback.
    fn row(destination: [u8; 4]) -> [u8; ROW_SIZE] {
        let mut row = [0; ROW_SIZE];
        for (at, address) in [(ORIG_SRC, [127, 0, 0, 1]), (REPLY_SRC, destination)] {
            row[at..at + 4].copy_from_slice(&address);
        }
        row[FAMILY] = AF_INET;
        row[PROTOCOL] = 17;
        row
    }

    fn lookup() -> RouteLookup {
        RouteLookup::open(Arc::new(Namespace::open(None).unwrap()), false).unwrap()
    }

    #[test]
    fn a_flow_of_this_host_stays_on_loopback_and_is_asked_about_once() {
        let mut lookup = lookup();
        let rows = [row([127, 0, 0, 2]), row([127, 0, 0, 2])].concat();
        let mut out = [9; 4];
        lookup.look(&rows, &[1], &[3], &mut out).unwrap();
        assert_eq!(out, [9, 9, 1, 1]);
        let asked = lookup.counts().asked;
        assert!((2..=4).contains(&asked), "{asked}");
        lookup.look(&rows, &[0, 1], &[3, 0], &mut out).unwrap();
        assert_eq!(out, [1; 4]);
        // somebody else may have changed a link meanwhile
        let counts = lookup.counts();
        assert!(counts.asked == asked || counts.forgotten > 0, "{counts:?}");
    }

    #[test]
    fn a_call_asks_so_much_and_the_other_flows_are_counted() {
        let mut lookup = lookup();
        let slots: Vec<u32> = (0..600).collect();
        let rows: Vec<u8> = slots
            .iter()
            .flat_map(|slot| row([127, 0, (slot >> 8) as u8 + 1, *slot as u8]))
            .collect();
        let mut out = vec![9; 1_200];
        lookup.look(&rows, &slots, &[3; 600], &mut out).unwrap();
        let RouteCounts { asked, postponed, .. } = lookup.counts();
        assert_eq!(asked, u64::from(MOST_QUESTIONS));
        assert!(postponed > 0);
        assert_eq!(out[1_199], 0);
        // the next calls go on
        for _ in 0..100 {
            lookup.look(&rows, &slots, &[3; 600], &mut out).unwrap();
            if out == [1; 1_200] {
                return;
            }
        }
        panic!("{:?}", lookup.counts());
    }

    #[test]
    fn a_slot_that_is_not_there_is_refused() {
        let error = lookup()
            .look(&row([127, 0, 0, 2]), &[1], &[3], &mut [0; 4])
            .unwrap_err();
        assert_eq!((error.code, error.text), (Code::Usage, "slot 1 of 1".to_owned()));
    }

    #[test]
    fn the_choice_among_several_ways_is_asked_for_where_the_packets_decide_alone() {
        let mut asker = lookup().asker;
        let mut of = |policy, family, ingress| {
            asker.hash_policies = [Some(policy); 2];
            asker.is_predictable(&Question {
                family,
                ingress,
                ..Question::default()
            })
        };
        assert!(of(0, AF_INET, 0) && of(0, AF_INET, 7) && of(1, AF_INET, 0) && of(1, AF_INET6, 0));
        assert!(!of(1, AF_INET, 7), "a network card may have hashed it");
        assert!(!of(0, AF_INET6, 0) && !of(0, AF_INET6, 7) && !of(1, AF_INET6, 7));
    }

    #[test]
    fn an_answer_that_is_no_refusal_is_a_failure() {
        assert_eq!(refusal(libc::EHOSTUNREACH as u32), Ok(Route::Unreachable));
        assert_eq!(refusal(libc::EPERM as u32).unwrap_err().code, Code::Permission);
    }
}
