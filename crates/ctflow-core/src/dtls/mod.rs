//! DTLS 1.2 by the OpenSSL that the process has already: Node brings one and exports its functions. Datagrams go in and out as bytes;
//! sockets and clocks are the caller's.

mod context;
mod openssl;
mod session;
mod wire;

pub use context::{Context, Files};
pub use session::{Session, State};
