//! One session: a handshake, then messages, each in a record and a datagram of its own.

use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_int, c_long, c_uint, c_void};
use std::mem::take;
use std::net::IpAddr;
use std::ptr::{null, null_mut};

use super::context::Context;
use super::openssl::{OpenSsl, Ssl, take_reason};
use super::wire::{Wire, bio_over, no_memory};
use crate::error::{Code, Error};

// include/openssl/ssl.h, tls1.h, x509_vfy.h, x509v3.h
const SSL_ERROR_WANT_READ: c_int = 2;
const SSL_ERROR_ZERO_RETURN: c_int = 6;
const SSL_VERIFY_PEER: c_int = 1;
const SSL_VERIFY_FAIL_IF_NO_PEER_CERT: c_int = 2;
const SSL_CTRL_SET_TLSEXT_HOSTNAME: c_int = 55;
const DTLS_CTRL_GET_TIMEOUT: c_int = 73;
const DTLS_CTRL_HANDLE_TIMEOUT: c_int = 74;
const DTLS_CTRL_SET_LINK_MTU: c_int = 120;
const X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS: c_uint = 4;

/// Octets of a record at most, RFC 6347 section 4.1.
const LARGEST: usize = 16_384;
/// Microseconds until a flight of the handshake is sent again; each time twice as long. RFC 6347 section 4.2.4.1 has a second, and
/// lets those that are in a hurry take less.
const FIRST_TIMEOUT: c_uint = 250_000;
const LONGEST_TIMEOUT: c_uint = 4_000_000;

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Of a server: no peer has shown yet that it is where it says it is. Nothing is kept of any.
    Listening,
    /// The handshake is under way.
    Handshake,
    /// Messages go both ways; both sides have been verified as far as was asked.
    Open,
    /// The other side has ended it (close_notify), or this one.
    Closed,
    /// See [`Session::reason`].
    Failed,
}

/// One end of a session. Nothing waits: datagrams are put in with [`Session::receive`] and taken with [`Session::take_datagrams`].
pub struct Session {
    openssl: &'static OpenSsl,
    ssl: *mut Ssl,
    /// OpenSSL's BIO has it too: it is reached by this pointer alone, and freed after the BIO.
    wire: *mut Wire,
    state: State,
    reason: String,
}

