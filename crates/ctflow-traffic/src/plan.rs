//! Which flows are made, in which order: the same ones for the same seed.

use std::fmt;
use std::str::FromStr;

/// What a flow is like. An `…Again` uses its tuple a second time, as a flow of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Some datagrams, each answered.
    Udp,
    /// The same, and again when the kernel has forgotten the first.
    UdpAgain,
    /// Some echo requests with one identifier.
    Icmp,
    /// The same, and again when the kernel has forgotten the first.
    IcmpAgain,
    /// A request and its answer; the client closes.
    Tcp,
    /// The server closes.
    TcpServer,
    /// The client resets the connection, and opens it again from the same port.
    TcpAgain,
    /// A RST answers the SYN.
    Refused,
    /// Datagrams that the router drops.
    DeniedUdp,
    /// A SYN that the router drops.
    DeniedTcp,
}

/// All of them, by the names that the command line has.
pub const KINDS: [(Kind, &str); 10] = [
    (Kind::Udp, "udp"),
    (Kind::UdpAgain, "udp-again"),
    (Kind::Icmp, "icmp"),
    (Kind::IcmpAgain, "icmp-again"),
    (Kind::Tcp, "tcp"),
    (Kind::TcpServer, "tcp-server"),
    (Kind::TcpAgain, "tcp-again"),
    (Kind::Refused, "refused"),
    (Kind::DeniedUdp, "denied-udp"),
    (Kind::DeniedTcp, "denied-tcp"),
];

impl Kind {
    /// Its tuple is used twice.
    pub const fn twice(self) -> bool {
        matches!(self, Self::UdpAgain | Self::IcmpAgain | Self::TcpAgain)
    }

    /// The router lets nothing of it through.
    pub const fn denied(self) -> bool {
        matches!(self, Self::DeniedUdp | Self::DeniedTcp)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = KINDS.iter().find(|(kind, _)| kind == self).map_or("", |(_, name)| name);
        formatter.write_str(name)
    }
}

/// How many of each kind to how many of the others: `udp=70,tcp=30`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix(Vec<(Kind, u32)>);

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let part = |part: &str| {
            let (name, weight) = part.split_once('=')?;
            let (kind, _) = KINDS.iter().find(|(_, known)| *known == name)?;
            Some((*kind, weight.parse().ok().filter(|&weight| weight > 0)?))
        };
        text.split(',')
            .map(part)
            .collect::<Option<_>>()
            .map(Self)
            .ok_or_else(|| format!("'{text}' is not a mix of flows such as udp=70,tcp=30"))
    }
}

/// One flow, or two with the same tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// What it is like.
    pub kind: Kind,
    /// Of the IPv6 hosts.
    pub v6: bool,
    /// Requests of each use of the tuple.
    pub requests: u8,
    /// Octets of a request.
    pub request: u16,
    /// Octets of an answer.
    pub answer: u16,
    /// The tuple is used twice.
    pub twice: bool,
}

/// The flows one after the other, until there are as many as wanted.
#[derive(Debug)]
pub struct Plan {
    mix: Mix,
    random: Random,
    left: u64,
}

impl Plan {
    /// `flows` in all, a tuple that is used twice being two.
    pub const fn new(mix: Mix, flows: u64, seed: u64) -> Self {
        Self {
            mix,
            random: Random(seed),
            left: flows,
        }
    }

    fn kind(&mut self) -> Kind {
        let weights: u32 = self.mix.0.iter().map(|&(_, weight)| weight).sum();
        let mut draw = self.random.below(weights);
        for &(kind, weight) in &self.mix.0 {
            if draw < weight {
                return kind;
            }
            draw -= weight;
        }
        unreachable!("the draw is below the sum of the weights")
    }
}

impl Iterator for Plan {
    type Item = Flow;

    fn next(&mut self) -> Option<Flow> {
        if self.left == 0 {
            return None;
        }
        let kind = self.kind();
        let twice = kind.twice() && self.left > 1;
        self.left -= 1 + u64::from(twice);
        Some(Flow {
            kind,
            v6: self.random.below(2) == 1,
            // most are short
            requests: [1, 1, 1, 1, 1, 1, 2, 4][self.random.below(8) as usize],
            request: 20 + self.random.below(400) as u16,
            answer: 20 + self.random.below(1200) as u16,
            twice,
        })
    }
}

/// SplitMix64.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(z ^ (z >> 31)) * u128::from(bound)) >> 64) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mix(text: &str) -> Mix {
        text.parse().expect("a mix")
    }

    #[test]
    fn the_same_seed_gives_the_same_flows_and_another_one_others() {
        let flows = |seed| Plan::new(mix("udp=7,tcp-again=3"), 500, seed).collect::<Vec<_>>();
        assert_eq!(flows(1), flows(1));
        assert_ne!(flows(1), flows(2));
    }

    #[test]
    fn flows_are_as_many_as_wanted_with_a_tuple_used_twice_as_two() {
        for wanted in [0, 1, 2, 999] {
            let made: u64 = Plan::new(mix("udp-again=1"), wanted, 3)
                .map(|flow| 1 + u64::from(flow.twice))
                .sum();
            assert_eq!(made, wanted);
        }
    }

    #[test]
    fn kinds_come_by_their_weight() {
        let plan = Plan::new(mix("udp=9,icmp=1"), 10_000, 4);
        let echoes = plan.filter(|flow| flow.kind == Kind::Icmp).count();
        assert!((800..1200).contains(&echoes), "{echoes}");
    }

    #[test]
    fn what_is_no_mix_is_refused() {
        for text in ["", "udp", "udp=0", "quic=3", "udp=1,"] {
            assert!(text.parse::<Mix>().is_err(), "{text}");
        }
    }
}
