//! Logged packets, read as they come by a thread of its own.

use crate::error::{Code, Error};
use crate::filter::Filter;
use crate::listener::{Listener, Manner, lock};
use crate::nflog::NflogCounts;
use crate::nflog_socket::{NflogReader, NflogSocket};
use crate::prefix_table::PrefixTable;
use std::sync::{Arc, Mutex};

/// Listens until it is closed or dropped.
#[derive(Debug)]
pub struct NflogListener {
    /// None once it is closed; the thread has it too.
    socket: Mutex<Option<Arc<NflogSocket>>>,
    prefixes: Arc<Mutex<PrefixTable>>,
    listener: Listener<NflogCounts>,
    receive_buffer: u32,
}

impl NflogListener {
    /// As EventListener::start, for the packets whose family and protocol the filter lets pass.
    pub fn start(
        socket: NflogSocket,
        filter: Filter,
        capacity: usize,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, Error> {
        let receive_buffer = socket.receive_buffer()?;
        let socket = Arc::new(socket);
        let prefixes = Arc::new(Mutex::new(PrefixTable::new()));
        let reader = NflogReader::new(socket.clone(), filter, prefixes.clone());
        let manner = Manner {
            what: "Cannot read NFLOG",
            thread: "ctflow-nflog",
            capacity,
            receive_buffer,
            gather_milliseconds: 0, // the kernel gathers
        };
        Ok(Self {
            socket: Mutex::new(Some(socket)),
            prefixes,
            listener: Listener::start(reader, manner, wake)?,
            receive_buffer,
        })
    }

    /// The receive buffer obtained, as [`NflogSocket::receive_buffer`].
    pub fn receive_buffer(&self) -> u32 {
        self.receive_buffer
    }

    /// The prefix whose number stands in RULE of a row; bytes that are no UTF-8 are replaced.
    pub fn prefix(&self, number: u32) -> String {
        let prefixes = lock(&self.prefixes);
        String::from_utf8_lossy(prefixes.get(number).unwrap_or(&[])).into_owned()
    }

    /// Moves rows to the start of `rows`, as many as fit, and returns how many. Where none is left and the thread has failed,
    /// its error.
    pub fn take(&self, rows: &mut [u8]) -> Result<usize, Error> {
        self.listener.take(rows)
    }

    /// Counts so far; those of a row before it can be taken.
    pub fn counts(&self) -> NflogCounts {
        self.listener.counts()
    }

    /// As [`NflogSocket::unbind`]; a drain afterwards brings the last packet.
    pub fn unbind(&self) -> Result<(), Error> {
        match &*lock(&self.socket) {
            Some(socket) => socket.unbind(),
            None => Err(Error::new(Code::Netlink, "The NFLOG reader is closed")),
        }
    }

    /// Asks for the packets that wait in the receive buffer now; returns the number of the request.
    pub fn drain(&self) -> u32 {
        self.listener.drain()
    }

    /// The last such request whose packets were all taken.
    pub fn drained(&self) -> u32 {
        self.listener.drained()
    }

    /// Ends the thread and closes the socket. Rows that were not taken stay.
    pub fn close(&self) {
        self.listener.close();
        lock(&self.socket).take();
    }
}
