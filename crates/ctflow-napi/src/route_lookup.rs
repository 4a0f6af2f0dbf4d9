//! RouteLookup of src/sources/netlink.ts.

use crate::apart;
use crate::error::{Result, crossing, thrown};
use ctflow_core::error::Code;
use ctflow_core::route;
use ctflow_core::sys::Namespace;
use napi::bindgen_prelude::Uint32Array;
use napi_derive::napi;
use std::sync::Arc;

/// Asks the kernel for the interfaces of flows, and keeps what it has said until something changes.
#[napi]
pub struct RouteLookup {
    /// None once it is closed.
    lookup: Option<route::RouteLookup>,
    counts: route::RouteCounts,
}

impl RouteLookup {
    pub fn open(namespace: Arc<Namespace>, ctmark: bool) -> Result<Self> {
        Ok(Self {
            lookup: Some(route::RouteLookup::open(namespace, ctmark).map_err(crossing)?),
            counts: route::RouteCounts::default(),
        })
    }
}

#[napi]
impl RouteLookup {
    /// Writes ingress and egress of each slot to `out`, two words a slot: 0 for what is not known.
    /// @param rows of the store; @param reasons of each slot: one with 0 is left as it is; @param count of the slots
    #[napi]
    pub fn look(&mut self, rows: &[u8], slots: &[u32], reasons: &[u8], count: u32, mut out: Uint32Array) -> Result<()> {
        let closed = || thrown(Code::Netlink, "The look-up of routes is closed");
        let lookup = self.lookup.as_mut().ok_or_else(closed)?;
        apart(rows, &out)?;
        apart(slots, &out)?;
        apart(reasons, &out)?;
        let count = (count as usize).min(slots.len()).min(reasons.len());
        // SAFETY: nothing else runs while JavaScript waits for this call, and `out` overlaps nothing that is read.
        let out = unsafe { out.as_mut() };
        let looked = lookup.look(rows, &slots[..count], &reasons[..count], out);
        self.counts = lookup.counts();
        looked.map_err(crossing)
    }

    /// Counts so far.
    #[napi]
    pub fn counts(&self) -> RouteCounts {
        let route::RouteCounts {
            asked,
            forgotten,
            unreachable,
            ambiguous,
            postponed,
            failed,
        } = self.counts;
        RouteCounts {
            asked: asked as f64,
            forgotten: forgotten as f64,
            unreachable: unreachable as f64,
            ambiguous: ambiguous as f64,
            postponed: postponed as f64,
            failed: failed as f64,
        }
    }

    #[napi]
    pub fn close(&mut self) {
        self.lookup = None;
    }
}

/// RouteCounts of src/sources/source.ts.
#[napi(object)]
pub struct RouteCounts {
    pub asked: f64,
    pub forgotten: f64,
    pub unreachable: f64,
    pub ambiguous: f64,
    pub postponed: f64,
    pub failed: f64,
}
