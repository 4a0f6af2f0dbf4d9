//! Entries as ctnetlink_fill_info (net/netfilter/nf_conntrack_netlink.c) fills them, accounting and timestamps on.

use ctflow_core::conntrack::cta;
use ctflow_core::netlink::{NFGENMSG, Request};
use ctflow_core::row::{AF_INET, ip};

/// nlmsg_seq of all of them.
pub const SEQUENCE: u32 = 7;
/// Two thirds of the connections are TCP, a quarter UDP, the others echoes.
const PROTOCOLS: [u8; 12] = [6, 6, 17, 6, 6, 17, 6, 6, 17, 6, 6, 1];
const IP_V4_SRC: u16 = 1;
const IP_V6_SRC: u16 = 3;
const PROTO_SRC_PORT: u16 = 2;
const PROTO_ICMP_ID: u16 = 4;
const PROTO_ICMPV6_ID: u16 = 7;
const PROTOINFO_TCP: u16 = 1;
const SECOND: u64 = 1_000_000_000;

/// The message of one connection; equal numbers make equal bytes.
pub fn entry(kind: u16, family: u8, number: u32) -> Vec<u8> {
    let mut generic = [0; NFGENMSG];
    generic[0] = family;
    let mut request = Request::new(kind, 0, SEQUENCE, &generic);
    let protocol = PROTOCOLS[number as usize % PROTOCOLS.len()];
    let (client, server) = (address(family, 1, number), address(family, 2, number % 50));
    let ports = (32_768 + (number % 28_000) as u16, [443, 53, 8080][number as usize % 3]);
    tuple(&mut request, cta::TUPLE_ORIG, protocol, (&client, &server), ports);
    tuple(
        &mut request,
        cta::TUPLE_REPLY,
        protocol,
        (&server, &client),
        (ports.1, ports.0),
    );
    request.put(cta::STATUS, &0x18eu32.to_be_bytes());
    request.put(cta::TIMEOUT, &(100 + number % 300).to_be_bytes());
    for (attribute, packets) in [
        (cta::COUNTERS_ORIG, 3 + number % 90),
        (cta::COUNTERS_REPLY, 2 + number % 70),
    ] {
        request.nest(attribute, |counters| {
            counters.put(1, &u64::from(packets).to_be_bytes());
            counters.put(2, &u64::from(packets * 700).to_be_bytes());
        });
    }
    let start = 1_790_000_000 * SECOND + u64::from(number) * 1_001;
    request.nest(cta::TIMESTAMP, |times| times.put(1, &start.to_be_bytes()));
    if protocol == ip::TCP {
        request.nest(cta::PROTOINFO, |info| {
            info.nest(PROTOINFO_TCP, |tcp| {
                tcp.put(1, &[3]);
                tcp.put(2, &[7]);
                tcp.put(3, &[7]);
                tcp.put(4, &[0x23, 0]);
                tcp.put(5, &[0x23, 0]);
            });
        });
    }
    request.put(cta::MARK, &(number % 4).to_be_bytes());
    request.put(cta::ID, &(number.wrapping_mul(2_654_435_761)).to_be_bytes());
    request.finish()
}

fn tuple(request: &mut Request, kind: u16, protocol: u8, addresses: (&[u8], &[u8]), ports: (u16, u16)) {
    let v4 = addresses.0.len() == 4;
    request.nest(kind, |tuple| {
        tuple.nest(cta::TUPLE_IP, |ip| {
            let first = if v4 { IP_V4_SRC } else { IP_V6_SRC };
            ip.put(first, addresses.0);
            ip.put(first + 1, addresses.1);
        });
        tuple.nest(cta::TUPLE_PROTO, |proto| {
            if protocol == ip::ICMP {
                let (number, first) = if v4 {
                    (ip::ICMP, PROTO_ICMP_ID)
                } else {
                    (ip::ICMPV6, PROTO_ICMPV6_ID)
                };
                proto.put(cta::PROTO_NUM, &[number]);
                proto.put(first, &ports.0.to_be_bytes());
                proto.put(first + 1, &[if v4 { 8 } else { 128 }]);
                proto.put(first + 2, &[0]);
            } else {
                proto.put(cta::PROTO_NUM, &[protocol]);
                proto.put(PROTO_SRC_PORT, &ports.0.to_be_bytes());
                proto.put(PROTO_SRC_PORT + 1, &ports.1.to_be_bytes());
            }
        });
    });
}

/// 10.NET.x.x, or 2001:db8:NET::x.
fn address(family: u8, net: u8, number: u32) -> Vec<u8> {
    let [_, _, high, low] = number.to_be_bytes();
    if family == AF_INET {
        vec![10, net, high, low]
    } else {
        vec![0x20, 1, 0x0d, 0xb8, 0, net, 0, 0, 0, 0, 0, 0, 0, 0, high, low]
    }
}
