//! Errors with the codes of src/common/errors.ts.

use std::fmt;
use std::io;

/// The codes that native code uses; the meaning of each stands in src/common/errors.ts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A value that cannot be understood.
    Usage,
    /// The kernel refused: a capability is missing.
    Permission,
    /// Conntrack or its netlink interface is not there.
    KernelSetting,
    /// A network namespace cannot be entered.
    Namespace,
    /// The kernel answered with an error, or not at all.
    Netlink,
    /// Another program reads the NFLOG group.
    NflogTaken,
    /// The state file cannot be used.
    State,
    /// A certificate, a key or a name cannot be used.
    Tls,
    /// The process lacks something.
    BackendLacks,
}

/// As src/common/errors.ts spells it.
impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        match self {
            Code::Usage => "CTFLOW_USAGE",
            Code::Permission => "CTFLOW_PERMISSION",
            Code::KernelSetting => "CTFLOW_KERNEL_SETTING",
            Code::Namespace => "CTFLOW_NAMESPACE",
            Code::Netlink => "CTFLOW_NETLINK",
            Code::NflogTaken => "CTFLOW_NFLOG_TAKEN",
            Code::State => "CTFLOW_STATE",
            Code::Tls => "CTFLOW_TLS",
            Code::BackendLacks => "CTFLOW_BACKEND_LACKS",
        }
    }
}

/// What failed, on what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Code of src/common/errors.ts.
    pub code: Code,
    /// For a person, with the system's words where the system failed.
    pub text: String,
    /// What the kernel answered with, where it did.
    pub errno: Option<i32>,
}

impl Error {
    /// An error of our own.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
            errno: None,
        }
    }

    /// A system call that failed.
    pub fn system(code: Code, what: &str, error: &io::Error) -> Self {
        Self::new(code, format!("{what}: {error}"))
    }

    /// An errno that the kernel answered with to a conntrack request.
    pub fn answer(what: &str, errno: u32) -> Self {
        let number = i32::try_from(errno).unwrap_or(libc::EIO);
        let code = match number {
            libc::EPERM | libc::EACCES => Code::Permission,
            libc::EPROTONOSUPPORT => Code::KernelSetting,
            _ => Code::Netlink,
        };
        Self {
            errno: Some(number),
            ..Self::system(code, what, &io::Error::from_raw_os_error(number))
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}
