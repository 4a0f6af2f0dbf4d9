//! A thread that reads a socket as messages come, and hands rows over in a bounded queue.

use super::RowRing;
use crate::error::{Code, Error};
use crate::sys::EventFd;
use std::fmt::Debug;
use std::ops::AddAssign;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Rows that wait to be taken at most, 3 MiB. More wait in the socket's receive buffer.
const CAPACITY: usize = 16_384;
/// No datagram takes less of the receive buffer, struct sk_buff and struct skb_shared_info included.
const LEAST_SPACE: u32 = 512;
const FOREVER: i32 = -1;

/// What a [`Listener`] reads.
pub trait Socket: AsFd + Send + Sync + 'static {
    /// The receive buffer as the kernel counts it: its own overhead included, twice of what was asked for where that was
    /// granted (SO_RCVBUF, socket(7)).
    fn receive_buffer(&self) -> Result<u32, Error>;

    /// Leaves the groups: the kernel sends what it has gathered, and nothing more. Messages that wait can still be read.
    fn leave(&self) -> Result<(), Error>;
}

/// Reads a socket into rows.
pub trait Reader: Send + 'static {
    /// What it reads.
    type Socket: Socket;
    /// What became of the messages.
    type Counts: AddAssign + Copy + Debug + Default + Send;

    /// Begins errors: "Cannot …".
    const WHAT: &'static str;
    /// Name of the thread.
    const THREAD: &'static str;

    /// Reads what waits, with a bound, and does not wait itself.
    fn read(&mut self, socket: &Self::Socket) -> Result<RowsRead<'_, Self::Counts>, Error>;

    /// Milliseconds from the first message of a burst to its reading, 0 for at once. `receive_buffer`: as
    /// [`Socket::receive_buffer`].
    fn gather_milliseconds(_receive_buffer: u32) -> i32 {
        0
    }
}

/// What one read brought.
#[derive(Clone, Copy, Debug)]
pub struct RowsRead<'a, C> {
    /// Whole rows.
    pub rows: &'a [u8],
    /// Datagrams; 0 when nothing waited.
    pub datagrams: usize,
    /// What became of them.
    pub counts: C,
}

/// Listens until it is closed or dropped.
pub struct Listener<R: Reader> {
    /// None once it is closed; the thread has it too.
    socket: Mutex<Option<Arc<R::Socket>>>,
    receive_buffer: u32,
    shared: Arc<Shared<R::Counts>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What both threads know.
#[derive(Debug)]
struct Shared<C> {
    ring: RowRing,
    /// Ends the thread's wait.
    wake_up: EventFd,
    counts: Mutex<C>,
    /// Why the thread ended by itself.
    failure: Mutex<Option<Error>>,
    /// Number of the last drain that was asked for.
    drains: AtomicU32,
}

impl<R: Reader> Listener<R> {
    /// Reads the socket on a thread of its own from now on. While the queue is full the thread waits, and messages wait in the
    /// receive buffer. `wake` is called on that thread when there is something to take (or a drain or the thread has ended),
    /// and again only after [`Listener::take`] returned 0.
    pub fn start(socket: R::Socket, mut reader: R, wake: impl Fn() + Send + 'static) -> Result<Self, Error> {
        let receive_buffer = socket.receive_buffer()?;
        let socket = Arc::new(socket);
        let shared = Arc::new(Shared {
            ring: RowRing::new(CAPACITY),
            wake_up: EventFd::new(R::WHAT)?,
            counts: Mutex::default(),
            failure: Mutex::default(),
            drains: AtomicU32::new(0),
        });
        let (of_thread, socket_of_thread) = (shared.clone(), socket.clone());
        let thread = std::thread::Builder::new()
            .name(R::THREAD.to_owned())
            .spawn(move || {
                if let Err(error) = of_thread.listen(&*socket_of_thread, &mut reader, receive_buffer, &wake) {
                    *lock(&of_thread.failure) = Some(error);
                    of_thread.ring.mark(of_thread.drains.load(Ordering::Acquire), &wake);
                }
            })
            .map_err(|error| Error::system(Code::Netlink, R::WHAT, &error))?;
        Ok(Self {
            socket: Mutex::new(Some(socket)),
            receive_buffer,
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// The receive buffer obtained, as [`Socket::receive_buffer`].
    pub fn receive_buffer(&self) -> u32 {
        self.receive_buffer
    }

    /// The socket, none once the listener is closed.
    pub fn socket(&self) -> Option<Arc<R::Socket>> {
        lock(&self.socket).clone()
    }

    /// As [`Socket::leave`]; a closed one has left.
    pub fn leave(&self) -> Result<(), Error> {
        self.socket().map_or(Ok(()), |socket| socket.leave())
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

    /// Rows taken so far: the oldest that [`Reader::read`] made.
    pub fn taken(&self) -> u64 {
        self.shared.ring.taken()
    }

    /// Counts so far; those of a row before it can be taken.
    pub fn counts(&self) -> R::Counts {
        *lock(&self.shared.counts)
    }

    /// Asks for the messages that wait in the receive buffer now; returns the number of the request.
    pub fn drain(&self) -> u32 {
        let number = self.shared.drains.fetch_add(1, Ordering::AcqRel).wrapping_add(1);
        self.shared.wake_up.raise();
        number
    }

    /// The last such request whose rows were all taken.
    pub fn drained(&self) -> u32 {
        self.shared.ring.passed()
    }

    /// Ends the thread, drops the reader and closes the socket. Rows that were not taken stay.
    pub fn close(&self) {
        let Some(thread) = lock(&self.thread).take() else {
            return;
        };
        self.shared.ring.close();
        self.shared.wake_up.raise();
        // It does not panic, and if it did there would be nothing to do about it here.
        let _ = thread.join();
        lock(&self.socket).take();
    }
}

impl<R: Reader> Drop for Listener<R> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<C: AddAssign> Shared<C> {
    /// The thread's work, until the ring is closed.
    fn listen<R: Reader<Counts = C>>(
        &self,
        socket: &R::Socket,
        reader: &mut R,
        receive_buffer: u32,
        wake: &impl Fn(),
    ) -> Result<(), Error> {
        let gather = R::gather_milliseconds(receive_buffer);
        let most_waiting = (receive_buffer / LEAST_SPACE) as usize;
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
            let datagrams = read.datagrams;
            match &mut drain {
                Some((number, left)) => {
                    *left = left.saturating_sub(datagrams);
                    if datagrams == 0 || *left == 0 {
                        drained = *number;
                        self.ring.mark(drained, wake);
                        drain = None;
                    }
                }
                None if datagrams == 0 => self.wait(socket.as_fd(), gather)?,
                None => {}
            }
        }
        Ok(())
    }

    /// Until there are messages or this thread is woken up.
    fn wait(&self, socket: BorrowedFd<'_>, gather: i32) -> Result<(), Error> {
        let woken = self.wake_up.wait(Some(socket), FOREVER)?;
        if gather > 0 && !woken {
            self.wake_up.wait(None, gather)?;
        }
        Ok(())
    }
}

/// The lock, also where a thread has panicked under it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
