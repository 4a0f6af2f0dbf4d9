//! Sockets of SOCK_DIAG.

use ctflow_core::netlink::HOST_LITTLE;
use ctflow_core::owner::{Matched, Socket, Wanted, read_socket};
use ctflow_core::row::{AF_INET, AF_INET6, ip};

/// Bytes of struct inet_diag_msg.
const MESSAGE: usize = 72;

/// The first octet says whether it is of TCP or UDP; what follows are messages without their headers, the length of each in front.
pub fn run(input: &[u8]) {
    let Some((how, mut rest)) = input.split_first() else {
        return;
    };
    let protocol = if how & 1 == 0 { ip::TCP } else { ip::UDP };
    let mut sockets = Vec::new();
    while let Some((length, after)) = rest.split_first() {
        let (payload, after) = after.split_at(usize::from(*length).min(after.len()));
        rest = after;
        sockets.extend(check(payload, protocol));
    }
    match_all(&sockets);
}

/// Whether a message is a socket or malformed, in either byte order, and says nothing else when it is longer.
pub fn check(payload: &[u8], protocol: u8) -> Option<Socket> {
    let read = read_socket::<HOST_LITTLE>(payload, protocol);
    let other = read_socket::<{ !HOST_LITTLE }>(payload.get(..MESSAGE).unwrap_or(payload), protocol);
    let Ok(socket) = read else {
        assert!(payload.len() < MESSAGE || other.is_err() || payload.len() > MESSAGE);
        return None;
    };
    assert!(payload.len() >= MESSAGE);
    let ends = socket.ends;
    assert!(ends.family == AF_INET || ends.family == AF_INET6);
    if ends.family == AF_INET {
        assert_eq!([&ends.local[4..], &ends.remote[4..]], [&[0; 12]; 2]);
    }
    assert_eq!(other.map(|other| other.ends), Ok(ends), "ends are in network order");
    let fixed = read_socket::<HOST_LITTLE>(&payload[..MESSAGE], protocol).expect("it was read with attributes");
    assert_eq!(Socket { cgroup: None, ..socket }, fixed);
    Some(socket)
}

/// Whether what is found of any ends is the one socket that has them, in whatever order sockets come.
fn match_all(sockets: &[Socket]) {
    let (mut forward, mut backward) = (Wanted::default(), Wanted::default());
    for socket in sockets {
        forward.add(socket.ends);
        backward.add(socket.ends);
    }
    sockets.iter().for_each(|socket| forward.offer(socket));
    sockets.iter().rev().for_each(|socket| backward.offer(socket));
    for (number, socket) in sockets.iter().enumerate() {
        let found = forward.found(number, &socket.ends);
        match (found, backward.found(number, &socket.ends)) {
            (Matched::One(one), Matched::One(other)) => {
                assert_eq!((one.ends, one.cookie), (socket.ends, other.cookie));
                let alike = sockets.iter().filter(|other| other.ends == socket.ends);
                assert_eq!(alike.count(), 1);
            }
            (one, other) => assert_eq!(one, other),
        }
    }
}
