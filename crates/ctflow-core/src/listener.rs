//! A thread that reads a socket as messages come, and hands rows over in a bounded queue.

use crate::error::{Code, Error};
use crate::row_ring::RowRing;
use crate::signal::Signal;
use std::fmt::Debug;
use std::ops::AddAssign;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// No datagram takes less of the receive buffer, struct sk_buff and struct skb_shared_info included.
const LEAST_SPACE: u32 = 512;
const FOREVER: i32 = -1;

/// Reads a socket into rows.
pub(crate) trait Reader: Send + 'static {
    /// What became of the messages.
    type Counts: AddAssign + Copy + Debug + Default + Send;

    /// Reads what waits, with a bound, and does not wait itself.
    fn read(&mut self) -> Result<RowsRead<'_, Self::Counts>, Error>;

    /// The socket.
    fn fd(&self) -> BorrowedFd<'_>;
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

/// How a listener works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// What cannot be done when a call fails, for the error.
    pub(crate) what: &'static str,
    /// Name of the thread.
    pub(crate) thread: &'static str,
    /// Rows that wait to be taken at most.
    pub(crate) capacity: usize,
    /// The socket's receive buffer in bytes, as the kernel counts them.
    pub(crate) receive_buffer: u32,
    /// Milliseconds from the first message of a burst to its reading; 0 for at once.
    pub(crate) gather_milliseconds: i32,
}

/// Listens until it is closed or dropped.
#[derive(Debug)]
pub(crate) struct Listener<C> {
    shared: Arc<Shared<C>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What both threads know.
#[derive(Debug)]
struct Shared<C> {
    ring: RowRing,
    signal: Signal,
    counts: Mutex<C>,
    /// Why the thread ended by itself.
    failure: Mutex<Option<Error>>,
    /// Number of the last drain that was asked for.
    drains: AtomicU32,
}

impl<C: AddAssign + Copy + Debug + Default + Send + 'static> Listener<C> {
    /// Reads on a thread of its own from now on. While the queue is full the thread waits, and messages wait in the receive
    /// buffer. `wake` is called on that thread when there is something to take (or a drain or the thread has ended), and again
    /// only after [`Listener::take`] returned 0.
    pub(crate) fn start(
        mut reader: impl Reader<Counts = C>,
        manner: Manner,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            ring: RowRing::new(manner.capacity),
            signal: Signal::new(manner.what)?,
            counts: Mutex::default(),
            failure: Mutex::default(),
            drains: AtomicU32::new(0),
        });
        let of_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name(manner.thread.to_owned())
            .spawn(move || {
                if let Err(error) = of_thread.listen(&mut reader, manner, &wake) {
                    *lock(&of_thread.failure) = Some(error);
                    of_thread.ring.mark(of_thread.drains.load(Ordering::Acquire), &wake);
                }
            })
            .map_err(|error| Error::system(Code::Netlink, manner.what, &error))?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Moves rows to the start of `rows`, as many as fit, and returns how many. Where none is left and the thread has failed,
    /// its error.
    pub(crate) fn take(&self, rows: &mut [u8]) -> Result<usize, Error> {
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
    pub(crate) fn counts(&self) -> C {
        *lock(&self.shared.counts)
    }

    /// Asks for the messages that wait in the receive buffer now; returns the number of the request.
    pub(crate) fn drain(&self) -> u32 {
        let number = self.shared.drains.fetch_add(1, Ordering::AcqRel).wrapping_add(1);
        self.shared.signal.raise();
        number
    }

    /// The last such request whose rows were all taken.
    pub(crate) fn drained(&self) -> u32 {
        self.shared.ring.passed()
    }
}

impl<C> Listener<C> {
    /// Ends the thread, and drops the reader. Rows that were not taken stay.
    pub(crate) fn close(&self) {
        let Some(thread) = lock(&self.thread).take() else {
            return;
        };
        self.shared.ring.close();
        self.shared.signal.raise();
        // It does not panic, and if it did there would be nothing to do about it here.
        let _ = thread.join();
    }
}

impl<C> Drop for Listener<C> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<C: AddAssign> Shared<C> {
    /// The thread's work, until the ring is closed.
    fn listen(&self, reader: &mut impl Reader<Counts = C>, manner: Manner, wake: &impl Fn()) -> Result<(), Error> {
        let most_waiting = (manner.receive_buffer / LEAST_SPACE) as usize;
        let mut drained = 0;
        // The drain under way: its number, and how many datagrams may still be older than it.
        let mut drain: Option<(u32, usize)> = None;
        while !self.ring.is_closed() {
            let asked = self.drains.load(Ordering::Acquire);
            if drain.is_none() && asked != drained {
                drain = Some((asked, most_waiting));
            }
            let read = reader.read()?;
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
                None if datagrams == 0 => self.wait(reader, manner.gather_milliseconds)?,
                None => {}
            }
        }
        Ok(())
    }

    /// Until there are messages or the signal is raised.
    fn wait(&self, reader: &impl Reader, gather: i32) -> Result<(), Error> {
        let raised = self.signal.wait(Some(reader.fd()), FOREVER)?;
        if gather > 0 && !raised {
            self.signal.wait(None, gather)?;
        }
        Ok(())
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
