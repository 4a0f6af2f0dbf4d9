//! Unix datagrams to the service manager and to journald: Node has no sockets for them.

use std::fs::File;
use std::io::{self, Write};
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Sends one datagram, and does not wait.
///
/// `address` is a path, or `@` and an abstract name (unix(7)). With `by_memfd`, what is too large for a datagram goes as the
/// descriptor of a sealed file in memory, which journald takes.
///
/// Errors: EINVAL where the address is neither, EAGAIN where the receiver has no room now, EMSGSIZE where it is too large, those
/// of connect(2) where nobody listens.
pub fn send_unix_datagram(address: &str, bytes: &[u8], by_memfd: bool) -> io::Result<()> {
    let to = match address.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None if address.starts_with('/') => SocketAddr::from_pathname(address)?,
        None => return Err(io::Error::from_raw_os_error(libc::EINVAL)),
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&to)?;
    match socket.send(bytes) {
        // sd_journal_sendv does the same at these two
        Err(error) if by_memfd && matches!(error.raw_os_error(), Some(libc::EMSGSIZE | libc::ENOBUFS)) => {
            send_descriptor(&socket, &sealed(bytes)?)
        }
        sent => sent.map(drop),
    }
}

/// A file in memory that nobody can change any more: journald reads no other.
fn sealed(bytes: &[u8]) -> io::Result<File> {
    // SAFETY: the name is a string that ends with a zero; the call takes a number beside it.
    let fd = unsafe { libc::memfd_create(c"ctflow-log".as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and has no other owner.
    let mut file = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
    file.write_all(bytes)?;
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE | libc::F_SEAL_SEAL;
    // SAFETY: it takes numbers.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) } {
        0 => Ok(file),
        _ => Err(io::Error::last_os_error()),
    }
}

/// An empty datagram with a descriptor (SCM_RIGHTS).
fn send_descriptor(socket: &UnixDatagram, file: &File) -> io::Result<()> {
    const FD: u32 = size_of::<i32>() as u32;
    // of words, so that it is aligned for a header
    let mut control = [0u64; 8];
    // SAFETY: all zeros is a message without anything.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_control = control.as_mut_ptr().cast();
    // SAFETY: both compute with numbers.
    let (space, length) = unsafe { (libc::CMSG_SPACE(FD), libc::CMSG_LEN(FD)) };
    assert!(space as usize <= size_of_val(&control));
    message.msg_controllen = space as _;
    // SAFETY: the control buffer has room for a header and one descriptor, and lives over the calls; so do both descriptors.
    let sent = unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = length as _;
        libc::CMSG_DATA(header).cast::<i32>().write_unaligned(file.as_raw_fd());
        libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL)
    };
    match sent {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek};
    use std::time::Duration;

    fn receiver(name: &str) -> (UnixDatagram, String) {
        let name = format!("ctflow-test-{name}-{}", std::process::id());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        (socket, format!("@{name}"))
    }

    #[test]
    fn an_abstract_name_and_a_path_are_reached() {
        let (socket, address) = receiver("names");
        let path = std::env::temp_dir().join(format!("ctflow-datagram-{}", std::process::id()));
        let named = UnixDatagram::bind(&path).unwrap();
        send_unix_datagram(&address, b"READY=1", false).unwrap();
        send_unix_datagram(path.to_str().unwrap(), b"STOPPING=1", false).unwrap();
        let mut bytes = [0; 64];
        let length = socket.recv(&mut bytes).unwrap();
        assert_eq!(&bytes[..length], b"READY=1");
        let length = named.recv(&mut bytes).unwrap();
        assert_eq!(&bytes[..length], b"STOPPING=1");
        std::fs::remove_file(&path).unwrap();
        let errno = |address: &str| send_unix_datagram(address, b"", false).unwrap_err().raw_os_error();
        assert_eq!(errno("vsock:2:1"), Some(libc::EINVAL));
        assert_eq!(errno(path.to_str().unwrap()), Some(libc::ENOENT));
    }

    #[test]
    fn what_is_too_large_goes_as_a_sealed_file() {
        let (socket, address) = receiver("large");
        let large = vec![b'x'; 8 << 20];
        let refused = send_unix_datagram(&address, &large, false).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EMSGSIZE));
        send_unix_datagram(&address, &large, true).unwrap();
        let mut file = received_file(&socket);
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        assert!(bytes == large);
        assert!(file.write_all(b"y").is_err(), "it can be changed");
    }

    fn received_file(socket: &UnixDatagram) -> File {
        let mut control = [0u64; 8];
        // SAFETY: all zeros is a message without anything; the control buffer lives over the calls, and holds the descriptor
        // that the sender gave.
        unsafe {
            let mut message: libc::msghdr = zeroed();
            message.msg_control = control.as_mut_ptr().cast();
            message.msg_controllen = size_of_val(&control) as _;
            assert_eq!(libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0), 0);
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            assert!(!header.is_null());
            File::from(OwnedFd::from_raw_fd(
                libc::CMSG_DATA(header).cast::<i32>().read_unaligned(),
            ))
        }
    }

    #[test]
    fn a_receiver_without_room_is_not_waited_for() {
        let (_socket, address) = receiver("full");
        let full = (0..10_000).find_map(|_| send_unix_datagram(&address, b"x", false).err());
        assert_eq!(full.unwrap().raw_os_error(), Some(libc::EAGAIN));
    }
}
