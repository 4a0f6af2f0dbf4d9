//! The event listener for Node: events are read on a thread of their own, JavaScript is woken and takes rows.

use crate::{crossing, filter_of};
use ctflow_core::dying::dying_count;
use ctflow_core::ends_file::EndsFile;
use ctflow_core::event_listener;
use ctflow_core::event_socket::EventSocket;
use ctflow_core::namespace::Namespace;
use napi::bindgen_prelude::{AsyncTask, Function, Uint8ArraySlice};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{Env, Task};
use napi_derive::napi;
use std::path::Path;
use std::sync::Arc;

/// Rows that wait for JavaScript at most, 3 MiB. More wait in the socket's receive buffer.
const CAPACITY: usize = 16_384;

/// Listens to conntrack events in one network namespace until it is closed. It keeps no process alive.
#[napi]
pub struct EventListener {
    namespace: Arc<Namespace>,
    listener: event_listener::EventListener,
}

#[napi]
impl EventListener {
    /// @param netns name under /run/netns or a path; without it the namespace of this process
    /// @param words see filterWords
    /// @param groups bit 0 new, 1 update, 2 destroy
    /// @param receiveBuffer bytes wanted; the kernel may allow less
    /// @param broadcastError see setBroadcastError
    /// @param ends where rows are written down before they can be taken; without it nowhere
    /// @param onReady called when there is something to take, and again only after take returned 0 or threw
    #[napi(constructor)]
    pub fn new(
        netns: Option<String>,
        words: &[u32],
        groups: u32,
        receive_buffer: u32,
        broadcast_error: bool,
        ends: Option<EndsPlace>,
        on_ready: Function<(), ()>,
    ) -> napi::Result<Self> {
        let filter = filter_of(words)?;
        let ends = ends
            .map(|ends| {
                EndsFile::open(
                    Path::new(&ends.path),
                    ends.capacity,
                    ends.place as u64,
                    ends.done as u64,
                )
            })
            .transpose()
            .map_err(crossing)?;
        let namespace = Arc::new(Namespace::open(netns.as_deref()).map_err(crossing)?);
        let socket = EventSocket::open(&namespace, groups, receive_buffer, broadcast_error).map_err(crossing)?;
        let on_ready = on_ready
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .max_queue_size::<1>()
            .build()?;
        // A call that finds no place in the queue stands there already.
        let wake = move || {
            on_ready.call((), ThreadsafeFunctionCallMode::NonBlocking);
        };
        let listener = event_listener::EventListener::start(socket, filter, CAPACITY, ends, wake).map_err(crossing)?;
        Ok(Self { namespace, listener })
    }

    /// Bytes of the receive buffer as the kernel counts them, twice of what was asked for where that was granted.
    #[napi]
    pub fn receive_buffer(&self) -> u32 {
        self.listener.receive_buffer()
    }

    /// NETLINK_BROADCAST_ERROR: while it is on, the kernel keeps a dying connection whose event does not fit, and delivers the
    /// event again.
    #[napi]
    pub fn set_broadcast_error(&self, on: bool) -> napi::Result<()> {
        self.listener.set_broadcast_error(on).map_err(crossing)
    }

    /// Leaves the groups: no more events come, those that wait can still be drained.
    #[napi]
    pub fn leave(&self) -> napi::Result<()> {
        self.listener.leave().map_err(crossing)
    }

    /// Moves rows to the start of `rows`, as many as fit, and returns how many. Throws where there are none and the listener
    /// has failed.
    #[napi]
    pub fn take(&self, mut rows: Uint8ArraySlice) -> napi::Result<u32> {
        // SAFETY: nothing else runs in JavaScript while it waits for this call.
        let rows = unsafe { rows.as_mut() };
        self.listener.take(rows).map(|taken| taken as u32).map_err(crossing)
    }

    /// Asks for the events that wait in the receive buffer now; returns the number of the request.
    #[napi]
    pub fn drain(&self) -> u32 {
        self.listener.drain()
    }

    /// The last such request whose events were all taken.
    #[napi]
    pub fn drained(&self) -> u32 {
        self.listener.drained()
    }

    #[napi]
    pub fn counts(&self) -> EventCounts {
        let counts = self.listener.counts();
        EventCounts {
            created: counts.created as f64,
            updated: counts.updated as f64,
            destroyed: counts.destroyed as f64,
            filtered: counts.filtered as f64,
            malformed: counts.malformed as f64,
            ignored: counts.ignored as f64,
            truncated: counts.truncated as f64,
            overrun: counts.overrun as f64,
        }
    }

    /// What became of the rows that were to be written down; null where there is no file.
    #[napi]
    pub fn ends_counts(&self) -> Option<EndsCounts> {
        self.listener.ends_counts().map(|counts| EndsCounts {
            written: counts.written as f64,
            full: counts.full as f64,
            failed: counts.failed as f64,
            unnamed: counts.unnamed as f64,
        })
    }

    /// Rows below this place need not be kept any more; the file's header says so already.
    #[napi]
    pub fn free_ends(&self, place: f64) {
        self.listener.free_ends(place as u64);
    }

    /// How many connections stand on the kernel's dying list, `limit` at most; 10,000 take about 100 ms, more take longer
    /// with the square.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn dying_count(&self, limit: u32) -> AsyncTask<DyingCount> {
        AsyncTask::new(DyingCount {
            namespace: self.namespace.clone(),
            limit,
        })
    }

    /// Ends the thread and closes the socket. Rows that were not taken stay.
    #[napi]
    pub fn close(&self) {
        self.listener.close();
    }
}

/// A file of ends that is there, and where to go on in it.
#[napi(object)]
pub struct EndsPlace {
    pub path: String,
    /// Records that it has room for.
    pub capacity: u32,
    /// Of the next row.
    pub place: f64,
    /// Places below it are free.
    pub done: f64,
}

/// What became of the rows that were to be written down.
#[napi(object)]
pub struct EndsCounts {
    pub written: f64,
    /// Without room: too many wait to be told.
    pub full: f64,
    /// The disk did not take them.
    pub failed: f64,
    /// Without the id or the start by which they would be known again.
    pub unnamed: f64,
}

/// What became of the events so far. Each is in exactly one of the first seven counts.
#[napi(object)]
pub struct EventCounts {
    /// Rows of EVENT_NEW.
    pub created: f64,
    /// Rows of EVENT_UPDATE.
    pub updated: f64,
    /// Rows of EVENT_DESTROY.
    pub destroyed: f64,
    /// Events that the filter took out.
    pub filtered: f64,
    /// Messages or entries that could not be read.
    pub malformed: f64,
    /// Messages that are no event, or not the kernel's.
    pub ignored: f64,
    /// Datagrams longer than the buffer.
    pub truncated: f64,
    /// ENOBUFS: delivered again with NETLINK_BROADCAST_ERROR, else lost.
    pub overrun: f64,
}

pub struct DyingCount {
    namespace: Arc<Namespace>,
    limit: u32,
}

impl Task for DyingCount {
    type Output = u32;
    type JsValue = u32;

    fn compute(&mut self) -> napi::Result<u32> {
        dying_count(&self.namespace, self.limit).map_err(crossing)
    }

    fn resolve(&mut self, _: Env, count: u32) -> napi::Result<u32> {
        Ok(count)
    }
}