impl Session {
    /// Begins a handshake with a server whose certificate must be for `name`, a name or an IP address.
    ///
    /// `packet`: octets of an IP packet at most, of which `headers` are those of IP and UDP.
    pub fn client(context: &Context, name: &str, packet: u32, headers: u32) -> Result<Self, Error> {
        let mut session = Self::new(context, packet, headers)?;
        let Self { openssl, ssl, .. } = session;
        let wrong = || Error::new(Code::Tls, format!("'{name}' is no name that a certificate can have"));
        let text = CString::new(name).map_err(|_| wrong())?;
        // SAFETY: the session is open, and the text ends with a zero and lives over the calls, which copy it.
        let set = unsafe {
            (openssl.SSL_set_verify)(ssl, SSL_VERIFY_PEER, null());
            (openssl.SSL_set_connect_state)(ssl);
            let parameters = (openssl.SSL_get0_param)(ssl);
            if name.parse::<IpAddr>().is_ok() {
                (openssl.X509_VERIFY_PARAM_set1_ip_asc)(parameters, text.as_ptr()) == 1
            } else {
                (openssl.X509_VERIFY_PARAM_set_hostflags)(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
                // RFC 6066 section 3: a name, no address
                !name.is_empty()
                    && (openssl.X509_VERIFY_PARAM_set1_host)(parameters, text.as_ptr(), name.len()) == 1
                    && (openssl.SSL_ctrl)(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, text.as_ptr().cast_mut().cast()) == 1
            }
        };
        if !set {
            return Err(wrong());
        }
        session.state = State::Handshake;
        session.advance();
        Ok(session)
    }

    /// Waits for a client, which is to have a certificate where `verify` says so.
    pub fn server(context: &Context, verify: bool, packet: u32, headers: u32) -> Result<Self, Error> {
        let session = Self::new(context, packet, headers)?;
        let mode = if verify {
            SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
        } else {
            0
        };
        // SAFETY: the session is open.
        unsafe {
            (session.openssl.SSL_set_verify)(session.ssl, mode, null());
            (session.openssl.SSL_set_accept_state)(session.ssl);
        }
        Ok(session)
    }

    fn new(context: &Context, packet: u32, headers: u32) -> Result<Self, Error> {
        let openssl = context.openssl;
        // SAFETY: the context is open, and the session keeps a reference to it.
        let ssl = unsafe { (openssl.SSL_new)(context.ctx) };
        if ssl.is_null() {
            return Err(no_memory());
        }
        let wire = Box::into_raw(Box::new(Wire {
            incoming: VecDeque::new(),
            outgoing: Vec::new(),
            headers: c_long::from(headers as i32),
            peer: Vec::new(),
            secret: context.secret,
        }));
        let session = Self {
            openssl,
            ssl,
            wire,
            state: State::Listening,
            reason: String::new(),
        };
        let bio = bio_over(openssl, wire)?;
        // SAFETY: the session owns the BIO from now on, for both directions; `wire` is freed after it.
        let set = unsafe {
            (openssl.SSL_set_bio)(ssl, bio, bio);
            (openssl.DTLS_set_timer_cb)(ssl, next_timeout);
            (openssl.SSL_ctrl)(ssl, DTLS_CTRL_SET_LINK_MTU, packet as c_long, null_mut())
        };
        if set == 0 {
            return Err(Error::new(
                Code::Tls,
                format!("DTLS needs packets above {packet} octets"),
            ));
        }
        Ok(session)
    }

    /// How far it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// Why it failed: a code as Node has them, or a text of OpenSSL; empty otherwise.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Octets of a message at most, once it is open.
    pub fn largest(&self) -> usize {
        // SAFETY: the session is open.
        unsafe { (self.openssl.DTLS_get_data_mtu)(self.ssl) }.min(LARGEST)
    }

    /// What a datagram brings: messages, or a step of the handshake. What is not of this session is dropped without a word, as RFC 6347
    /// section 4.1.2.7 wants it. `peer` is where it comes from.
    pub fn receive(&mut self, datagram: &[u8], peer: &[u8]) -> Vec<Vec<u8>> {
        // SAFETY: OpenSSL has the wire only within its own calls.
        let wire = unsafe { &mut *self.wire };
        if wire.peer != peer {
            wire.peer = peer.to_vec();
        }
        wire.incoming.push_back(datagram.to_vec());
        let messages = self.advance();
        // SAFETY: as above.
        unsafe { &mut *self.wire }.incoming.clear();
        messages
    }

    /// The datagram of a message of up to [`Session::largest`] octets; None where the session is not open, or the message is too large.
    pub fn seal(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        if self.state != State::Open || message.len() > LARGEST {
            return None;
        }
        // SAFETY: the session is open; OpenSSL only reads the message.
        let written = unsafe {
            (self.openssl.ERR_clear_error)();
            (self.openssl.SSL_write)(self.ssl, message.as_ptr().cast(), message.len() as c_int)
        };
        if written <= 0 {
            self.fail(written);
            return None;
        }
        // SAFETY: OpenSSL has the wire only within its own calls.
        unsafe { &mut *self.wire }.outgoing.pop()
    }

    /// What is to be sent beside messages: the handshake, and the end.
    pub fn take_datagrams(&mut self) -> Vec<Vec<u8>> {
        // SAFETY: OpenSSL has the wire only within its own calls.
        take(&mut unsafe { &mut *self.wire }.outgoing)
    }

    /// Milliseconds until [`Session::handle_timeout`] is to be called; None while there is nothing to repeat.
    pub fn timeout(&self) -> Option<u32> {
        let mut left = libc::timeval { tv_sec: 0, tv_usec: 0 };
        // SAFETY: OpenSSL writes one timeval.
        let set = unsafe { (self.openssl.SSL_ctrl)(self.ssl, DTLS_CTRL_GET_TIMEOUT, 0, (&raw mut left).cast()) };
        let milliseconds = left.tv_sec as f64 * 1e3 + left.tv_usec as f64 / 1e3;
        (set == 1).then_some(milliseconds.ceil() as u32)
    }

    /// Repeats the last flight of the handshake where it is time.
    pub fn handle_timeout(&mut self) {
        if self.state != State::Handshake {
            return;
        }
        // SAFETY: the session is open.
        let handled = unsafe {
            (self.openssl.ERR_clear_error)();
            (self.openssl.SSL_ctrl)(self.ssl, DTLS_CTRL_HANDLE_TIMEOUT, 0, null_mut())
        };
        if handled < 0 {
            self.reason = take_reason(self.openssl).unwrap_or_default();
            self.state = State::Failed;
        }
    }

    /// The other side's certificate in DER; None where it has given none.
    pub fn peer_certificate(&self) -> Option<Vec<u8>> {
        // SAFETY: the certificate is the caller's, and freed; it is written into as many octets as it was said to have.
        unsafe {
            let certificate = (self.openssl.SSL_get1_peer_certificate)(self.ssl);
            if certificate.is_null() {
                return None;
            }
            let length = (self.openssl.i2d_X509)(certificate, null_mut());
            let mut der = vec![0; usize::try_from(length).unwrap_or(0)];
            let mut end = der.as_mut_ptr();
            (self.openssl.i2d_X509)(certificate, &raw mut end);
            (self.openssl.X509_free)(certificate);
            Some(der)
        }
    }

    /// Ends it: sends close_notify, or answers that of the other side.
    pub fn close(&mut self) {
        if matches!(self.state, State::Open | State::Closed) {
            // SAFETY: the session is open.
            unsafe {
                (self.openssl.ERR_clear_error)();
                (self.openssl.SSL_shutdown)(self.ssl);
                (self.openssl.ERR_clear_error)();
            }
        }
    }

    fn advance(&mut self) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        // SAFETY: the queue of errors is the thread's own.
        unsafe { (self.openssl.ERR_clear_error)() };
        if self.state == State::Listening {
            self.listen();
        }
        if self.state == State::Handshake {
            // SAFETY: the session is open.
            match unsafe { (self.openssl.SSL_do_handshake)(self.ssl) } {
                1 => self.state = State::Open,
                result => self.fail(result),
            }
        }
        while self.state == State::Open {
            let mut message = vec![0; LARGEST];
            // SAFETY: the buffer has as many octets.
            let read =
                unsafe { (self.openssl.SSL_read)(self.ssl, message.as_mut_ptr().cast::<c_void>(), LARGEST as c_int) };
            if read <= 0 {
                self.fail(read);
                break;
            }
            message.truncate(read as usize);
            message.shrink_to_fit();
            messages.push(message);
        }
        messages
    }

