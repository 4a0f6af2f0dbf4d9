//! The dump socket for Node: reads run on libuv's threads, one at a time.

use crate::error::{Background, Result, background, crossing, thrown};
use crate::filter_of;
use crate::owner_lookup::OwnerLookup;
use crate::route_lookup::RouteLookup;
use ctflow_core::conntrack::{CpuCounters, DumpSocket, flowtables, read_sysctl, table_statistics, write_sysctl};
use ctflow_core::error::Code;
use ctflow_core::listen::lock;
use ctflow_core::route::{Interface, interfaces, local_addresses};
use ctflow_core::sys::{Namespace, thread_cpu};
use napi::bindgen_prelude::{AsyncTask, Uint8Array};
use napi_derive::napi;
use std::sync::{Arc, Mutex};

/// Where the socket is when no read has it.
#[derive(Default)]
struct Slot {
    socket: Option<DumpSocket>,
    /// None once it is closed: what holds a descriptor of a namespace keeps it from going.
    namespace: Option<Arc<Namespace>>,
}

impl Slot {
    fn borrow(&mut self) -> Result<&mut DumpSocket> {
        if self.namespace.is_none() {
            return Err(thrown(Code::Netlink, "The conntrack socket is closed"));
        }
        let busy = || thrown(Code::Netlink, "A read of the conntrack socket is under way");
        self.socket.as_mut().ok_or_else(busy)
    }
}

/// A ctnetlink socket. Everything but the reads returns at once.
#[napi]
pub struct ConntrackSocket {
    slot: Arc<Mutex<Slot>>,
}

#[napi]
impl ConntrackSocket {
    /// @param netns name under /run/netns or a path; without it the namespace of this process
    #[napi(constructor)]
    pub fn new(netns: Option<String>) -> Result<Self> {
        let namespace = Arc::new(Namespace::open(netns.as_deref()).map_err(crossing)?);
        let socket = DumpSocket::open(namespace.clone()).map_err(crossing)?;
        Ok(Self {
            slot: Arc::new(Mutex::new(Slot {
                socket: Some(socket),
                namespace: Some(namespace),
            })),
        })
    }

    /// Begins a dump; the next read asks the kernel for it. An unfinished one is given up.
    /// @param words see filterWords
    #[napi]
    pub fn start_dump(&self, words: &[u32]) -> Result<()> {
        let filter = filter_of(words)?;
        lock(&self.slot).borrow()?.start(filter);
        Ok(())
    }

    /// Fills `out` (at least 32 KiB) with the dump's netlink bytes, whole messages; `out` must not be touched until the
    /// promise settles.
    #[napi(ts_return_type = "Promise<BytesRead>")]
    pub fn read_raw(&self, mut out: Uint8Array) -> Result<AsyncTask<Background<BytesRead>>> {
        let slot = self.slot.clone();
        let mut lent = {
            let mut slot = lock(&slot);
            slot.borrow()?;
            slot.socket.take()
        };
        Ok(background(move || {
            let mut socket = lent.take().expect("it is called once");
            let before = thread_cpu();
            // SAFETY: the caller leaves the buffer alone until the promise settles (src/sources/netlink.ts), and this closure
            // keeps it alive.
            let result = socket.read_raw(unsafe { out.as_mut() });
            let cpu = thread_cpu() - before;
            // given back before the promise settles
            let mut slot = lock(&slot);
            if slot.namespace.is_some() {
                slot.socket = Some(socket);
            }
            result.map(|read| BytesRead {
                bytes: read.bytes as u32,
                truncated: read.truncated,
                overrun: read.overrun,
                ignored: read.ignored,
                at: read.at,
                done: read.done,
                interrupted: read.interrupted,
                error: read.error,
                cpu,
            })
        }))
    }

    /// The text of /proc/sys/net/netfilter/`name` in the socket's namespace, null where there is none.
    #[napi]
    pub fn sysctl(&self, name: String) -> Result<Option<String>> {
        read_sysctl(&*self.namespace()?, &name).map_err(crossing)
    }

    /// Addresses of the interfaces in the socket's namespace, as text.
    #[napi]
    pub fn local_addresses(&self) -> Result<Vec<String>> {
        let addresses = local_addresses(&*self.namespace()?).map_err(crossing)?;
        Ok(addresses.iter().map(ToString::to_string).collect())
    }

