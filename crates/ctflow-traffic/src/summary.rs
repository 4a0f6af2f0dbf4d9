//! What has been made, as its maker knows it.

use crate::plan::{KINDS, Kind};
use std::collections::BTreeMap;
use std::fmt;

/// Counts of one run. Shown as one JSON object.
#[derive(Debug, Default)]
pub struct Summary {
    /// Flows begun by kind, those that last to the end apart.
    pub begun: BTreeMap<Kind, u64>,
    /// Flows that last to the end.
    pub long: u64,
    /// Datagrams and echo requests handed to the kernel, those apart that the router drops.
    pub datagrams: u64,
    /// Their octets with IP header.
    pub datagram_octets: u64,
    /// The same of what the router drops.
    pub denied_datagrams: u64,
    /// Their octets with IP header.
    pub denied_octets: u64,
    /// Octets sent and received over TCP, without headers.
    pub stream_octets: u64,
    /// Datagrams and connections that went wrong.
    pub failed: u64,
    /// Until the last tuple was used for the first time: how long the given rate held.
    pub begun_seconds: f64,
    /// Until the end of all that do not last.
    pub seconds: f64,
}

impl Summary {
    /// A flow has begun.
    pub fn count(&mut self, kind: Kind) {
        *self.begun.entry(kind).or_default() += 1;
    }

    /// Flows that have begun, without those that last to the end.
    pub fn flows(&self) -> u64 {
        self.begun.values().sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = KINDS
            .iter()
            .filter_map(|(kind, name)| self.begun.get(kind).map(|count| format!("\"{name}\":{count}")))
            .collect();
        let denied: u64 = self
            .begun
            .iter()
            .filter(|(kind, _)| kind.denied())
            .map(|(_, count)| count)
            .sum();
        write!(
            formatter,
            "{{\"flows\":{},\"denied\":{denied},\"long\":{},\"kinds\":{{{}}},\"datagrams\":{},\"datagramOctets\":{},\
             \"deniedDatagrams\":{},\"deniedOctets\":{},\"streamOctets\":{},\"failed\":{},\"begunSeconds\":{:.3},\"seconds\":{:.3}}}",
            self.flows() - denied + self.long,
            self.long,
            kinds.join(","),
            self.datagrams,
            self.datagram_octets,
            self.denied_datagrams,
            self.denied_octets,
            self.stream_octets,
            self.failed,
            self.begun_seconds,
            self.seconds
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denied_flows_are_counted_apart() {
        let mut summary = Summary {
            long: 2,
            ..Summary::default()
        };
        summary.count(Kind::Udp);
        summary.count(Kind::DeniedTcp);
        let text = summary.to_string();
        assert!(
            text.starts_with("{\"flows\":3,\"denied\":1,\"long\":2,\"kinds\":{\"udp\":1,\"denied-tcp\":1},"),
            "{text}"
        );
    }
}
