//! The event listener for Node.

use super::{from_counts, listener_methods, waker};
use crate::error::{Background, Result, background, crossing, thrown};
use crate::filter_of;
use ctflow_core::conntrack::{
    self, DestroyLog, DestroyLogState, EventReader, EventSocket, EventTap, Hold, Lease, Tapped, dying_count,
};
use ctflow_core::error::Code;
use ctflow_core::listen::Listener;
use ctflow_core::sys::Namespace;
use napi::bindgen_prelude::{AsyncTask, Function, Uint8Array};
use napi_derive::napi;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Listens to conntrack events in one network namespace until it is closed. It keeps no process alive.
#[napi]
pub struct EventListener {
    listener: Listener<EventReader>,
    log: Option<Arc<DestroyLogState>>,
    tap: Option<Arc<EventTap>>,
    /// Whether there is one, or why there is none.
    guard: std::result::Result<bool, String>,
}

#[napi]
impl EventListener {
    /// @param netns name under /run/netns or a path; without it the namespace of this process
    /// @param words see filterWords
    /// @param groups bit 0 new, 1 update, 2 destroy
    /// @param receiveBuffer bytes wanted; the kernel may allow less
    /// @param hold when the kernel holds ended connections whose event does not fit
    /// @param destroyLog the file that each row is in before it can be taken; without it none
    /// @param tapped the message of each row is kept for takeMessages
    /// @param onReady called when there is something to take, and again only after take returned 0 or threw
    #[napi(constructor)]
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        netns: Option<String>,
        words: &[u32],
        groups: u32,
        receive_buffer: u32,
        hold: EventHold,
        destroy_log: Option<DestroyLogPlace>,
        tapped: bool,
        on_ready: Function<(), ()>,
    ) -> Result<Self> {
        let filter = filter_of(words)?;
        let open = |log: DestroyLogPlace| {
            DestroyLog::open(Path::new(&log.path), log.capacity, log.place as u64, log.done as u64)
        };
        let destroy_log = destroy_log.map(open).transpose().map_err(crossing)?;
        let log = destroy_log.as_ref().map(DestroyLog::state);
        let namespace = Arc::new(Namespace::open(netns.as_deref()).map_err(crossing)?);
        let hold = Hold {
            guarded: hold.guarded,
            unguarded: hold.unguarded,
        };
        let socket = EventSocket::open(namespace, groups, receive_buffer, hold).map_err(crossing)?;
        let guard = socket.guard().map_err(str::to_owned);
        let tap = tapped.then(Arc::<EventTap>::default);
        let reader = EventReader::new(filter, destroy_log, tap.clone());
        let listener = Listener::start(socket, reader, waker(on_ready)?).map_err(crossing)?;
        Ok(Self {
            listener,
            log,
            tap,
            guard,
        })
    }

    /// NETLINK_BROADCAST_ERROR: while it is on, the kernel keeps a dying connection whose event does not fit, and delivers the
    /// event again.
    #[napi]
    pub fn set_broadcast_error(&self, on: bool) -> Result<()> {
        self.socket()?.set_broadcast_error(on).map_err(crossing)
    }

    /// Whether a filter in the kernel bounds what it holds of ended connections.
    #[napi]
    pub fn is_guarded(&self) -> bool {
        self.guard == Ok(true)
    }

    /// Why the kernel has not taken the filter; null where it has, or where none was wanted.
    #[napi]
    pub fn guard_failure(&self) -> Option<String> {
        self.guard.as_ref().err().cloned()
    }

    /// What the kernel has dropped so far, and how full its table is; null once the listener is closed.
    #[napi]
    pub fn pressure(&self) -> Result<Option<EventPressure>> {
        let Some(socket) = self.listener.socket() else {
            return Ok(None);
        };
        let pressure = socket.pressure().map_err(crossing)?;
        Ok(Some(EventPressure {
            drops: pressure.drops,
            guarded: pressure.guarded as f64,
            table_max: pressure.table.map(|(max, _)| max),
            table_count: pressure.table.map(|(_, count)| count),
        }))
    }

    /// Where the listener is guarded: lets pass the events that fit into the receive buffer now, whenever they come, and more
    /// as long as one of two leases says so. Others are dropped and counted.
    #[napi]
    pub fn renew_leases(&self, first: EventLease, second: EventLease) -> Result<()> {
        let Some(socket) = self.listener.socket() else {
            return Ok(());
        };
        let lease = |EventLease { events, milliseconds }| Lease {
            events,
            time: Duration::from_millis(milliseconds.into()),
        };
        socket.renew([lease(first), lease(second)]).map_err(crossing)
    }

    /// What became of the rows that belong into the log; null where there is none.
    #[napi]
    pub fn destroy_log_counts(&self) -> Option<DestroyLogCounts> {
        self.log.as_ref().map(|log| log.counts().into())
    }

    /// Rows below this place need not be kept any more; the file's header has that already.
    #[napi]
    pub fn free_destroy_log(&self, place: f64) {
        if let Some(log) = &self.log {
            log.free(place as u64);
        }
    }

    /// Goes on in another file with the same capacity, whose rows begin where this one is.
    #[napi]
    pub fn replace_destroy_log(&self, path: String) -> Result<()> {
        match &self.log {
            Some(log) => log.replace(Path::new(&path)).map_err(crossing),
            None => Ok(()),
        }
    }

    /// Netlink messages of the rows that were made since the last call; null where there are none, or they are not kept.
    #[napi]
    pub fn take_messages(&self) -> Option<EventMessages> {
        let Tapped { messages, lost } = self.tap.as_ref()?.take();
        (!messages.is_empty()).then(|| EventMessages {
            messages: messages.into(),
            lost,
        })
    }

    /// How many connections stand on the kernel's dying list, `limit` at most; 10,000 take about 100 ms, more take longer
    /// with the square.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn dying_count(&self, limit: u32) -> Result<AsyncTask<Background<u32>>> {
        // given back when it is done: what holds a descriptor of a namespace keeps it from going
        let mut socket = Some(self.socket()?);
        Ok(background(move || {
            let socket = socket.take().expect("it is called once");
            dying_count(socket.namespace(), limit)
        }))
    }
}

