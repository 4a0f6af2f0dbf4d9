//! The functions of OpenSSL, found in the process by their names. Node is built with them for its own TLS, and lets modules use them
//! (https://nodejs.org/api/addons.html#linking-to-libraries-included-with-nodejs); so there is one OpenSSL, and whoever updates Node
//! updates it. Signatures are those of OpenSSL 3.

use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_ulong, c_void};
use std::mem::transmute;
use std::sync::OnceLock;

use crate::error::{Code, Error};

/// Types that only OpenSSL looks into.
macro_rules! opaque {
    ($($name:ident)*) => { $(#[repr(C)] pub(super) struct $name { _private: [u8; 0] })* };
}

opaque!(Ssl SslCtx SslMethod Bio BioMethod BioAddr X509 EvpKey EvpMd X509Store VerifyParam);

pub(super) type BioWrite = extern "C" fn(*mut Bio, *const c_char, c_int) -> c_int;
pub(super) type BioRead = extern "C" fn(*mut Bio, *mut c_char, c_int) -> c_int;
pub(super) type BioCtrl = extern "C" fn(*mut Bio, c_int, c_long, *mut c_void) -> c_long;
pub(super) type BioCreate = extern "C" fn(*mut Bio) -> c_int;
pub(super) type CookieGenerate = extern "C" fn(*mut Ssl, *mut u8, *mut c_uint) -> c_int;
pub(super) type CookieVerify = extern "C" fn(*mut Ssl, *const u8, c_uint) -> c_int;
pub(super) type Password = extern "C" fn(*mut c_char, c_int, c_int, *mut c_void) -> c_int;
pub(super) type Timer = extern "C" fn(*mut Ssl, c_uint) -> c_uint;

macro_rules! functions {
    ($(fn $name:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// A pointer to each function that is used.
        #[allow(non_snake_case)]
        pub(super) struct OpenSsl { $(pub(super) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)* }

        impl OpenSsl {
            /// The name of the first function that is not there.
            fn find() -> Result<Self, &'static str> {
                Ok(Self { $($name: {
                    let function = symbol(concat!(stringify!($name), "\0")).ok_or(stringify!($name))?;
                    // SAFETY: the function of this name has had this signature since OpenSSL 3.0, whose number is looked at.
                    unsafe { transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) $(-> $result)?>(function) }
                },)* })
            }
        }
    };
}

functions! {
    fn BIO_ADDR_free(*mut BioAddr);
    fn BIO_ADDR_new() -> *mut BioAddr;
    fn BIO_clear_flags(*mut Bio, c_int);
    fn BIO_free(*mut Bio) -> c_int;
    fn BIO_get_data(*mut Bio) -> *mut c_void;
    fn BIO_get_new_index() -> c_int;
    fn BIO_meth_new(c_int, *const c_char) -> *mut BioMethod;
    fn BIO_meth_set_create(*mut BioMethod, BioCreate) -> c_int;
    fn BIO_meth_set_ctrl(*mut BioMethod, BioCtrl) -> c_int;
    fn BIO_meth_set_read(*mut BioMethod, BioRead) -> c_int;
    fn BIO_meth_set_write(*mut BioMethod, BioWrite) -> c_int;
    fn BIO_new(*const BioMethod) -> *mut Bio;
    fn BIO_new_mem_buf(*const c_void, c_int) -> *mut Bio;
    fn BIO_set_data(*mut Bio, *mut c_void);
    fn BIO_set_flags(*mut Bio, c_int);
    fn BIO_set_init(*mut Bio, c_int);
    fn CRYPTO_memcmp(*const c_void, *const c_void, usize) -> c_int;
    fn DTLS_get_data_mtu(*const Ssl) -> usize;
    fn DTLS_method() -> *const SslMethod;
    fn DTLS_set_timer_cb(*mut Ssl, Timer);
    fn DTLSv1_listen(*mut Ssl, *mut BioAddr) -> c_int;
    fn ERR_clear_error();
    fn ERR_get_error() -> c_ulong;
    fn ERR_reason_error_string(c_ulong) -> *const c_char;
    fn EVP_PKEY_free(*mut EvpKey);
    fn EVP_sha256() -> *const EvpMd;
    fn HMAC(*const EvpMd, *const c_void, c_int, *const u8, usize, *mut u8, *mut c_uint) -> *mut u8;
    fn OpenSSL_version_num() -> c_ulong;
    fn PEM_read_bio_PrivateKey(*mut Bio, *mut *mut EvpKey, Password, *mut c_void) -> *mut EvpKey;
    fn PEM_read_bio_X509(*mut Bio, *mut *mut X509, Password, *mut c_void) -> *mut X509;
    fn RAND_bytes(*mut u8, c_int) -> c_int;
    fn SSL_CTX_add_client_CA(*mut SslCtx, *mut X509) -> c_int;
    fn SSL_CTX_check_private_key(*const SslCtx) -> c_int;
    fn SSL_CTX_ctrl(*mut SslCtx, c_int, c_long, *mut c_void) -> c_long;
    fn SSL_CTX_free(*mut SslCtx);
    fn SSL_CTX_get_cert_store(*const SslCtx) -> *mut X509Store;
    fn SSL_CTX_new(*const SslMethod) -> *mut SslCtx;
    fn SSL_CTX_set_cipher_list(*mut SslCtx, *const c_char) -> c_int;
    fn SSL_CTX_set_cookie_generate_cb(*mut SslCtx, CookieGenerate);
    fn SSL_CTX_set_cookie_verify_cb(*mut SslCtx, CookieVerify);
    fn SSL_CTX_set_options(*mut SslCtx, u64) -> u64;
    fn SSL_CTX_use_PrivateKey(*mut SslCtx, *mut EvpKey) -> c_int;
    fn SSL_CTX_use_certificate(*mut SslCtx, *mut X509) -> c_int;
    fn SSL_ctrl(*mut Ssl, c_int, c_long, *mut c_void) -> c_long;
    fn SSL_do_handshake(*mut Ssl) -> c_int;
    fn SSL_free(*mut Ssl);
    fn SSL_get0_param(*mut Ssl) -> *mut VerifyParam;
    fn SSL_get1_peer_certificate(*const Ssl) -> *mut X509;
    fn SSL_get_error(*const Ssl, c_int) -> c_int;
    fn SSL_get_rbio(*const Ssl) -> *mut Bio;
    fn SSL_get_verify_result(*const Ssl) -> c_long;
    fn SSL_new(*mut SslCtx) -> *mut Ssl;
    fn SSL_read(*mut Ssl, *mut c_void, c_int) -> c_int;
    fn SSL_set_accept_state(*mut Ssl);
    fn SSL_set_bio(*mut Ssl, *mut Bio, *mut Bio);
    fn SSL_set_connect_state(*mut Ssl);
    fn SSL_set_verify(*mut Ssl, c_int, *const c_void);
    fn SSL_shutdown(*mut Ssl) -> c_int;
    fn SSL_write(*mut Ssl, *const c_void, c_int) -> c_int;
    fn X509_STORE_add_cert(*mut X509Store, *mut X509) -> c_int;
    fn X509_VERIFY_PARAM_set1_host(*mut VerifyParam, *const c_char, usize) -> c_int;
    fn X509_VERIFY_PARAM_set1_ip_asc(*mut VerifyParam, *const c_char) -> c_int;
    fn X509_VERIFY_PARAM_set_hostflags(*mut VerifyParam, c_uint);
    fn X509_free(*mut X509);
    fn X509_verify_cert_error_string(c_long) -> *const c_char;
    fn i2d_X509(*const X509, *mut *mut u8) -> c_int;
}

fn symbol(name: &'static str) -> Option<*mut c_void> {
    let name = CStr::from_bytes_with_nul(name.as_bytes()).ok()?;
    // SAFETY: the name ends with a zero; the search changes nothing.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}

/// Finds all functions, once for the process.
pub(super) fn openssl() -> Result<&'static OpenSsl, Error> {
    static FOUND: OnceLock<Result<OpenSsl, String>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let openssl = OpenSsl::find().map_err(|name| format!("no function {name}"))?;
            // SAFETY: it takes nothing and returns a number.
            match unsafe { (openssl.OpenSSL_version_num)() } >> 28 {
                3.. => Ok(openssl),
                major => Err(format!("version {major} of OpenSSL")),
            }
        })
        .as_ref()
        .map_err(|why| {
            Error::new(
                Code::BackendLacks,
                format!("DTLS needs a Node that has DTLS of OpenSSL 3 or newer: this one has {why}"),
            )
        })
}

/// The reason of the oldest error of this thread as Node spells it, `ERR_SSL_TLSV1_ALERT_UNKNOWN_CA`; the others are forgotten.
pub(super) fn take_reason(openssl: &OpenSsl) -> Option<String> {
    // SAFETY: the queue of errors is the thread's own; the string is constant and ends with a zero.
    let reason = unsafe {
        let code = (openssl.ERR_get_error)();
        (openssl.ERR_clear_error)();
        let text = (openssl.ERR_reason_error_string)(code);
        (code != 0 && !text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().to_uppercase())
    };
    reason.map(|reason| format!("ERR_SSL_{}", reason.replace(|c: char| !c.is_ascii_alphanumeric(), "_")))
}
