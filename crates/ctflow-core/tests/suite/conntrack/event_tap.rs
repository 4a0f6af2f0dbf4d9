//! Messages of events for whoever writes them down.

use ctflow_core::conntrack::EventTap;

#[test]
fn messages_are_taken_whole_in_their_order_and_once() {
    let tap = EventTap::default();
    for message in [&b"first"[..], b"second"] {
        tap.put(message);
    }
    let taken = tap.take();
    assert_eq!((taken.messages.as_slice(), taken.lost), (&b"firstsecond"[..], 0));
    assert!(tap.take().messages.is_empty());
}

#[test]
fn messages_beyond_eight_mebibytes_are_counted_and_not_kept() {
    let tap = EventTap::default();
    let message = vec![7; 1 << 20];
    for _ in 0..10 {
        tap.put(&message);
    }
    let taken = tap.take();
    assert_eq!((taken.messages.len(), taken.lost), (8 << 20, 2));
    tap.put(&message);
    let taken = tap.take();
    assert_eq!((taken.messages.len(), taken.lost), (1 << 20, 0));
}
