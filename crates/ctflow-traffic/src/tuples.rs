//! Source ports and destination ports that nobody has used yet.

use crate::wire::{DENIED_PORTS, TCP_PORTS, UDP_PORTS};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

/// Source ports of each protocol, so that a SYN never meets a TIME_WAIT. Those of ICMP are identifiers.
const SOURCE_PORTS: Range<u16> = 10_000..60_000;

/// Both ends of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuple {
    /// The client's address and port; port 0 where all of them share one socket by `from`.
    pub from: SocketAddr,
    /// The server's.
    pub to: SocketAddr,
}

/// Who talks to whom in one address family.
#[derive(Clone, Copy, Debug)]
pub struct Hosts {
    /// The client's address.
    pub client: IpAddr,
    /// The server's.
    pub server: IpAddr,
}

/// Gives out tuples of one family, each one once.
#[derive(Debug)]
pub struct Tuples {
    hosts: Hosts,
    udp: Counter,
    tcp: Counter,
    denied: Counter,
    closed: Counter,
    icmp: Counter,
}

impl Tuples {
    /// None is given out yet.
    pub const fn new(hosts: Hosts) -> Self {
        Self {
            hosts,
            udp: Counter(0),
            tcp: Counter(0),
            denied: Counter(0),
            closed: Counter(0),
            icmp: Counter(0),
        }
    }

    /// To a UDP port that answers.
    pub fn udp(&mut self) -> Option<Tuple> {
        self.udp.next(UDP_PORTS).map(|ports| self.between(ports))
    }

    /// To a TCP port that answers.
    pub fn tcp(&mut self) -> Option<Tuple> {
        self.tcp.next(TCP_PORTS).map(|ports| self.between(ports))
    }

    /// To a port that the router drops.
    pub fn denied(&mut self) -> Option<Tuple> {
        self.denied.next(DENIED_PORTS).map(|ports| self.between(ports))
    }

    /// To a TCP port that refuses.
    pub fn closed(&mut self, port: u16) -> Option<Tuple> {
        self.closed.next(port..port + 1).map(|ports| self.between(ports))
    }

    /// An echo with an identifier of its own.
    pub fn icmp(&mut self) -> Option<Tuple> {
        self.icmp.next(0..1).map(|ports| self.between(ports))
    }

    fn between(&self, (from, to): (u16, u16)) -> Tuple {
        Tuple {
            from: (self.hosts.client, from).into(),
            to: (self.hosts.server, to).into(),
        }
    }
}

#[derive(Debug)]
struct Counter(u32);

impl Counter {
    /// All destination ports of one source port, then those of the next; `None` when there are no more.
    fn next(&mut self, to: Range<u16>) -> Option<(u16, u16)> {
        let number = self.0;
        let width = u32::from(to.end - to.start);
        let from = u16::try_from(number / width).ok()?.checked_add(SOURCE_PORTS.start)?;
        if from >= SOURCE_PORTS.end {
            return None;
        }
        self.0 += 1;
        Some((from, to.start + (number % width) as u16))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn tuples() -> Tuples {
        let address: IpAddr = "192.0.2.1".parse().expect("an address");
        Tuples::new(Hosts {
            client: address,
            server: address,
        })
    }

    #[test]
    fn no_tuple_is_given_out_twice() {
        let mut tuples = tuples();
        let given: HashSet<_> = (0..100_000)
            .map(|_| tuples.udp().expect("there are three million"))
            .map(|Tuple { from, to }| (from, to))
            .collect();
        assert_eq!(given.len(), 100_000);
    }

    #[test]
    fn when_there_are_no_more_none_is_given_out() {
        let mut tuples = tuples();
        let given = std::iter::from_fn(|| tuples.icmp()).count();
        assert_eq!(given, SOURCE_PORTS.len());
    }
}
