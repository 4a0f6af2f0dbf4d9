//! The NFLOG reader for Node: packets are read on a thread of their own, JavaScript is woken and takes rows.

use crate::{crossing, filter_of};
use ctflow_core::namespace::Namespace;
use ctflow_core::nflog_listener;
use ctflow_core::nflog_socket::NflogSocket;
use napi::bindgen_prelude::{Function, Uint8ArraySlice};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;

/// Rows that wait for JavaScript at most, 3 MiB. More wait in the socket's receive buffer.
const CAPACITY: usize = 16_384;

/// Reads NFLOG groups in one network namespace until it is closed. It keeps no process alive.
#[napi]
pub struct NflogListener {
    listener: nflog_listener::NflogListener,
}

#[napi]
impl NflogListener {
    /// @param netns name under /run/netns or a path; without it the namespace of this process
    /// @param words see filterWords
    /// @param groups numbers of 16 bits
    /// @param receiveBuffer bytes wanted; the kernel may allow less
    /// @param onReady called when there is something to take, and again only after take returned 0 or threw
    #[napi(constructor)]
    pub fn new(
        netns: Option<String>,
        words: &[u32],
        groups: Vec<u16>,
        receive_buffer: u32,
        on_ready: Function<(), ()>,
    ) -> napi::Result<Self> {
        let filter = filter_of(words)?;
        let namespace = Namespace::open(netns.as_deref()).map_err(crossing)?;
        let socket = NflogSocket::open(&namespace, &groups, receive_buffer).map_err(crossing)?;
        let on_ready = on_ready
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .max_queue_size::<1>()
            .build()?;
        // A call that finds no place in the queue stands there already.
        let wake = move || {
            on_ready.call((), ThreadsafeFunctionCallMode::NonBlocking);
        };
        let listener = nflog_listener::NflogListener::start(socket, filter, CAPACITY, wake).map_err(crossing)?;
        Ok(Self { listener })
    }

    /// Bytes of the receive buffer as the kernel counts them, twice of what was asked for where that was granted.
    #[napi]
    pub fn receive_buffer(&self) -> u32 {
        self.listener.receive_buffer()
    }

    /// The prefix whose number stands in RULE of a row.
    #[napi]
    pub fn prefix(&self, number: u32) -> String {
        self.listener.prefix(number)
    }

    /// Moves rows to the start of `rows`, as many as fit, and returns how many. Throws where there are none and the listener
    /// has failed.
    #[napi]
    pub fn take(&self, mut rows: Uint8ArraySlice) -> napi::Result<u32> {
        // SAFETY: nothing else runs in JavaScript while it waits for this call.
        let rows = unsafe { rows.as_mut() };
        self.listener.take(rows).map(|taken| taken as u32).map_err(crossing)
    }

    /// Lets go of the groups: the kernel delivers what it has gathered, and nothing more.
    #[napi]
    pub fn unbind(&self) -> napi::Result<()> {
        self.listener.unbind().map_err(crossing)
    }

    /// Asks for the packets that wait in the receive buffer now; returns the number of the request.
    #[napi]
    pub fn drain(&self) -> u32 {
        self.listener.drain()
    }

    /// The last such request whose packets were all taken.
    #[napi]
    pub fn drained(&self) -> u32 {
        self.listener.drained()
    }

    #[napi]
    pub fn counts(&self) -> NflogCounts {
        let counts = self.listener.counts();
        NflogCounts {
            packets: counts.packets as f64,
            filtered: counts.filtered as f64,
            malformed: counts.malformed as f64,
            ignored: counts.ignored as f64,
            truncated: counts.truncated as f64,
            lost: counts.lost as f64,
            overrun: counts.overrun as f64,
            unnamed: counts.unnamed as f64,
        }
    }

    /// Ends the thread and closes the socket. Rows that were not taken stay.
    #[napi]
    pub fn close(&self) {
        self.listener.close();
    }
}

/// What became of the logged packets so far. Each is in exactly one of the first three counts.
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
