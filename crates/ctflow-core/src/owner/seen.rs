//! Sockets of UDP that were there before. A connection of UDP outlives its socket, and another process may get the port meanwhile: only a
//! socket that was there before the connection began has sent all of it.

use super::socket::{Ends, Socket};
use std::collections::HashMap;

/// Sockets that are kept at most.
const MOST: usize = 65_536;

/// By cookie.
#[derive(Debug, Default)]
pub(super) struct Seen {
    sockets: HashMap<u64, (Ends, u64)>,
}

impl Seen {
    /// Whether the socket had these ends when it was seen before `time`, nanoseconds since 1970.
    pub(super) fn before(&self, socket: &Socket, time: u64) -> bool {
        self.sockets
            .get(&socket.cookie)
            .is_some_and(|(ends, first)| *ends == socket.ends && *first < time)
    }

    /// These are there now, and others are not.
    pub(super) fn replace(&mut self, sockets: &[Socket], now: u64) {
        let before = std::mem::take(&mut self.sockets);
        self.sockets = sockets
            .iter()
            .take(MOST)
            .map(|socket| {
                let first = match before.get(&socket.cookie) {
                    Some((ends, first)) if *ends == socket.ends => *first,
                    _ => now,
                };
                (socket.cookie, (socket.ends, first))
            })
            .collect();
    }
}
