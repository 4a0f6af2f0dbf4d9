//! Another network namespace, entered by a thread of its own: setns changes the calling thread alone.

use crate::error::{Code, Error};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

/// A network namespace, kept open: it stays the same one when its name goes to another.
#[derive(Debug)]
pub struct Namespace {
    /// None for the one of this process.
    other: Option<(String, File)>,
}

impl Namespace {
    /// `name` is a name under /run/netns (`ip netns add`) or a path with a slash (`/proc/PID/ns/net`).
    pub fn open(name: Option<&str>) -> Result<Self, Error> {
        let Some(name) = name else {
            return Ok(Self { other: None });
        };
        if matches!(name, "" | "." | "..") {
            return Err(Error::new(
                Code::Namespace,
                format!("Network namespace '{name}' has no name and is no path"),
            ));
        }
        let path = if name.contains('/') {
            name.to_owned()
        } else {
            format!("/run/netns/{name}")
        };
        // Without O_NONBLOCK a path to a FIFO would hang here.
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path);
        let file = file.map_err(|error| {
            Error::system(
                Code::Namespace,
                &format!("Cannot open network namespace {path}"),
                &error,
            )
        })?;
        Ok(Self {
            other: Some((name.to_owned(), file)),
        })
    }

    /// Runs `work` inside the namespace and waits for it.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
        let Some((name, file)) = &self.other else {
            return work();
        };
        let failed = |error| {
            Error::system(
                Code::Namespace,
                &format!("Cannot enter network namespace '{name}'"),
                &error,
            )
        };
        std::thread::scope(|scope| {
            let inside = || {
                // SAFETY: setns reads two numbers; the descriptor is open as long as `file` is.
                if unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) } != 0 {
                    return Err(failed(io::Error::last_os_error()));
                }
                work()
            };
            let thread = std::thread::Builder::new()
                .spawn_scoped(scope, inside)
                .map_err(failed)?;
            thread
                .join()
                .unwrap_or_else(|_| Err(failed(io::Error::other("the thread in it panicked"))))
        })
    }
}
