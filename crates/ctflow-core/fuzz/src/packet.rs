//! The captured beginning of a packet.

use ctflow_core::nflog::read_packet;
use ctflow_core::row::*;

/// The first octet says how much of what follows a shorter capture has.
pub fn run(input: &[u8]) {
    if let Some((cut, packet)) = input.split_first() {
        check(packet, usize::from(*cut).min(packet.len()));
    }
}

/// Whether a packet is read or malformed, and a capture of `length` octets gives nothing else, only less of it.
pub fn check(packet: &[u8], length: usize) {
    let mut row = [0; ROW_SIZE];
    let whole = read_packet(packet, &mut row);
    if whole.is_ok() {
        let present = get_u32(&row, PRESENT);
        assert_eq!(present & !(HAS_PORTS | HAS_ICMP | HAS_TCP_HEADER), 0);
        assert_eq!(row[ORIG_SRC..ORIG_DST], row[REPLY_DST..REPLY_DST + 16]);
        assert_eq!(row[ORIG_DST..REPLY_SRC], row[REPLY_SRC..REPLY_DST]);
        assert!(row[FAMILY] == AF_INET || row[FAMILY] == AF_INET6);
        assert!(row[TCP_FLAGS] == 0 || present & HAS_TCP_HEADER != 0);
        assert!(row[PRESENT + 4..].iter().all(|byte| *byte == 0));
    }
    let mut short = [0; ROW_SIZE];
    if read_packet(&packet[..length], &mut short).is_ok() {
        assert!(whole.is_ok());
        assert_eq!(short[..ORIG_SPORT], row[..ORIG_SPORT]);
        if get_u32(&short, PRESENT) & HAS_PORTS != 0 {
            assert_eq!(short[ORIG_SPORT..TCP_FLAGS], row[ORIG_SPORT..TCP_FLAGS]);
        }
        if get_u32(&short, PRESENT) & HAS_TCP_HEADER != 0 {
            assert_eq!(short, row);
        }
    }
}
