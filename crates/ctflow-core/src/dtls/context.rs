//! Certificates and rules of one side.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::null_mut;

use super::openssl::{Bio, OpenSsl, SslCtx, X509, openssl, take_reason};
use super::wire::{check_cookie, give_cookie, no_memory};
use crate::error::{Code, Error};

// include/openssl/ssl.h, dtls1.h
const SSL_CTRL_SET_SESS_CACHE_MODE: c_int = 44;
const SSL_CTRL_CHAIN_CERT: c_int = 89;
const SSL_CTRL_SET_MIN_PROTO_VERSION: c_int = 123;
const DTLS1_2_VERSION: i64 = 0xfefd;
const SSL_OP_NO_QUERY_MTU: u64 = 1 << 12;
const SSL_OP_NO_TICKET: u64 = 1 << 14;
const SSL_OP_NO_COMPRESSION: u64 = 1 << 17;
const SSL_OP_NO_RENEGOTIATION: u64 = 1 << 30;

/// In PEM; empty for none.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    /// Authorities that the other side's certificate may come from.
    pub authorities: &'a str,
    /// The own certificate, and behind it those between it and its authority.
    pub certificate: &'a str,
    /// The key of the own certificate, without a passphrase.
    pub key: &'a str,
}

/// Of any number of sessions.
pub struct Context {
    pub(super) openssl: &'static OpenSsl,
    pub(super) ctx: *mut SslCtx,
    /// Of cookies.
    pub(super) secret: [u8; 32],
}

impl Context {
    /// DTLS 1.2 and newer.
    ///
    /// # Errors
    /// `BackendLacks` where the process has no DTLS, `Tls` where OpenSSL takes no part of the files; it has nothing of their content.
    pub fn new(files: Files<'_>, ciphers: &str) -> Result<Self, Error> {
        let openssl = openssl()?;
        // SAFETY: the method is constant.
        let ctx = unsafe { (openssl.SSL_CTX_new)((openssl.DTLS_method)()) };
        if ctx.is_null() {
            return Err(no_memory());
        }
        let mut context = Self {
            openssl,
            ctx,
            secret: [0; 32],
        };
        let done = context.configure(files, ciphers);
        let reason = take_reason(openssl);
        done.map_err(|what| {
            let why = reason.unwrap_or_else(|| "it cannot be understood".into());
            Error::new(Code::Tls, format!("OpenSSL does not take {what}: {why}"))
        })?;
        Ok(context)
    }

    /// The error says what is wrong.
    fn configure(&mut self, files: Files<'_>, ciphers: &str) -> Result<(), &'static str> {
        let Self { openssl, ctx, .. } = *self;
        let list = CString::new(ciphers).map_err(|_| "the ciphers")?;
        let options = SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION;
        // SAFETY: the context is open, the list ends with a zero, the secret has as many octets as are asked for, and the callbacks
        // have the signatures that OpenSSL wants.
        let set = unsafe {
            (openssl.ERR_clear_error)();
            (openssl.SSL_CTX_set_options)(ctx, options);
            // each session is verified for itself
            (openssl.SSL_CTX_ctrl)(ctx, SSL_CTRL_SET_SESS_CACHE_MODE, 0, null_mut());
            (openssl.SSL_CTX_set_cookie_generate_cb)(ctx, give_cookie);
            (openssl.SSL_CTX_set_cookie_verify_cb)(ctx, check_cookie);
            (openssl.SSL_CTX_ctrl)(ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, DTLS1_2_VERSION as _, null_mut()) == 1
                && (openssl.SSL_CTX_set_cipher_list)(ctx, list.as_ptr()) == 1
                && (openssl.RAND_bytes)(self.secret.as_mut_ptr(), self.secret.len() as c_int) == 1
        };
        if !set {
            return Err("the rules of DTLS 1.2");
        }
        for authority in certificates(openssl, files.authorities) {
            // SAFETY: the store and the list of names take references of their own.
            let taken = unsafe {
                (openssl.X509_STORE_add_cert)((openssl.SSL_CTX_get_cert_store)(ctx), authority.0) == 1
                    && (openssl.SSL_CTX_add_client_CA)(ctx, authority.0) == 1
            };
            if !taken {
                return Err("an authority");
            }
        }
        for (number, certificate) in certificates(openssl, files.certificate).enumerate() {
            // SAFETY: with the number 1 the context takes a reference of its own to a certificate of the chain, and always to the first.
            let taken = unsafe {
                match number {
                    0 => (openssl.SSL_CTX_use_certificate)(ctx, certificate.0) == 1,
                    _ => (openssl.SSL_CTX_ctrl)(ctx, SSL_CTRL_CHAIN_CERT, 1, certificate.0.cast()) == 1,
                }
            };
            if !taken {
                return Err("the certificate");
            }
        }
        if !files.key.is_empty() && !self.use_key(files.key) {
            return Err("the key");
        }
        Ok(())
    }

    fn use_key(&self, pem: &str) -> bool {
        let Self { openssl, ctx, .. } = *self;
        let Some(bio) = memory(openssl, pem) else { return false };
        // SAFETY: the BIO reads the PEM, which lives over the call; the context takes a reference of its own to the key.
        unsafe {
            let key = (openssl.PEM_read_bio_PrivateKey)(bio, null_mut(), no_password, null_mut());
            (openssl.BIO_free)(bio);
            if key.is_null() {
                return false;
            }
            let used = (openssl.SSL_CTX_use_PrivateKey)(ctx, key) == 1 && (openssl.SSL_CTX_check_private_key)(ctx) == 1;
            (openssl.EVP_PKEY_free)(key);
            used
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: it was opened once, and sessions have references of their own.
        unsafe { (self.openssl.SSL_CTX_free)(self.ctx) };
    }
}

struct Certificate(*mut X509, &'static OpenSsl);

impl Drop for Certificate {
    fn drop(&mut self) {
        // SAFETY: it was made by PEM_read_bio_X509.
        unsafe { (self.1.X509_free)(self.0) };
    }
}

/// Those in a PEM, up to its end.
fn certificates(openssl: &'static OpenSsl, pem: &str) -> impl Iterator<Item = Certificate> {
    let mut found = Vec::new();
    if let Some(bio) = memory(openssl, pem) {
        // SAFETY: the BIO reads the PEM, which lives over the call.
        unsafe {
            loop {
                let certificate = (openssl.PEM_read_bio_X509)(bio, null_mut(), no_password, null_mut());
                if certificate.is_null() {
                    break;
                }
                found.push(Certificate(certificate, openssl));
            }
            (openssl.BIO_free)(bio);
            // that there is no further one
            (openssl.ERR_clear_error)();
        }
    }
    found.into_iter()
}

/// A BIO that reads a text, None for an empty one; it is the caller's to free.
fn memory(openssl: &OpenSsl, text: &str) -> Option<*mut Bio> {
    let length = c_int::try_from(text.len()).ok().filter(|&length| length > 0)?;
    // SAFETY: OpenSSL only reads the text, while its caller has it.
    let bio = unsafe { (openssl.BIO_new_mem_buf)(text.as_ptr().cast(), length) };
    (!bio.is_null()).then_some(bio)
}

/// OpenSSL would ask the terminal.
extern "C" fn no_password(_: *mut c_char, _: c_int, _: c_int, _: *mut c_void) -> c_int {
    -1
}
