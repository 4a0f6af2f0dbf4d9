//! IP protocols that conntrack has facts of its own about.

/// Protocol and next header numbers.
pub mod ip {
    #![allow(missing_docs)] // IANA's names
    pub const HOP_BY_HOP: u8 = 0;
    pub const ICMP: u8 = 1;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const DCCP: u8 = 33;
    pub const ROUTING: u8 = 43;
    pub const FRAGMENT: u8 = 44;
    pub const GRE: u8 = 47;
    pub const AUTHENTICATION: u8 = 51;
    pub const ICMPV6: u8 = 58;
    pub const DESTINATION_OPTIONS: u8 = 60;
    pub const SCTP: u8 = 132;
    pub const UDPLITE: u8 = 136;
}

/// Whether the protocol has port numbers. GRE's keys are none, though conntrack keeps them in their place.
pub fn has_ports(protocol: u8) -> bool {
    matches!(protocol, ip::TCP | ip::UDP | ip::UDPLITE | ip::SCTP | ip::DCCP)
}
