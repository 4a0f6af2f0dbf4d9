//! Sockets as the kernel sends them, and which of them is whose.

use ctflow_core::netlink::{HOST_LITTLE, Malformed};
use ctflow_core::owner::{Ends, Matched, Socket, Wanted, read_socket};
use ctflow_core::row::*;

const CGROUP_ID: u16 = 21;

/// struct inet_diag_msg with the ends 192.0.2.1:40000 and 198.51.100.2:443 in the form of this family.
fn message(family: u8, mapped: bool) -> Vec<u8> {
    let mut bytes = vec![0; 72];
    bytes[0] = family;
    bytes[4..6].copy_from_slice(&40_000_u16.to_be_bytes());
    bytes[6..8].copy_from_slice(&443_u16.to_be_bytes());
    let from = if mapped { 12 } else { 0 };
    for (at, address) in [(8, [192, 0, 2, 1]), (24, [198, 51, 100, 2])] {
        bytes[at + from..at + from + 4].copy_from_slice(&address);
        if mapped {
            bytes[at + 10..at + 12].fill(0xff);
        }
    }
    bytes[44..48].copy_from_slice(&7_u32.to_ne_bytes());
    bytes[48..52].copy_from_slice(&1_u32.to_ne_bytes());
    bytes[64..68].copy_from_slice(&1000_u32.to_ne_bytes());
    bytes[68..72].copy_from_slice(&4711_u32.to_ne_bytes());
    bytes
}

fn with_cgroup(mut bytes: Vec<u8>, id: u64) -> Vec<u8> {
    bytes.extend(12_u16.to_ne_bytes());
    bytes.extend(CGROUP_ID.to_ne_bytes());
    bytes.extend(id.to_ne_bytes());
    bytes
}

fn read(bytes: &[u8], protocol: u8) -> Result<Socket, Malformed> {
    read_socket::<HOST_LITTLE>(bytes, protocol)
}

fn row(protocol: u8) -> [u8; ROW_SIZE] {
    let mut row = [0; ROW_SIZE];
    row[FAMILY] = AF_INET;
    row[PROTOCOL] = protocol;
    for (at, address) in [
        (ORIG_SRC, [192, 0, 2, 1]),
        (ORIG_DST, [203, 0, 113, 9]),
        (REPLY_SRC, [198, 51, 100, 2]),
        (REPLY_DST, [192, 0, 2, 77]),
    ] {
        row[at..at + 4].copy_from_slice(&address);
    }
    put_u16(&mut row, ORIG_SPORT, 40_000);
    put_u16(&mut row, ORIG_DPORT, 80);
    put_u16(&mut row, REPLY_SPORT, 443);
    put_u16(&mut row, REPLY_DPORT, 40_001);
    row
}

#[test]
fn a_socket_has_its_ends_user_inode_cookie_and_cgroup() {
    let socket = read(&with_cgroup(message(AF_INET, false), 1 << 40 | 25), ip::TCP).unwrap();
    assert_eq!((socket.user, socket.inode, socket.cookie), (1000, 4711, 1 << 32 | 7));
    assert_eq!(socket.cgroup, Some(1 << 40 | 25));
    let Ends { local, remote, .. } = socket.ends;
    assert_eq!(
        (&local[..4], &remote[..4]),
        (&[192, 0, 2, 1][..], &[198, 51, 100, 2][..])
    );
    assert_eq!((socket.ends.local_port, socket.ends.remote_port), (40_000, 443));
    // before Linux 5.8
    assert_eq!(read(&message(AF_INET, false), ip::TCP).unwrap().cgroup, None);
}

#[test]
fn a_socket_of_ipv6_that_speaks_ipv4_has_the_ends_of_ipv4() {
    let [four, mapped] = [(AF_INET, false), (AF_INET6, true)].map(|(family, mapped)| message(family, mapped));
    let ends = |bytes: &[u8]| read(bytes, ip::TCP).unwrap().ends;
    assert_eq!(ends(&four), ends(&mapped));
    assert_eq!(ends(&message(AF_INET6, false)).family, AF_INET6);
}

#[test]
fn what_is_cut_short_or_of_another_family_is_no_socket() {
    let whole = with_cgroup(message(AF_INET, false), 1);
    for length in (0..72).chain(76..whole.len()) {
        assert_eq!(read(&whole[..length], ip::TCP), Err(Malformed), "{length}");
    }
    assert_eq!(read(&message(1, false), ip::TCP), Err(Malformed));
}

#[test]
fn the_source_is_looked_for_before_nat_and_the_destination_behind_it() {
    let [source, destination] = Ends::of_row(&row(ip::TCP));
    assert_eq!(
        (&source.local[..4], &source.remote[..4]),
        (&[192, 0, 2, 1][..], &[203, 0, 113, 9][..])
    );
    assert_eq!((source.local_port, source.remote_port), (40_000, 80));
    assert_eq!(
        (&destination.local[..4], &destination.remote[..4]),
        (&[198, 51, 100, 2][..], &[192, 0, 2, 77][..])
    );
    assert_eq!((destination.local_port, destination.remote_port), (443, 40_001));
}

#[test]
fn a_socket_is_found_where_it_is_the_only_one() {
    let socket = read(&message(AF_INET, false), ip::TCP).unwrap();
    let other = Socket { cookie: 9, ..socket };
    let elsewhere = Ends {
        remote_port: 444,
        ..socket.ends
    };
    let mut wanted = Wanted::default();
    wanted.add(socket.ends);
    wanted.add(elsewhere);
    assert!(wanted.has(ip::TCP, AF_INET) && !wanted.has(ip::UDP, AF_INET) && !wanted.has(ip::TCP, AF_INET6));
    assert_eq!(wanted.found(0, &socket.ends), Matched::None);
    wanted.offer(&socket);
    wanted.offer(&socket);
    assert_eq!(wanted.found(0, &socket.ends), Matched::One(socket));
    assert_eq!(wanted.found(1, &elsewhere), Matched::None);
    wanted.offer(&other);
    assert_eq!(wanted.found(0, &socket.ends), Matched::Several);
}

#[test]
fn two_connections_that_want_one_socket_get_none() {
    let socket = read(&message(AF_INET, false), ip::TCP).unwrap();
    let mut wanted = Wanted::default();
    wanted.add(socket.ends);
    wanted.add(socket.ends);
    wanted.offer(&socket);
    assert_eq!(
        [0, 1].map(|number| wanted.found(number, &socket.ends)),
        [Matched::Several; 2]
    );
}

#[test]
fn of_udp_no_other_socket_may_have_the_port() {
    let socket = read(&message(AF_INET, false), ip::UDP).unwrap();
    // bound to every address of IPv6, which may have those of IPv4
    let unconnected = Socket {
        cookie: 9,
        ends: Ends {
            family: AF_INET6,
            local: [0; 16],
            remote: [0; 16],
            remote_port: 0,
            ..socket.ends
        },
        ..socket
    };
    let mut wanted = Wanted::default();
    wanted.add(socket.ends);
    wanted.offer(&socket);
    assert_eq!(wanted.found(0, &socket.ends), Matched::One(socket));
    wanted.offer(&unconnected);
    assert_eq!(wanted.found(0, &socket.ends), Matched::Several);
}
