//! DTLS sessions for Node, whose OpenSSL they use. Nothing waits; sockets and timers are JavaScript's.

use crate::error::{Result, crossing};
use ctflow_core::dtls::{Context, Files, Session, State};
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

/// Certificates and rules of one side.
#[napi]
pub struct DtlsContext {
    context: Context,
}

#[napi]
impl DtlsContext {
    /// All but `ciphers` in PEM, empty for none.
    /// @param ciphers as for TLS 1.2
    #[napi(constructor)]
    pub fn new(authorities: String, certificate: String, key: String, ciphers: String) -> Result<Self> {
        let files = Files {
            authorities: &authorities,
            certificate: &certificate,
            key: &key,
        };
        let context = Context::new(files, &ciphers).map_err(crossing)?;
        Ok(Self { context })
    }
}

/// One end of a session.
#[napi]
pub struct DtlsSession {
    session: Session,
}

#[napi]
impl DtlsSession {
    /// Begins a handshake with a server whose certificate must be for `name`.
    /// @param packet octets of an IP packet at most, of which `headers` are those of IP and UDP
    #[napi(factory)]
    pub fn client(context: &DtlsContext, name: String, packet: u32, headers: u32) -> Result<Self> {
        let session = Session::client(&context.context, &name, packet, headers).map_err(crossing)?;
        Ok(Self { session })
    }

    /// Waits for a client, which is to have a certificate where `verify` says so.
    #[napi(factory)]
    pub fn server(context: &DtlsContext, verify: bool, packet: u32, headers: u32) -> Result<Self> {
        let session = Session::server(&context.context, verify, packet, headers).map_err(crossing)?;
        Ok(Self { session })
    }

    #[napi(getter, ts_return_type = "'listening' | 'handshake' | 'open' | 'closed' | 'failed'")]
    pub fn state(&self) -> &'static str {
        match self.session.state() {
            State::Listening => "listening",
            State::Handshake => "handshake",
            State::Open => "open",
            State::Closed => "closed",
            State::Failed => "failed",
        }
    }

    /// Why it failed: a code as Node has them, or a text of OpenSSL.
    #[napi(getter)]
    pub fn reason(&self) -> String {
        self.session.reason().into()
    }

    /// Octets of a message at most, once it is open.
    #[napi(getter)]
    pub fn largest(&self) -> u32 {
        self.session.largest() as u32
    }

    /// Messages that a datagram brings.
    /// @param peer where it comes from
    #[napi(ts_return_type = "Array<Uint8Array>")]
    pub fn receive(&mut self, datagram: &[u8], peer: String) -> Vec<Buffer> {
        let messages = self.session.receive(datagram, peer.as_bytes());
        messages.into_iter().map(Buffer::from).collect()
    }

    /// The datagram of a message; null where the session is not open, or the message is too large.
    #[napi(ts_return_type = "Uint8Array | null")]
    pub fn seal(&mut self, message: &[u8]) -> Option<Buffer> {
        self.session.seal(message).map(Buffer::from)
    }

    /// What is to be sent beside messages.
    #[napi(ts_return_type = "Array<Uint8Array>")]
    pub fn take_datagrams(&mut self) -> Vec<Buffer> {
        self.session.take_datagrams().into_iter().map(Buffer::from).collect()
    }

    /// Milliseconds until `handleTimeout` is to be called; null while there is nothing to repeat.
    #[napi]
    pub fn timeout(&self) -> Option<u32> {
        self.session.timeout()
    }

    /// Repeats the last flight of the handshake where it is time.
    #[napi]
    pub fn handle_timeout(&mut self) {
        self.session.handle_timeout();
    }

    /// The other side's certificate in DER; null where it has given none.
    #[napi(ts_return_type = "Uint8Array | null")]
    pub fn peer_certificate(&self) -> Option<Buffer> {
        self.session.peer_certificate().map(Buffer::from)
    }

    /// Ends it: sends close_notify.
    #[napi]
    pub fn close(&mut self) {
        self.session.close();
    }
}