impl EventListener {
    fn socket(&self) -> Result<Arc<EventSocket>> {
        let closed = || thrown(Code::Netlink, "The event listener is closed");
        self.listener.socket().ok_or_else(closed)
    }
}

listener_methods!(EventListener, EventCounts);

/// When the kernel holds ended connections whose event does not fit, to deliver it again (NETLINK_BROADCAST_ERROR).
#[napi(object)]
pub struct EventHold {
    /// Where it takes a filter that bounds what it holds.
    pub guarded: bool,
    /// Without the filter too.
    pub unguarded: bool,
}

/// So many events pass within so many milliseconds from now on.
#[napi(object)]
pub struct EventLease {
    pub events: u32,
    pub milliseconds: u32,
}

/// What the kernel has dropped of events, and how full its table is.
#[napi(object)]
pub struct EventPressure {
    /// Events that did not fit into the receive buffer, modulo 2^32; each attempt to deliver one counts.
    pub drops: u32,
    /// Events that the guard has dropped.
    pub guarded: f64,
    /// Connections that the table may have, 0 for any number; missing where it cannot be read.
    pub table_max: Option<u32>,
    /// Connections that it has, held ones among them.
    pub table_count: Option<u32>,
}

/// A destroy log that is there, and where to go on in it.
#[napi(object)]
pub struct DestroyLogPlace {
    pub path: String,
    /// Records that it has room for.
    pub capacity: u32,
    /// Of the next row.
    pub place: f64,
    /// Places below it are free.
    pub done: f64,
}

/// What became of the rows that belong into the destroy log.
#[napi(object)]
pub struct DestroyLogCounts {
    pub written: f64,
    /// Without room: too many are not exported yet.
    pub full: f64,
    /// The disk did not take them.
    pub failed: f64,
    /// Without the id or the start by which they would be known again.
    pub without_identity: f64,
}

from_counts!(conntrack::DestroyLogCounts => DestroyLogCounts { written, full, failed, without_identity });

/// Messages of events.
#[napi(object)]
pub struct EventMessages {
    /// Whole netlink messages in their order.
    pub messages: Uint8Array,
    /// Messages that are not among them, as too many waited.
    pub lost: u32,
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

from_counts!(conntrack::EventCounts => EventCounts { created, updated, destroyed, filtered, malformed, ignored, truncated, overrun });