    /// Answers a ClientHello with a cookie, or goes on where it has one.
    fn listen(&mut self) {
        // SAFETY: the address is OpenSSL's, and freed.
        unsafe {
            let address = (self.openssl.BIO_ADDR_new)();
            if (self.openssl.DTLSv1_listen)(self.ssl, address) > 0 {
                self.state = State::Handshake;
            }
            (self.openssl.BIO_ADDR_free)(address);
            // of what is no ClientHello
            (self.openssl.ERR_clear_error)();
        }
    }

    /// What a result means that is no success; nothing where only more datagrams are needed.
    fn fail(&mut self, result: c_int) {
        // SAFETY: the session is open.
        match unsafe { (self.openssl.SSL_get_error)(self.ssl, result) } {
            SSL_ERROR_WANT_READ => {}
            SSL_ERROR_ZERO_RETURN => self.state = State::Closed,
            _ => {
                let reason = take_reason(self.openssl);
                self.state = State::Failed;
                self.reason = match reason {
                    Some(reason) if !reason.ends_with("_CERTIFICATE_VERIFY_FAILED") => reason,
                    Some(_) => self.verdict(),
                    None => "ERR_SSL_PROTOCOL_ERROR".into(),
                };
            }
        }
    }

    /// Why the other side's certificate does not do, by Node's codes (X509Pointer of src/ncrypto.cc); a name as Node's own check says it.
    fn verdict(&self) -> String {
        // SAFETY: the session is open; the string is constant and ends with a zero.
        let (result, text) = unsafe {
            let result = (self.openssl.SSL_get_verify_result)(self.ssl);
            (
                result,
                CStr::from_ptr((self.openssl.X509_verify_cert_error_string)(result)),
            )
        };
        match result {
            2 => "UNABLE_TO_GET_ISSUER_CERT".into(),
            9 => "CERT_NOT_YET_VALID".into(),
            10 => "CERT_HAS_EXPIRED".into(),
            18 => "DEPTH_ZERO_SELF_SIGNED_CERT".into(),
            19 => "SELF_SIGNED_CERT_IN_CHAIN".into(),
            20 => "UNABLE_TO_GET_ISSUER_CERT_LOCALLY".into(),
            21 => "UNABLE_TO_VERIFY_LEAF_SIGNATURE".into(),
            62 | 64 => "ERR_TLS_CERT_ALTNAME_INVALID".into(),
            _ => text.to_string_lossy().into_owned(),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: OpenSSL frees the session with its BIO; the wire was made by a Box and is reached by nobody else then.
        unsafe {
            (self.openssl.SSL_free)(self.ssl);
            drop(Box::from_raw(self.wire));
        }
    }
}

/// Microseconds after those that have passed in vain; 0 at the beginning.
extern "C" fn next_timeout(_: *mut Ssl, passed: c_uint) -> c_uint {
    match passed {
        0 => FIRST_TIMEOUT,
        passed => passed.saturating_mul(2).min(LONGEST_TIMEOUT),
    }
}
