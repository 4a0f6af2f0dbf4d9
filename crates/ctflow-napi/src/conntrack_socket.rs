//! The dump socket for Node: reads run on libuv's threads, one at a time.

use crate::{crossing, filter_of};
use ctflow_core::error::{Code, Error};
use ctflow_core::namespace::Namespace;
use ctflow_core::socket;
use ctflow_core::sysctl::{read_sysctl, write_sysctl};
use napi::bindgen_prelude::{AsyncTask, Uint8Array};
use napi::{Env, Task};
use napi_derive::napi;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where the socket is when no read has it.
#[derive(Default)]
struct Slot {
    socket: Option<socket::ConntrackSocket>,
    closed: bool,
}

impl Slot {
    fn closed() -> napi::Error {
        crossing(Error::new(Code::Netlink, "The conntrack socket is closed"))
    }

    fn busy() -> napi::Error {
        crossing(Error::new(Code::Netlink, "A read of the conntrack socket is under way"))
    }

    fn borrow(&mut self) -> napi::Result<&mut socket::ConntrackSocket> {
        if self.closed {
            return Err(Self::closed());
        }
        self.socket.as_mut().ok_or_else(Self::busy)
    }

    fn take(&mut self) -> napi::Result<socket::ConntrackSocket> {
        self.borrow()?;
        self.socket.take().ok_or_else(Self::busy)
    }
}

type SharedSlot = Arc<Mutex<Slot>>;

fn lock(slot: &SharedSlot) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A ctnetlink socket. Everything but the reads returns at once.
#[napi]
pub struct ConntrackSocket {
    namespace: Arc<Namespace>,
    slot: SharedSlot,
}

#[napi]
impl ConntrackSocket {
    /// @param netns name under /run/netns or a path; without it the namespace of this process
    #[napi(constructor)]
    pub fn new(netns: Option<String>) -> napi::Result<Self> {
        let namespace = Arc::new(Namespace::open(netns.as_deref()).map_err(crossing)?);
        let socket = socket::ConntrackSocket::open(namespace.clone()).map_err(crossing)?;
        Ok(Self {
            namespace,
            slot: Arc::new(Mutex::new(Slot {
                socket: Some(socket),
                closed: false,
            })),
        })
    }

    /// Begins a dump; the next read asks the kernel for it. An unfinished one is given up.
    /// @param words see filterWords
    #[napi]
    pub fn start_dump(&self, words: &[u32]) -> napi::Result<()> {
        let filter = filter_of(words)?;
        lock(&self.slot).borrow()?.start(filter);
        Ok(())
    }

    /// Fills `out` (at least 32 KiB) with the dump's netlink bytes, whole messages; `out` must not be touched until the
    /// promise settles.
    #[napi(ts_return_type = "Promise<BytesRead>")]
    pub fn read_raw(&self, out: Uint8Array) -> napi::Result<AsyncTask<ReadRaw>> {
        let socket = lock(&self.slot).take()?;
        Ok(AsyncTask::new(ReadRaw {
            lent: Lent::new(&self.slot, socket),
            out,
        }))
    }

    /// The text of /proc/sys/net/netfilter/`name` in the socket's namespace, null where there is none.
    #[napi]
    pub fn sysctl(&self, name: String) -> napi::Result<Option<String>> {
        read_sysctl(&self.namespace, &name).map_err(crossing)
    }

    /// Writes such a file.
    #[napi]
    pub fn set_sysctl(&self, name: String, value: String) -> napi::Result<()> {
        write_sysctl(&self.namespace, &name, &value).map_err(crossing)
    }

    /// A read that is under way ends before the socket does.
    #[napi]
    pub fn close(&self) {
        let mut slot = lock(&self.slot);
        slot.closed = true;
        slot.socket = None;
    }
}

/// A socket on its way through one read.
struct Lent {
    slot: SharedSlot,
    socket: Option<socket::ConntrackSocket>,
}

impl Lent {
    fn new(slot: &SharedSlot, socket: socket::ConntrackSocket) -> Self {
        Self {
            slot: slot.clone(),
            socket: Some(socket),
        }
    }

    /// Reads, then gives the socket back before the promise settles.
    fn read<T>(&mut self, work: impl FnOnce(&mut socket::ConntrackSocket) -> Result<T, Error>) -> napi::Result<T> {
        let mut socket = self.socket.take().ok_or_else(Slot::busy)?;
        let result = work(&mut socket).map_err(crossing);
        let mut slot = lock(&self.slot);
        if !slot.closed {
            slot.socket = Some(socket);
        }
        result
    }
}

/// What one read of raw bytes brought.
#[napi(object)]
pub struct BytesRead {
    /// Bytes written.
    pub bytes: u32,
    /// Answers longer than the buffer: messages are missing.
    pub truncated: u32,
    /// ENOBUFS: messages are missing.
    pub overrun: u32,
    /// Messages of others and of earlier requests; they are left out.
    pub ignored: u32,
    /// Milliseconds since 1970 at the last receive.
    pub at: f64,
    /// The dump was read to its end, or an error ended it.
    pub done: bool,
    /// The table changed under the dump.
    pub interrupted: bool,
    /// The errno that ended the dump, positive, or 0.
    pub error: u32,
}

pub struct ReadRaw {
    lent: Lent,
    out: Uint8Array,
}

impl Task for ReadRaw {
    type Output = socket::BytesRead;
    type JsValue = BytesRead;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        // SAFETY: the caller leaves the buffer alone until the promise settles (src/sources/netlink.ts), and the task's
        // reference keeps it alive.
        let out = unsafe { self.out.as_mut() };
        self.lent.read(|socket| socket.read_raw(out))
    }

    fn resolve(&mut self, _: Env, read: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(BytesRead {
            bytes: read.bytes as u32,
            truncated: read.truncated,
            overrun: read.overrun,
            ignored: read.ignored,
            at: read.at,
            done: read.done,
            interrupted: read.interrupted,
            error: read.error,
        })
    }
}
