//! Answers of the kernel about its table.
#![cfg(target_os = "linux")]

use ctflow_core::conntrack::{CT_GET_STATS, CT_GET_STATS_CPU, CpuCounters, TableStatistics};
use ctflow_core::netlink::Message;

/// nfgenmsg with a resource id, and attributes of 32 bits in network order.
fn payload(resource: u16, attributes: &[(u16, u32)]) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    bytes.extend(resource.to_be_bytes());
    for (kind, value) in attributes {
        bytes.extend(8u16.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(value.to_be_bytes());
    }
    bytes
}

fn take(statistics: &mut TableStatistics, kind: u16, payload: &[u8]) {
    let span = payload.len();
    let message = Message {
        kind,
        flags: 0,
        sequence: 0,
        port: 0,
        payload,
        span,
    };
    statistics.take::<true>(&message);
}

#[test]
fn entries_limit_and_the_counters_of_each_cpu() {
    let mut found = TableStatistics::default();
    take(&mut found, CT_GET_STATS, &payload(0, &[(1, 5), (2, 262_144)]));
    assert_eq!((found.entries, found.limit), (5, Some(262_144)));
    let all: Vec<(u16, u32)> = (1..=15).map(|kind| (kind, u32::from(kind) * 100)).collect();
    take(&mut found, CT_GET_STATS_CPU, &payload(0, &all));
    take(&mut found, CT_GET_STATS_CPU, &payload(300, &[(14, u32::MAX)]));
    let counters = [200, 400, 800, 900, 1000, 1100, 1200, 1300, 1400, 1500];
    assert_eq!(found.cpus[0], CpuCounters { cpu: 0, counters });
    assert_eq!(found.cpus[1].cpu, 300);
    assert_eq!(found.cpus[1].counters, [0, 0, 0, 0, 0, 0, 0, 0, u32::MAX, 0]);
}

#[test]
fn an_old_kernel_has_no_limit_and_what_is_cut_changes_nothing() {
    let mut found = TableStatistics::default();
    take(&mut found, CT_GET_STATS, &payload(0, &[(1, 7)]));
    assert_eq!((found.entries, found.limit), (7, None));
    take(&mut found, CT_GET_STATS_CPU, &[0, 0]);
    take(&mut found, 0x1234, &payload(0, &[(1, 9)]));
    assert_eq!(found.entries, 7);
    assert!(found.cpus.is_empty());
}
