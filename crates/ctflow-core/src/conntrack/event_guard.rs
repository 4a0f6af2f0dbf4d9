//! A filter on the socket of DESTROY events that lives in the kernel: it lets the kernel hold ended connections for this process
//! only as long as this process keeps taking their events.
//!
//! A socket's filter runs before delivery, and a message that it drops counts neither as delivered nor as failed
//! (do_one_broadcast, net/netlink/af_netlink.c). So with NETLINK_BROADCAST_ERROR on, the connection of such an event is freed
//! and not put on the dying list (nf_ct_delete); one that stands there already is freed when the kernel delivers its event
//! again (ecache_work_evict_list), which it does every 10 ms.

use crate::sys::{Instruction, SharedNumbers, attach_filter, monotonic_nanoseconds};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Numbers of the filter. Events that have passed so far, retries included.
const PASSED: usize = 0;
/// Events that were dropped.
const DROPPED: usize = 1;
/// Events pass, whenever, until so many have.
const PASS_TO: usize = 2;
/// Of each lease: events pass before its deadline until so many have.
const LEASED_TO: [usize; 2] = [3, 5];
/// Of the monotonic clock, in nanoseconds.
const DEADLINE: [usize; 2] = [4, 6];

/// Events that pass within a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lease {
    /// How many.
    pub events: u32,
    /// From now on.
    pub time: Duration,
}

/// The filter of one socket, and its lease.
#[derive(Debug)]
pub struct EventGuard {
    numbers: SharedNumbers<7>,
}

impl EventGuard {
    /// Puts the filter on a socket. It drops everything until the first [`EventGuard::renew`].
    ///
    /// Errors: EPERM without CAP_BPF in the initial user namespace, or under a seccomp filter or a lockdown; others where the
    /// kernel has no eBPF or an old one (before 5.8).
    pub fn attach(socket: BorrowedFd<'_>) -> io::Result<Self> {
        const KTIME_GET_NS: i32 = 5; // BPF_FUNC_ktime_get_ns
        let numbers = SharedNumbers::new()?;
        let [address, rest] = Instruction::address(6, &numbers);
        let program = [
            address,
            rest,
            Instruction::load(7, 6, PASSED),
            Instruction::load(1, 6, PASS_TO),
            Instruction::jump_if_less(7, 1, 9), // to pass
            Instruction::call(KTIME_GET_NS),
            Instruction::load(1, 6, DEADLINE[0]),
            Instruction::jump_unless_less(0, 1, 2), // to the second lease
            Instruction::load(1, 6, LEASED_TO[0]),
            Instruction::jump_if_less(7, 1, 4), // to pass
            // the second lease
            Instruction::load(1, 6, DEADLINE[1]),
            Instruction::jump_unless_less(0, 1, 6), // to drop
            Instruction::load(1, 6, LEASED_TO[1]),
            Instruction::jump_unless_less(7, 1, 4), // to drop
            // pass
            Instruction::set(1, 1),
            Instruction::add(6, PASSED, 1),
            Instruction::set(0, -1),
            Instruction::exit(),
            // drop
            Instruction::set(1, 1),
            Instruction::add(6, DROPPED, 1),
            Instruction::set(0, 0),
            Instruction::exit(),
        ];
        attach_filter(socket, "ctflow_lease", &program)?;
        Ok(Self { numbers })
    }

    /// From now on `buffered` events pass whenever they come, and more as long as one of the leases says so.
    pub fn renew(&self, buffered: u64, leases: [Lease; 2]) {
        let numbers = self.numbers.get();
        let now = monotonic_nanoseconds();
        let pass_to = numbers[PASSED].load(Relaxed) + buffered;
        for ((lease, events), deadline) in leases.iter().zip(LEASED_TO).zip(DEADLINE) {
            let time = u64::try_from(lease.time.as_nanos()).unwrap_or(u64::MAX);
            numbers[deadline].store(now.saturating_add(time), Relaxed);
            numbers[events].store(pass_to + u64::from(lease.events), Relaxed);
        }
        numbers[PASS_TO].store(pass_to, Relaxed);
    }

    /// Events that it has dropped.
    pub fn dropped(&self) -> u64 {
        self.numbers.get()[DROPPED].load(Relaxed)
    }
}
