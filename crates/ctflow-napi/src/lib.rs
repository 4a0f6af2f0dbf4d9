//! ctflow-core for Node: thin functions only.
#![allow(missing_docs)] // the macro generates public items

use napi_derive::napi;

/// Compared with the generated TypeScript constant before anything else is called.
#[napi]
pub fn layout_version() -> u32 {
    ctflow_core::row::LAYOUT_VERSION
}
