//! Conntrack events, read as they come by a thread of its own.

use crate::ends_file::{EndsCounts, EndsFile, EndsShared};
use crate::error::{Code, Error};
use crate::event_socket::{EventReader, EventSocket};
use crate::events::EventCounts;
use crate::filter::Filter;
use crate::listener::{Listener, Manner, Reader, RowsRead, lock};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex};

/// Events come in bursts. With a pause before it reads them, neither this thread nor JavaScript is woken for each.
const GATHER_MILLISECONDS: i32 = 2;
/// Bytes of a receive buffer that does not overflow in the pause: 800 events.
const ROOM_TO_GATHER: u32 = 1 << 20;

/// Listens until it is closed or dropped.
#[derive(Debug)]
pub struct EventListener {
    /// None once it is closed; the thread has it too.
    socket: Mutex<Option<Arc<EventSocket>>>,
    listener: Listener<EventCounts>,
    receive_buffer: u32,
    /// Where rows are written down.
    ends: Option<Arc<EndsShared>>,
}

struct SocketReader {
    socket: Arc<EventSocket>,
    reader: EventReader,
    ends: Option<EndsFile>,
}

impl Reader for SocketReader {
    type Counts = EventCounts;

    fn read(&mut self) -> Result<RowsRead<'_, EventCounts>, Error> {
        let read = self.reader.read(&self.socket)?;
        // before anybody is told: what was read is nowhere else any more
        if let Some(ends) = &mut self.ends {
            ends.append(read.rows);
        }
        Ok(read)
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl EventListener {
    /// Reads the socket on a thread of its own from now on. The queue has room for `capacity` rows; while it is full the
    /// thread waits, and events wait in the receive buffer. `wake` is called on that thread when there is something to take
    /// (or a drain or the thread has ended), and again only after [`EventListener::take`] returned 0. With `ends` each row is
    /// written down before it can be taken.
    pub fn start(
        socket: EventSocket,
        filter: Filter,
        capacity: usize,
        ends: Option<EndsFile>,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, Error> {
        let receive_buffer = socket.receive_buffer()?;
        let socket = Arc::new(socket);
        let shared = ends.as_ref().map(EndsFile::shared);
        let reader = SocketReader {
            socket: socket.clone(),
            reader: EventReader::new(filter),
            ends,
        };
        let roomy = receive_buffer >= ROOM_TO_GATHER;
        let manner = Manner {
            what: "Cannot listen to conntrack events",
            thread: "ctflow-events",
            capacity,
            receive_buffer,
            gather_milliseconds: if roomy { GATHER_MILLISECONDS } else { 0 },
        };
        Ok(Self {
            socket: Mutex::new(Some(socket)),
            listener: Listener::start(reader, manner, wake)?,
            receive_buffer,
            ends: shared,
        })
    }

    /// The receive buffer obtained, as [`EventSocket::receive_buffer`].
    pub fn receive_buffer(&self) -> u32 {
        self.receive_buffer
    }

    /// As [`EventSocket::set_broadcast_error`].
    pub fn set_broadcast_error(&self, on: bool) -> Result<(), Error> {
        match &*lock(&self.socket) {
            Some(socket) => socket.set_broadcast_error(on),
            None => Err(Error::new(Code::Netlink, "The event listener is closed")),
        }
    }

    /// As [`EventSocket::leave`]; a closed one has left.
    pub fn leave(&self) -> Result<(), Error> {
        match &*lock(&self.socket) {
            Some(socket) => socket.leave(),
            None => Ok(()),
        }
    }

    /// Moves rows to the start of `rows`, as many as fit, and returns how many. Where none is left and the thread has failed,
    /// its error.
    pub fn take(&self, rows: &mut [u8]) -> Result<usize, Error> {
        self.listener.take(rows)
    }

    /// Counts so far; those of a row before it can be taken.
    pub fn counts(&self) -> EventCounts {
        self.listener.counts()
    }

    /// What became of the rows that were to be written down; none where there is no file.
    pub fn ends_counts(&self) -> Option<EndsCounts> {
        self.ends.as_ref().map(|ends| ends.counts())
    }

    /// As [`EndsShared::free`].
    pub fn free_ends(&self, place: u64) {
        if let Some(ends) = &self.ends {
            ends.free(place);
        }
    }

    /// Asks for the events that wait in the receive buffer now; returns the number of the request.
    pub fn drain(&self) -> u32 {
        self.listener.drain()
    }

    /// The last such request whose events were all taken.
    pub fn drained(&self) -> u32 {
        self.listener.drained()
    }

    /// Ends the thread and closes the socket. Rows that were not taken stay.
    pub fn close(&self) {
        self.listener.close();
        lock(&self.socket).take();
    }
}
