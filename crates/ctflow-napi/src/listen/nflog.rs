//! The NFLOG reader for Node.

use super::{from_counts, listener_methods, waker};
use crate::error::{Background, Result, background, crossing};
use crate::filter_of;
use ctflow_core::listen::{Listener, lock};
use ctflow_core::nflog::{self, NflogReader, NflogSocket, PrefixTable};
use ctflow_core::sys::Namespace;
use napi::bindgen_prelude::{AsyncTask, Function};
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
    pub fn prefix(&self, number: u32) -> LogPrefix {
        let prefixes = lock(&self.prefixes);
        let (group, prefix) = prefixes.get(number).unwrap_or_default();
        LogPrefix {
            group,
            prefix: String::from_utf8_lossy(prefix).into_owned(),
        }
    }

    /// The rules of nftables that log to its groups; null where none has changed since the last call, and once it is closed.
    #[napi(ts_return_type = "Promise<LogRules | null>")]
    pub fn changed_rules(&self) -> AsyncTask<Background<Option<LogRules>>> {
        // given back when it is done: what holds a socket of a namespace keeps it from going
        let mut socket = self.listener.socket();
        background(move || match socket.take() {
            Some(socket) => Ok(socket.changed_rules()?.map(LogRules::from)),
            None => Ok(None),
        })
    }

    /// How many prefixes have a number, 0 included.
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

/// A log prefix; empty, and of group 0, where the packet has none that is known.
#[napi(object)]
pub struct LogPrefix {
    pub group: u16,
    pub prefix: String,
}

/// What the rules that log to one group with one prefix have in common.
#[napi(object)]
pub struct LogRule {
    pub group: u16,
    pub prefix: String,
    /// Empty where they have none, or different ones.
    pub comment: String,
    /// Their comments are not the same.
    pub shared: bool,
    /// Each of them rejects what it logs.
    pub rejects: bool,
}

/// Rules that log to the groups of a reader, each group and prefix once.
#[napi(object)]
pub struct LogRules {
    pub rules: Vec<LogRule>,
    /// Rules without room.
    pub left_out: u32,
}

impl From<nflog::LogRules> for LogRules {
    fn from(found: nflog::LogRules) -> Self {
        let crossed = found.rules.into_iter().map(|rule| LogRule {
            group: rule.group,
            prefix: rule.prefix,
            comment: rule.comment,
            shared: rule.shared,
            rejects: rule.rejects,
        });
        Self {
            rules: crossed.collect(),
            left_out: found.left_out,
        }
    }
}

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
