//! An option of TCP sockets that Node has opened.

use std::os::fd::RawFd;

/// Sets TCP_NOTSENT_LOWAT: a write takes no more while the kernel holds this many octets that it has not sent once. What is
/// on its way is not counted, so that a long path is still filled. False where the descriptor is no TCP socket.
pub fn limit_unsent(fd: RawFd, octets: u32) -> bool {
    let length = size_of_val(&octets) as libc::socklen_t;
    let value = (&raw const octets).cast();
    // SAFETY: `value` points to `length` readable octets for the length of the call; a descriptor of any kind is refused, or
    // has an option set, and is not kept.
    unsafe { libc::setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, value, length) == 0 }
}

#[cfg(test)]
mod tests {
    use super::limit_unsent;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    /// Octets that the kernel takes from a writer whose peer does not read.
    fn taken(limit: Option<u32>) -> usize {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut writer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _reader = listener.accept().unwrap();
        writer.set_nonblocking(true).unwrap();
        if let Some(octets) = limit {
            assert!(limit_unsent(writer.as_raw_fd(), octets));
        }
        let mut total = 0;
        let mut refused = 0;
        while refused < 20 {
            match writer.write(&[0; 16_384]) {
                Ok(count) => {
                    total += count;
                    refused = 0;
                }
                Err(_) => {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    refused += 1;
                }
            }
        }
        total
    }

    #[test]
    fn a_writer_whose_peer_does_not_read_is_stopped_early() {
        let (with, without) = (taken(Some(16_384)), taken(None));
        assert!(with + 1_000_000 < without, "{with} with, {without} without");
    }

    #[test]
    fn what_is_no_tcp_socket_is_refused() {
        assert!(!limit_unsent(-1, 1));
        assert!(!limit_unsent(std::fs::File::open("/dev/null").unwrap().as_raw_fd(), 1));
    }
}
