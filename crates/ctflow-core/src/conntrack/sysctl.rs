//! Conntrack's settings.

use crate::error::{Code, Error};
use crate::sys::Namespace;
use std::io::ErrorKind;

/// The text of /proc/sys/net/netfilter/`name` in the namespace, without its newline; None where there is no such file.
/// /proc/sys/net shows the namespace of the thread that opens it.
pub fn read_sysctl(namespace: &Namespace, name: &str) -> Result<Option<String>, Error> {
    let path = path_of(name)?;
    namespace.run(|| match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::system(
            Code::KernelSetting,
            &format!("Cannot read {path}"),
            &error,
        )),
    })
}

/// Writes /proc/sys/net/netfilter/`name` in the namespace.
pub fn write_sysctl(namespace: &Namespace, name: &str, value: &str) -> Result<(), Error> {
    let path = path_of(name)?;
    namespace.run(|| {
        let failed = |error| Error::system(Code::Permission, &format!("Cannot set {path} to {value}"), &error);
        std::fs::write(&path, value).map_err(failed)
    })
}

fn path_of(name: &str) -> Result<String, Error> {
    let known = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    if name.is_empty() || !name.bytes().all(known) {
        return Err(Error::new(
            Code::Usage,
            format!("'{name}' is no name of a conntrack setting"),
        ));
    }
    Ok(format!("/proc/sys/net/netfilter/{name}"))
}
