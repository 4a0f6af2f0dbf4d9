//! Events of conntrack.

use ctflow_core::conntrack::{EventCounts, decode, decode_event};
use ctflow_core::netlink::HOST_LITTLE;
use ctflow_core::row::{EVENT, EVENT_DESTROY, EVENT_NEW, Filter, ROW_SIZE, get_u32};

/// The input is one datagram.
pub fn run(input: &[u8]) {
    check(input, &Filter::default());
}

/// Whether a datagram is one event or counted, and its row that of a dump.
pub fn check(datagram: &[u8], filter: &Filter) {
    let mut row = [0xff; ROW_SIZE];
    let mut counts = EventCounts::default();
    let wanted = decode_event(datagram, filter, &mut row, &mut counts);
    let rows = counts.created + counts.updated + counts.destroyed;
    assert_eq!(rows, u64::from(wanted));
    assert_eq!(rows + counts.filtered + counts.malformed + counts.ignored, 1);
    assert_eq!(counts.truncated + counts.overrun, 0);
    if !wanted {
        return;
    }
    assert!((EVENT_NEW..=EVENT_DESTROY).contains(&get_u32(&row, EVENT)));
    let mut dumped = [0; ROW_SIZE];
    let decoded = decode(datagram, HOST_LITTLE, filter, &mut dumped);
    assert_eq!((decoded.rows, decoded.consumed), (1, datagram.len()));
    for rest in [0..EVENT, EVENT + 4..ROW_SIZE] {
        assert_eq!(row[rest.clone()], dumped[rest]);
    }
}
