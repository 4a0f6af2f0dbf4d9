//! ctflow-core for Node: thin functions only. Its own errors have a code of src/common/errors.ts in JavaScript.
#![allow(missing_docs)] // the macro generates public items

#[cfg(feature = "allocation-count")]
pub mod allocation_count;
#[cfg(target_os = "linux")]
mod conntrack_socket;
#[cfg(unix)]
mod dtls;
mod error;
mod flow_encoder;
#[cfg(target_os = "linux")]
mod listen;
#[cfg(target_os = "linux")]
mod owner_lookup;
#[cfg(target_os = "linux")]
mod route_lookup;
#[cfg(target_os = "linux")]
mod udp_sender;

use ctflow_core::error::Code;
use ctflow_core::row::{FILTER_WORDS, Filter, LAYOUT_VERSION};
use error::{Result, crossing, thrown};
use napi::bindgen_prelude::Uint8ArraySlice;
use napi_derive::napi;

/// Compared with the generated TypeScript constant before anything else is called.
#[napi]
pub fn layout_version() -> u32 {
    LAYOUT_VERSION
}

/// Decoded of src/backend/backend.ts.
#[napi(object)]
pub struct Decoded {
    pub rows: u32,
    pub consumed: u32,
    pub filtered: u32,
    pub malformed: u32,
    pub ignored: u32,
    pub done: bool,
    pub interrupted: bool,
    pub error: u32,
}

/// Backend.decode of src/backend/backend.ts.
#[napi]
pub fn decode(netlink: &[u8], little_endian: bool, words: &[u32], mut rows: Uint8ArraySlice) -> Result<Decoded> {
    let filter = filter_of(words)?;
    apart(netlink, &rows)?;
    // SAFETY: nothing else runs while JavaScript waits for this call, and `rows` overlaps no other argument that is read.
    let rows = unsafe { rows.as_mut() };
    let decoded = ctflow_core::conntrack::decode(netlink, little_endian, &filter, rows);
    Ok(Decoded {
        rows: decoded.rows,
        consumed: decoded.consumed as u32,
        filtered: decoded.filtered,
        malformed: decoded.malformed,
        ignored: decoded.ignored,
        done: decoded.done,
        interrupted: decoded.interrupted,
        error: decoded.error,
    })
}

/// Backend.limitUnsent of src/backend/backend.ts.
#[napi]
pub fn limit_unsent(fd: i32, octets: u32) -> bool {
    #[cfg(target_os = "linux")]
    return ctflow_core::sys::limit_unsent(fd, octets);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (fd, octets);
        false
    }
}

/// Backend.threadCpu of src/backend/backend.ts.
#[napi]
pub fn thread_cpu() -> f64 {
    #[cfg(target_os = "linux")]
    return ctflow_core::sys::thread_cpu();
    #[cfg(not(target_os = "linux"))]
    0.0
}

/// Sends two datagrams in one buffer over loopback, in a network namespace of its own: 0 where two arrive, else an errno.
#[napi]
pub fn test_udp_segmentation() -> i32 {
    #[cfg(target_os = "linux")]
    return match ctflow_core::sys::test_segmentation() {
        Ok(()) => 0,
        Err(error) => error.raw_os_error().unwrap_or(libc::EIO),
    };
    #[cfg(not(target_os = "linux"))]
    libc::ENOSYS
}

/// Backend.sendUnixDatagram of src/backend/backend.ts: 0, or an errno.
#[napi]
pub fn send_unix_datagram(address: String, bytes: &[u8], by_memfd: bool) -> i32 {
    #[cfg(target_os = "linux")]
    return match ctflow_core::sys::send_unix_datagram(&address, bytes, by_memfd) {
        Ok(()) => 0,
        Err(error) => error.raw_os_error().unwrap_or(libc::EINVAL),
    };
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (address, bytes, by_memfd);
        libc::ENOSYS
    }
}

/// Backend.lockFile of src/backend/backend.ts.
#[napi]
pub fn lock_file(fd: i32) -> Result<bool> {
    #[cfg(target_os = "linux")]
    return ctflow_core::sys::lock_file(fd).map_err(crossing);
    #[cfg(not(target_os = "linux"))]
    Err(thrown(
        Code::State,
        format!("File {fd} cannot be locked on this system"),
    ))
}

fn filter_of(words: &[u32]) -> Result<Filter> {
    let wrong = || {
        thrown(
            Code::Usage,
            format!("A filter of {} words; it has {FILTER_WORDS}", words.len()),
        )
    };
    Filter::from_words(words).ok_or_else(wrong)
}

/// Refuses a buffer that is both read and written.
fn apart<A, B>(read: &[A], written: &[B]) -> Result<()> {
    let (read, written) = (read.as_ptr_range(), written.as_ptr_range());
    if read.start.cast::<u8>() < written.end.cast() && written.start.cast::<u8>() < read.end.cast() {
        return Err(thrown(Code::Usage, "One buffer is given to read from and to write to"));
    }
    Ok(())
}
