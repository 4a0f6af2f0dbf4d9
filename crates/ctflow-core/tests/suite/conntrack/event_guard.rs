//! The filter in the kernel, on a socket whose messages the test sends.
#![cfg(target_os = "linux")]

use ctflow_core::conntrack::{EventGuard, Lease};
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::thread::sleep;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(20);
const NONE: Lease = Lease {
    events: 0,
    time: Duration::ZERO,
};

fn lease(events: u32, time: Duration) -> Lease {
    Lease { events, time }
}

struct Rig {
    to: UdpSocket,
    from: UdpSocket,
    guard: EventGuard,
}

impl Rig {
    /// None where this user may load no filter.
    fn new() -> Option<Self> {
        let to = UdpSocket::bind("127.0.0.1:0").unwrap();
        let from = UdpSocket::bind("127.0.0.1:0").unwrap();
        from.connect(to.local_addr().unwrap()).unwrap();
        to.set_nonblocking(true).unwrap();
        match EventGuard::attach(to.as_fd()) {
            Ok(guard) => Some(Self { to, from, guard }),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
                assert_ne!(
                    std::env::var("CTFLOW_NO_SKIP").as_deref(),
                    Ok("1"),
                    "CAP_BPF is missing"
                );
                eprintln!("skipped: the kernel takes no eBPF from this user");
                None
            }
        }
    }

    /// Sends messages, and returns how many the socket took.
    fn send(&self, messages: usize) -> usize {
        for _ in 0..messages {
            self.from.send(b"event").unwrap();
        }
        let mut buffer = [0; 16];
        let mut taken = 0;
        while let Ok(length) = self.to.recv(&mut buffer) {
            assert_eq!(&buffer[..length], b"event", "whole messages pass");
            taken += 1;
        }
        taken
    }
}

#[test]
fn without_a_lease_nothing_passes_and_what_is_dropped_is_counted() {
    let Some(rig) = Rig::new() else { return };
    assert_eq!((rig.send(3), rig.guard.dropped()), (0, 3));
}

#[test]
fn a_lease_lets_pass_as_many_as_it_says() {
    let Some(rig) = Rig::new() else { return };
    for leases in [
        [NONE, lease(3, LONG)],
        [lease(3, LONG), NONE],
        [lease(3, LONG), lease(1, LONG)],
    ] {
        let before = rig.guard.dropped();
        rig.guard.renew(2, leases);
        assert_eq!((rig.send(4), rig.guard.dropped() - before), (4, 0), "{leases:?}");
        assert_eq!((rig.send(4), rig.guard.dropped() - before), (1, 3), "{leases:?}");
    }
    rig.guard.renew(0, [NONE, lease(1, LONG)]);
    assert_eq!(rig.send(2), 1, "what was left of the lease before is gone");
}

#[test]
fn after_its_time_only_what_the_buffer_has_room_for_passes() {
    let Some(rig) = Rig::new() else { return };
    rig.guard.renew(2, [lease(100, SHORT), lease(50, SHORT)]);
    sleep(2 * SHORT);
    assert_eq!((rig.send(5), rig.guard.dropped()), (2, 3));
    rig.guard.renew(0, [NONE, lease(100, LONG)]);
    assert_eq!((rig.send(5), rig.guard.dropped()), (5, 3));
}

#[test]
fn after_the_first_lease_the_second_one_counts_what_has_passed_already() {
    let Some(rig) = Rig::new() else { return };
    rig.guard.renew(0, [lease(100, SHORT), lease(4, LONG)]);
    assert_eq!(rig.send(3), 3);
    sleep(2 * SHORT);
    assert_eq!(rig.send(3), 1);
}
