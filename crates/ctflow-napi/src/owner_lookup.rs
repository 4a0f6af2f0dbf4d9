//! SocketOwners of src/sources/source.ts.

use crate::error::{Background, Result, background, crossing, thrown};
use ctflow_core::error::Code;
use ctflow_core::listen::lock;
use ctflow_core::owner;
use ctflow_core::row::ROW_SIZE;
use ctflow_core::sys::Namespace;
use napi::bindgen_prelude::{AsyncTask, Uint32Array};
use napi_derive::napi;
use std::sync::{Arc, Mutex};

/// Asks the kernel for the sockets of connections, on one of libuv's threads.
#[napi]
pub struct OwnerLookup {
    lookup: Arc<Mutex<owner::OwnerLookup>>,
    /// After the last look.
    counts: Arc<Mutex<owner::OwnerCounts>>,
}

impl OwnerLookup {
    pub fn open(namespace: &Namespace) -> Result<Self> {
        let lookup = owner::OwnerLookup::open(namespace).map_err(crossing)?;
        Ok(Self {
            lookup: Arc::new(Mutex::new(lookup)),
            counts: Arc::default(),
        })
    }
}

#[napi]
impl OwnerLookup {
    /// @param rows of a store, which are copied; @param slots of the connections
    #[napi(ts_return_type = "Promise<LookedOwners>")]
    pub fn look(&self, rows: &[u8], slots: &[u32]) -> Result<AsyncTask<Background<LookedOwners>>> {
        let (all, _) = rows.as_chunks::<ROW_SIZE>();
        let row = |slot: &u32| all.get(*slot as usize).copied();
        let wrong = || thrown(Code::Usage, format!("slots of {} rows", all.len()));
        let copied: Vec<_> = slots.iter().map(row).collect::<Option<_>>().ok_or_else(wrong)?;
        let (lookup, counts) = (self.lookup.clone(), self.counts.clone());
        Ok(background(move || {
            let mut lookup = lock(&lookup);
            let before = lookup.counts().cpu;
            let looked = lookup.look(&copied);
            *lock(&counts) = lookup.counts();
            let cpu = lookup.counts().cpu - before;
            let owner::Looked { found, owners } = looked?;
            let crossed = owners.into_iter().map(|owner| SocketOwner {
                user: owner.user,
                cgroup: owner.cgroup,
                command: owner.command,
            });
            Ok(LookedOwners {
                found: found.into(),
                owners: crossed.collect(),
                cpu,
            })
        }))
    }

    /// Counts up to the last look.
    #[napi]
    pub fn counts(&self) -> OwnerCounts {
        let counts = *lock(&self.counts);
        OwnerCounts {
            looks: counts.looks as f64,
            sockets: counts.sockets as f64,
            connections: counts.connections as f64,
            named: counts.named as f64,
            without: counts.without as f64,
            ambiguous: counts.ambiguous as f64,
            unproven: counts.unproven as f64,
            ended: counts.ended as f64,
            cpu: counts.cpu,
        }
    }
}

/// Owners of src/sources/source.ts.
#[napi(object)]
pub struct LookedOwners {
    /// Two numbers a slot: 0 for none, else that of an owner, and 1 more.
    pub found: Uint32Array,
    pub owners: Vec<SocketOwner>,
    pub cpu: f64,
}

#[napi(object)]
pub struct SocketOwner {
    pub user: u32,
    pub cgroup: String,
    pub command: String,
}

/// OwnerCounts of src/sources/source.ts.
#[napi(object)]
pub struct OwnerCounts {
    pub looks: f64,
    pub sockets: f64,
    pub connections: f64,
    pub named: f64,
    pub without: f64,
    pub ambiguous: f64,
    pub unproven: f64,
    pub ended: f64,
    pub cpu: f64,
}
