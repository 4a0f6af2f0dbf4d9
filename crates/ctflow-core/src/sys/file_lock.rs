//! A lock on a file that the kernel holds for an open file description: it ends with the last descriptor of it, whatever
//! becomes of the process, and in whatever PID namespace that lives.

use crate::error::{Code, Error};
use std::io;
use std::os::fd::RawFd;

/// Locks the whole file for writers (F_OFD_SETLK, fcntl(2)) and does not wait. False where another description has a lock
/// on it. The descriptor must be open for writing.
pub fn lock_file(fd: RawFd) -> Result<bool, Error> {
    let lock = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    // SAFETY: `lock` is readable for the length of the call; a descriptor of any kind is refused or locked, and not kept.
    if unsafe { libc::fcntl(fd, libc::F_OFD_SETLK, &raw const lock) } == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EACCES) => Ok(false),
        _ => Err(Error::system(Code::State, "A file cannot be locked", &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::lock_file;
    use std::fs::File;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_file_has_one_lock_until_its_holder_closes_it() {
        let path = std::env::temp_dir().join(format!("ctflow-lock-{}", std::process::id()));
        let open = || {
            File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
                .unwrap()
        };
        let (first, second) = (open(), open());
        assert!(lock_file(first.as_raw_fd()).unwrap());
        assert!(lock_file(first.as_raw_fd()).unwrap(), "its own");
        assert!(!lock_file(second.as_raw_fd()).unwrap());
        drop(first);
        assert!(lock_file(second.as_raw_fd()).unwrap());
        std::fs::remove_file(&path).unwrap();
        assert!(lock_file(-1).is_err());
    }
}
