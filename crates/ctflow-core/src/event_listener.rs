//! A thread that reads conntrack events as they come, and hands them over in a bounded queue of rows.

use crate::error::{Code, Error};
use crate::event_socket::{EventReader, EventSocket};
use crate::events::EventCounts;
use crate::filter::Filter;
use crate::row_ring::RowRing;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

const WHAT: &str = "Cannot listen to conntrack events";
/// No event takes less of the receive buffer, struct sk_buff and struct skb_shared_info included.
const LEAST_SPACE: u32 = 512;
/// Events come in bursts. With a pause before it reads them, neither this thread nor JavaScript is woken for each.
const GATHER_MILLISECONDS: i32 = 2;
/// Bytes of a receive buffer that does not overflow in the pause: 800 events.
const ROOM_TO_GATHER: u32 = 1 << 20;
const FOREVER: i32 = -1;

/// Listens until it is closed or dropped.
#[derive(Debug)]
pub struct EventListener {
    shared: Arc<Shared>,
    receive_buffer: u32,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    socket: Arc<EventSocket>,
    thread: JoinHandle<()>,
}

/// What both threads know.
#[derive(Debug)]
struct Shared {
    ring: RowRing,
    signal: Signal,
    counts: Mutex<EventCounts>,
    /// Why the thread ended by itself.
    failure: Mutex<Option<Error>>,
    /// Number of the last drain that was asked for.
    drains: AtomicU32,
}

impl EventListener {
    /// Reads the socket on a thread of its own from now on. The queue has room for `capacity` rows; while it is full the
    /// thread waits, and events wait in the receive buffer. `wake` is called on that thread when there is something to take
    /// (or a drain or the thread has ended), and again only after [`EventListener::take`] returned 0.
    pub fn start(
        socket: EventSocket,
        filter: Filter,
        capacity: usize,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, Error> {
        let receive_buffer = socket.receive_buffer()?;
        let socket = Arc::new(socket);
        let shared = Arc::new(Shared {
            ring: RowRing::new(capacity),
            signal: Signal::new()?,
            counts: Mutex::default(),
            failure: Mutex::default(),
            drains: AtomicU32::new(0),
        });
        let thread = {
            let (shared, socket) = (shared.clone(), socket.clone());
            std::thread::Builder::new()
                .name("ctflow-events".to_owned())
                .spawn(move || {
                    if let Err(error) = shared.listen(&socket, EventReader::new(filter), receive_buffer, &wake) {
                        *lock(&shared.failure) = Some(error);
                        shared.ring.mark(shared.drains.load(Ordering::Acquire), &wake);
                    }
                })
                .map_err(|error| Error::system(Code::Netlink, WHAT, &error))?
        };
        Ok(Self {
            shared,
            receive_buffer,
            running: Mutex::new(Some(Running { socket, thread })),
        })
    }

    /// The receive buffer obtained, as [`EventSocket::receive_buffer`].
    pub fn receive_buffer(&self) -> u32 {
        self.receive_buffer
    }

    /// As [`EventSocket::set_broadcast_error`].
    pub fn set_broadcast_error(&self, on: bool) -> Result<(), Error> {
        match &*lock(&self.running) {
            Some(running) => running.socket.set_broadcast_error(on),
            None => Err(Error::new(Code::Netlink, "The event listener is closed")),
        }
    }

    /// Moves rows to the start of `rows`, as many as fit, and returns how many. Where none is left and the thread has failed,
    /// its error.
    pub fn take(&self, rows: &mut [u8]) -> Result<usize, Error> {
        let taken = self.shared.ring.take(rows);
        if taken > 0 {
            return Ok(taken);
        }
        match &*lock(&self.shared.failure) {
            None => Ok(0),
            // It may have pushed rows since.
            Some(error) => match self.shared.ring.take(rows) {
                0 => Err(error.clone()),
                taken => Ok(taken),
            },
        }
    }

    /// Counts so far; those of a row before it can be taken.
    pub fn counts(&self) -> EventCounts {
        *lock(&self.shared.counts)
    }

    /// Asks for the events that wait in the receive buffer now; returns the number of the request.
    pub fn drain(&self) -> u32 {
        let number = self.shared.drains.fetch_add(1, Ordering::AcqRel).wrapping_add(1);
        self.shared.signal.raise();
        number
    }

    /// The last such request whose events were all taken.
    pub fn drained(&self) -> u32 {
        self.shared.ring.passed()
    }

    /// Ends the thread and closes the socket. Rows that were not taken stay.
    pub fn close(&self) {
        let Some(running) = lock(&self.running).take() else {
            return;
        };
        self.shared.ring.close();
        self.shared.signal.raise();
        // It does not panic, and if it did there would be nothing to do about it here.
        let _ = running.thread.join();
    }
}

impl Drop for EventListener {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// The thread's work, until the ring is closed.
    fn listen(
        &self,
        socket: &EventSocket,
        mut reader: EventReader,
        receive_buffer: u32,
        wake: &impl Fn(),
    ) -> Result<(), Error> {
        let most_waiting = (receive_buffer / LEAST_SPACE) as usize;
        let gather = receive_buffer >= ROOM_TO_GATHER;
        let mut drained = 0;
        // The drain under way: its number, and how many datagrams may still be older than it.
        let mut drain: Option<(u32, usize)> = None;
        while !self.ring.is_closed() {
            let asked = self.drains.load(Ordering::Acquire);
            if drain.is_none() && asked != drained {
                drain = Some((asked, most_waiting));
            }
            let read = reader.read(socket)?;
            *lock(&self.counts) += read.counts;
            if !self.ring.push(read.rows, wake) {
                break;
            }
            let empty = read.datagrams == 0;
            match &mut drain {
                Some((number, left)) => {
                    *left = left.saturating_sub(read.datagrams);
                    if empty || *left == 0 {
                        drained = *number;
                        self.ring.mark(drained, wake);
                        drain = None;
                    }
                }
                None if empty => self.wait(socket, gather)?,
                None => {}
            }
        }
        Ok(())
    }