    /// Interfaces of the socket's namespace.
    #[napi]
    pub fn interfaces(&self) -> Result<Vec<NetworkInterface>> {
        let found = interfaces(&*self.namespace()?).map_err(crossing)?;
        let crossed = found
            .into_iter()
            .map(|Interface { index, name, alias }| NetworkInterface { index, name, alias });
        Ok(crossed.collect())
    }

    /// What the kernel counts of the table in the socket's namespace.
    #[napi]
    pub fn statistics(&self) -> Result<TableStatistics> {
        let found = table_statistics(&*self.namespace()?).map_err(crossing)?;
        Ok(TableStatistics {
            entries: found.entries,
            limit: found.limit,
            cpus: found.cpus.into_iter().map(CpuStatistics::from).collect(),
        })
    }

    /// The flowtables of the socket's namespace.
    #[napi]
    pub fn flowtables(&self) -> Result<Vec<Flowtable>> {
        let found = flowtables(&*self.namespace()?).map_err(crossing)?;
        let crossed = found
            .into_iter()
            .map(|ctflow_core::conntrack::Flowtable { name, counts }| Flowtable { name, counts });
        Ok(crossed.collect())
    }

    /// Asks for the interfaces of flows in the socket's namespace; open for itself, as it holds the namespace too.
    /// @param ctmark the conntrack mark is that of the packets
    #[napi]
    pub fn routes(&self, ctmark: bool) -> Result<RouteLookup> {
        RouteLookup::open(self.namespace()?, ctmark)
    }

    /// Asks for the owners of connections by the sockets of its namespace; open for itself.
    #[napi]
    pub fn owners(&self) -> Result<OwnerLookup> {
        OwnerLookup::open(&*self.namespace()?)
    }

    /// Writes such a file.
    #[napi]
    pub fn set_sysctl(&self, name: String, value: String) -> Result<()> {
        write_sysctl(&*self.namespace()?, &name, &value).map_err(crossing)
    }

    /// A read that is under way ends before the socket does.
    #[napi]
    pub fn close(&self) {
        let mut slot = lock(&self.slot);
        slot.namespace = None;
        slot.socket = None;
    }
}

impl ConntrackSocket {
    fn namespace(&self) -> Result<Arc<Namespace>> {
        let closed = || thrown(Code::Netlink, "The conntrack socket is closed");
        lock(&self.slot).namespace.clone().ok_or_else(closed)
    }
}

/// An interface; the alias is empty where it has none.
#[napi(object)]
pub struct NetworkInterface {
    pub index: u32,
    pub name: String,
    pub alias: String,
}

/// A flowtable, as nft names it, and whether it has `counter`.
#[napi(object)]
pub struct Flowtable {
    pub name: String,
    pub counts: bool,
}

/// The table of a namespace.
#[napi(object)]
pub struct TableStatistics {
    /// Entries now.
    pub entries: u32,
    /// Entries that it may have, 0 for any number; absent before Linux 4.18.
    pub limit: Option<u32>,
    pub cpus: Vec<CpuStatistics>,
}

/// What one CPU has counted; each counter has 32 bits and begins again at 0.
#[napi(object)]
pub struct CpuStatistics {
    pub cpu: u32,
    pub found: u32,
    pub invalid: u32,
    pub insert: u32,
    pub insert_failed: u32,
    pub drop: u32,
    pub early_drop: u32,
    pub icmp_error: u32,
    pub search_restart: u32,
    pub clash_resolve: u32,
    pub chain_too_long: u32,
}

impl From<CpuCounters> for CpuStatistics {
    fn from(CpuCounters { cpu, counters }: CpuCounters) -> Self {
        let [
            found,
            invalid,
            insert,
            insert_failed,
            drop,
            early_drop,
            icmp_error,
            search_restart,
            clash_resolve,
            chain_too_long,
        ] = counters;
        Self {
            cpu: cpu.into(),
            found,
            invalid,
            insert,
            insert_failed,
            drop,
            early_drop,
            icmp_error,
            search_restart,
            clash_resolve,
            chain_too_long,
        }
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
    /// Milliseconds of CPU of the thread that read: the kernel fills the answers in it.
    pub cpu: f64,
}
