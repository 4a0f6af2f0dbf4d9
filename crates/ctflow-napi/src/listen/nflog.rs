//! The NFLOG reader for Node.

use super::{from_counts, listener_methods, waker};
use crate::error::{Result, crossing};
use crate::filter_of;
use ctflow_core::listen::{Listener, lock};
use ctflow_core::nflog::{self, NflogReader, NflogSocket, PrefixTable};
use ctflow_core::sys::Namespace;
use napi::bindgen_prelude::Function;
use napi_derive::napi;
use std::sync::{Arc, Mutex};

/// Reads NFLOG groups in one network namespace until it is closed. It keeps no process alive.
#[napi]
pub struct NflogListener {
    listener: Listener<NflogReader>,
    prefixes: Arc<Mutex<PrefixTable>>,
    /// Rows that listeners before this one have put into the table.
    earlier: u64,
}

#[napi]
impl NflogListener {
    /// @param netns name under /run/netns or a path; without it the namespace of this process
    /// @param words see filterWords
    /// @param groups numbers of 16 bits
    /// @param receiveBuffer bytes wanted; the kernel may allow less
    /// @param previous a closed listener whose numbers of prefixes stay
    /// @param onReady called when there is something to take, and again only after take returned 0 or threw
    #[napi(constructor)]
    pub fn new(
        netns: Option<String>,
        words: &[u32],
        groups: Vec<u16>,
        receive_buffer: u32,
        previous: Option<&NflogListener>,
        on_ready: Function<(), ()>,
    ) -> Result<Self> {
        let filter = filter_of(words)?;
        let namespace = Namespace::open(netns.as_deref()).map_err(crossing)?;
        let socket = NflogSocket::open(&namespace, &groups, receive_buffer).map_err(crossing)?;
        let prefixes = previous.map_or_else(Default::default, |previous| previous.prefixes.clone());
        let earlier = lock(&prefixes).rows();
        let reader = NflogReader::new(&socket, filter, prefixes.clone());
        let listener = Listener::start(socket, reader, waker(on_ready)?).map_err(crossing)?;
        Ok(Self {
            listener,
            prefixes,
            earlier,
        })
    }

    /// The prefix whose number stands in RULE of a row; bytes that are no UTF-8 are replaced.
    #[napi]
    pub fn prefix(&self, number: u32) -> String {
        let prefixes = lock(&self.prefixes);
        String::from_utf8_lossy(prefixes.get(number).unwrap_or(&[])).into_owned()
    }

    /// How many prefixes have a number, the empty one included.
    #[napi]
    pub fn prefix_count(&self) -> u32 {
        lock(&self.prefixes).count() as u32
    }

    /// Frees the numbers that are not among these; those of rows that were not taken yet stay.
    #[napi]
    pub fn keep_prefixes(&self, used: &[u32]) {
        let taken = self.earlier + self.listener.taken();
        lock(&self.prefixes).keep(used, taken);
    }
}

listener_methods!(NflogListener, NflogCounts);

/// What became of the logged packets so far. Each message is in exactly one of the first four counts.
#[napi(object)]
pub struct NflogCounts {
    /// Rows of EVENT_DENIED.
    pub packets: f64,
    /// Packets that the filter took out.
    pub filtered: f64,
    /// Packets that could not be read or are not IP.
    pub malformed: f64,
    /// Messages that are no packet, or not the kernel's.
    pub ignored: f64,
    /// Datagrams longer than the buffer, with their packets.
    pub truncated: f64,
    /// Packets that never came, by the gaps in the sequence numbers.
    pub lost: f64,
    /// ENOBUFS: the receive buffer was full.
    pub overrun: f64,
    /// Packets whose prefix found no room, and that have none.
    pub unnamed: f64,
}

from_counts!(nflog::NflogCounts => NflogCounts { packets, filtered, malformed, ignored, truncated, lost, overrun, unnamed });
