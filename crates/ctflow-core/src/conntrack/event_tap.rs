//! Messages of events as they came, for whoever writes them down.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes that wait to be taken at most: as many events as there can be rows that wait.
const CAPACITY: usize = 8 << 20;

/// Where the reader puts the message of each row that it makes.
#[derive(Debug, Default)]
pub struct EventTap {
    state: Mutex<Tapped>,
}

/// What a tap has.
#[derive(Debug, Default)]
pub struct Tapped {
    /// Whole messages in their order.
    pub messages: Vec<u8>,
    /// Messages that found no room.
    pub lost: u32,
}

impl EventTap {
    /// Appends one message, or counts it where there is no room.
    pub fn put(&self, message: &[u8]) {
        let mut tapped = self.lock();
        if tapped.messages.len() + message.len() > CAPACITY {
            tapped.lost = tapped.lost.saturating_add(1);
        } else {
            tapped.messages.extend_from_slice(message);
        }
    }

    /// What has come since the last call.
    pub fn take(&self) -> Tapped {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Tapped> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
