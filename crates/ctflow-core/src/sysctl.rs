//! Conntrack's settings.

use crate::error::{Code, Error};
use crate::namespace::Namespace;
use std::io::ErrorKind;

/// The text of /proc/sys/net/netfilter/`name` in the namespace, without its newline; None where there is no such file.
/// /proc/sys/net shows the namespace of the thread that opens it.
pub fn read_sysctl(namespace: &Namespace, name: &str) -> Result<Option<String>, Error> {
    if name.is_empty()
        || !name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    {
        return Err(Error::new(
            Code::Usage,
            format!("'{name}' is no name of a conntrack setting"),
        ));
    }
    namespace.run(|| {
        let path = format!("/proc/sys/net/netfilter/{name}");
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim_end().to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::system(
                Code::KernelSetting,
                &format!("Cannot read {path}"),
                &error,
            )),
        }
    })
}