    /// Until there are events or the signal is raised.
    fn wait(&self, socket: &EventSocket, gather: bool) -> Result<(), Error> {
        let raised = self.signal.wait(Some(socket.as_fd()), FOREVER)?;
        if gather && !raised {
            self.signal.wait(None, GATHER_MILLISECONDS)?;
        }
        Ok(())
    }
}

/// An eventfd: ends a poll of another thread.
#[derive(Debug)]
struct Signal(File);

impl Signal {
    fn new() -> Result<Self, Error> {
        // SAFETY: eventfd takes two numbers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(Error::system(Code::Netlink, WHAT, &io::Error::last_os_error()));
        }
        // SAFETY: the descriptor was just made and belongs to nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }.into()))
    }

    fn raise(&self) {
        // It fails only where the counter is at its end, and so raised already.
        let _ = (&self.0).write(&1u64.to_ne_bytes());
    }

    /// Waits until it is raised, which ends with this, until `other` can be read, or for the time; says whether it was
    /// raised.
    fn wait(&self, other: Option<BorrowedFd>, milliseconds: i32) -> Result<bool, Error> {
        const NONE: i32 = -1; // poll passes over it
        let fds = [self.0.as_raw_fd(), other.map_or(NONE, |fd| fd.as_raw_fd())];
        let mut wanted = fds.map(|fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        });
        // SAFETY: the pollfd live over the call, and so do the descriptors in them.
        let ready = unsafe { libc::poll(wanted.as_mut_ptr(), wanted.len() as libc::nfds_t, milliseconds) };
        if ready < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(Error::system(Code::Netlink, WHAT, &error));
            }
            return Ok(false);
        }
        // It can be read where it was raised, and is zero afterwards.
        Ok(wanted[0].revents != 0 && (&self.0).read(&mut [0; 8]).is_ok())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
