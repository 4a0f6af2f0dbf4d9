//! What OpenSSL reads and writes: a BIO (bio(7)) of datagrams in memory.

use std::collections::VecDeque;
use std::ffi::{c_char, c_int, c_long, c_uint, c_void};
use std::sync::OnceLock;

use super::openssl::{Bio, BioMethod, OpenSsl, Ssl, openssl};
use crate::error::{Code, Error};

const BIO_TYPE_SOURCE_SINK: c_int = 0x0400;
const BIO_FLAGS_READ: c_int = 1;
const BIO_FLAGS_RWS: c_int = 7;
const BIO_FLAGS_SHOULD_RETRY: c_int = 8;
// include/openssl/bio.h
const BIO_CTRL_FLUSH: c_int = 11;
const BIO_CTRL_DGRAM_GET_MTU_OVERHEAD: c_int = 49;
/// Octets of a cookie: of SHA-256.
const COOKIE: usize = 32;

/// Datagrams of one session on their way in and out.
pub(super) struct Wire {
    pub(super) incoming: VecDeque<Vec<u8>>,
    pub(super) outgoing: Vec<Vec<u8>>,
    /// Octets of IP and UDP beside a datagram.
    pub(super) headers: c_long,
    /// Who the other side says it is; a cookie (RFC 6347 section 4.2.1) shows that it is there.
    pub(super) peer: Vec<u8>,
    /// Of the cookies.
    pub(super) secret: [u8; 32],
}

/// Of all sessions.
struct Method(*const BioMethod);
// SAFETY: once made it is only read.
unsafe impl Send for Method {}
// SAFETY: as above.
unsafe impl Sync for Method {}

/// A BIO over `wire`, which must live as long.
pub(super) fn bio_over(openssl: &OpenSsl, wire: *mut Wire) -> Result<*mut Bio, Error> {
    static METHOD: OnceLock<Method> = OnceLock::new();
    // SAFETY: the method's functions have the signatures that OpenSSL wants, and the name is constant. It is never freed.
    let method = METHOD.get_or_init(|| unsafe {
        let kind = (openssl.BIO_get_new_index)() | BIO_TYPE_SOURCE_SINK;
        let method = (openssl.BIO_meth_new)(kind, c"ctflow datagrams".as_ptr());
        if !method.is_null() {
            (openssl.BIO_meth_set_create)(method, create);
            (openssl.BIO_meth_set_read)(method, read);
            (openssl.BIO_meth_set_write)(method, write);
            (openssl.BIO_meth_set_ctrl)(method, control);
        }
        Method(method)
    });
    if method.0.is_null() {
        return Err(no_memory());
    }
    // SAFETY: the method lives as long as the process, and `wire` as long as the BIO.
    unsafe {
        let bio = (openssl.BIO_new)(method.0);
        if bio.is_null() {
            return Err(no_memory());
        }
        (openssl.BIO_set_data)(bio, wire.cast());
        (openssl.BIO_set_init)(bio, 1);
        Ok(bio)
    }
}

pub(super) fn no_memory() -> Error {
    Error::new(Code::Tls, "OpenSSL makes no DTLS session: it has no memory")
}

extern "C" fn create(_: *mut Bio) -> c_int {
    1
}

/// The wire of a BIO; only while no other reference to it lives.
unsafe fn wire_of<'a>(openssl: &OpenSsl, bio: *mut Bio) -> &'a mut Wire {
    // SAFETY: each BIO of this method has the wire of its session, which outlives it. Sessions touch theirs only between calls.
    unsafe { &mut *(openssl.BIO_get_data)(bio).cast::<Wire>() }
}

extern "C" fn read(bio: *mut Bio, buffer: *mut c_char, size: c_int) -> c_int {
    let Ok(openssl) = openssl() else { return -1 };
    // SAFETY: OpenSSL reads through the BIO of a session within a call of that session.
    let wire = unsafe { wire_of(openssl, bio) };
    // SAFETY: the BIO is OpenSSL's; flags are numbers.
    unsafe { (openssl.BIO_clear_flags)(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY) };
    let Some(datagram) = wire.incoming.pop_front() else {
        // SAFETY: as above.
        unsafe { (openssl.BIO_set_flags)(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY) };
        return -1;
    };
    // what does not fit is cut off, as by a socket
    let length = datagram.len().min(usize::try_from(size).unwrap_or(0));
    // SAFETY: the buffer has `size` octets.
    unsafe { std::ptr::copy_nonoverlapping(datagram.as_ptr(), buffer.cast(), length) };
    length as c_int
}

extern "C" fn write(bio: *mut Bio, bytes: *const c_char, size: c_int) -> c_int {
    let (Ok(openssl), Ok(length)) = (openssl(), usize::try_from(size)) else {
        return -1;
    };
    // SAFETY: OpenSSL writes through the BIO of a session within a call of that session, `size` octets.
    unsafe {
        (openssl.BIO_clear_flags)(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
        let datagram = std::slice::from_raw_parts(bytes.cast::<u8>(), length);
        wire_of(openssl, bio).outgoing.push(datagram.to_vec());
    }
    size
}

extern "C" fn control(bio: *mut Bio, command: c_int, _: c_long, _: *mut c_void) -> c_long {
    let Ok(openssl) = openssl() else { return 0 };
    match command {
        BIO_CTRL_FLUSH => 1,
        // SAFETY: as above.
        BIO_CTRL_DGRAM_GET_MTU_OVERHEAD => unsafe { wire_of(openssl, bio) }.headers,
        _ => 0,
    }
}

/// A cookie is a keyed hash of the peer's address: who sends it back is there, and nothing was kept meanwhile.
unsafe fn cookie(openssl: &OpenSsl, ssl: *mut Ssl) -> [u8; COOKIE] {
    let mut hash = [0; COOKIE];
    // SAFETY: the session's BIO is of this module; the hash has as many octets as SHA-256 writes.
    unsafe {
        let wire = wire_of(openssl, (openssl.SSL_get_rbio)(ssl));
        let (key, peer) = (&wire.secret, &wire.peer);
        (openssl.HMAC)(
            (openssl.EVP_sha256)(),
            key.as_ptr().cast(),
            key.len() as c_int,
            peer.as_ptr(),
            peer.len(),
            hash.as_mut_ptr(),
            std::ptr::null_mut(),
        );
    }
    hash
}

pub(super) extern "C" fn give_cookie(ssl: *mut Ssl, to: *mut u8, length: *mut c_uint) -> c_int {
    let Ok(openssl) = openssl() else { return 0 };
    // SAFETY: OpenSSL has room for 255 octets (DTLS1_COOKIE_LENGTH).
    unsafe {
        let cookie = cookie(openssl, ssl);
        std::ptr::copy_nonoverlapping(cookie.as_ptr(), to, COOKIE);
        *length = COOKIE as c_uint;
    }
    1
}

pub(super) extern "C" fn check_cookie(ssl: *mut Ssl, from: *const u8, length: c_uint) -> c_int {
    let Ok(openssl) = openssl() else { return 0 };
    if length as usize != COOKIE {
        return 0;
    }
    // SAFETY: both have as many octets.
    let differs = unsafe {
        let cookie = cookie(openssl, ssl);
        (openssl.CRYPTO_memcmp)(cookie.as_ptr().cast(), from.cast(), COOKIE)
    };
    c_int::from(differs == 0)
}
