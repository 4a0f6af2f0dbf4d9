//! How full the connection table of a namespace is.

use crate::error::{Code, Error};
use crate::sys::Namespace;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Reads nf_conntrack_max and nf_conntrack_count again and again: /proc/sys/net shows the namespace of the thread that opened a
/// file, so that reading it needs no thread in the namespace.
#[derive(Debug)]
pub(super) struct TableRoom {
    max: File,
    count: File,
}

impl TableRoom {
    pub(super) fn open(namespace: &Namespace) -> Result<Self, Error> {
        let open = |name| {
            let path = format!("/proc/sys/net/netfilter/{name}");
            File::open(&path)
                .map_err(|error| Error::system(Code::KernelSetting, &format!("Cannot read {path}"), &error))
        };
        namespace.run(|| {
            Ok(Self {
                max: open("nf_conntrack_max")?,
                count: open("nf_conntrack_count")?,
            })
        })
    }

    /// Connections that the table may have, 0 for any number, and has; ended ones that the kernel holds are among these.
    pub(super) fn read(&self) -> Option<(u32, u32)> {
        Some((number(&self.max)?, number(&self.count)?))
    }
}

fn number(file: &File) -> Option<u32> {
    let mut digits = [0; 16];
    let length = file.read_at(&mut digits, 0).ok()?;
    std::str::from_utf8(&digits[..length]).ok()?.trim_end().parse().ok()
}
