//! Listeners for Node: a thread reads, JavaScript is woken and takes rows.

mod events;
mod nflog;

use crate::error::{Result, thrown};
use ctflow_core::error::Code;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;

/// What wakes JavaScript, from any thread. It keeps no process alive.
fn waker(on_ready: Function<(), ()>) -> Result<impl Fn() + Send + use<>> {
    let on_ready = on_ready
        .build_threadsafe_function::<()>()
        .weak::<true>()
        .max_queue_size::<1>()
        .build()
        .map_err(|error| thrown(Code::Netlink, error.reason.clone()))?;
    // A call that finds no place in the queue stands there already.
    Ok(move || {
        on_ready.call((), ThreadsafeFunctionCallMode::NonBlocking);
    })
}

/// The methods that every class with a member `listener` has.
macro_rules! listener_methods {
    ($class:ident, $counts:ident) => {
        #[napi_derive::napi]
        impl $class {
            /// Bytes of the receive buffer as the kernel counts them, twice of what was asked for where that was granted.
            #[napi]
            pub fn receive_buffer(&self) -> u32 {
                self.listener.receive_buffer()
            }

            /// Moves rows to the start of `rows`, as many as fit, and returns how many. Throws where there are none and the
            /// listener has failed.
            #[napi]
            pub fn take(&self, mut rows: napi::bindgen_prelude::Uint8ArraySlice) -> crate::error::Result<u32> {
                // SAFETY: nothing else runs in JavaScript while it waits for this call.
                let taken = self.listener.take(unsafe { rows.as_mut() });
                taken.map(|taken| taken as u32).map_err(crate::error::crossing)
            }

            /// Asks for the messages that wait in the receive buffer now; returns the number of the request.
            #[napi]
            pub fn drain(&self) -> u32 {
                self.listener.drain()
            }

            /// The last such request whose rows were all taken.
            #[napi]
            pub fn drained(&self) -> u32 {
                self.listener.drained()
            }

            /// Counts so far; those of a row before it can be taken.
            #[napi]
            pub fn counts(&self) -> $counts {
                self.listener.counts().into()
            }

            /// Leaves the groups: the kernel sends what it has gathered, and nothing more. Messages that wait can still be
            /// drained.
            #[napi]
            pub fn leave(&self) -> crate::error::Result<()> {
                self.listener.leave().map_err(crate::error::crossing)
            }

            /// Ends the thread and closes the socket. Rows that were not taken stay.
            #[napi]
            pub fn close(&self) {
                self.listener.close();
            }
        }
    };
}
use listener_methods;

/// Counts of ctflow-core as an object of numbers.
macro_rules! from_counts {
    ($core:path => $name:ident { $($field:ident),* }) => {
        impl From<$core> for $name {
            fn from(counts: $core) -> Self {
                Self { $($field: counts.$field as f64,)* }
            }
        }
    };
}
use from_counts;
