//! Whether UDP segmentation works on this host.

use super::UdpSender;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Loopback delivers within the call that sends; a host that is busy may take longer.
const PATIENCE: Duration = Duration::from_millis(500);
/// Bytes of the two datagrams.
const LENGTHS: [u32; 2] = [16, 7];

/// Sends two datagrams in one buffer over loopback, from one socket to another, which must receive two.
///
/// A kernel may refuse the option, as those before 4.18 do, or take it and send one large datagram, as a sandbox may do that does
/// not know it. EOPNOTSUPP where what arrives is something else, ETIMEDOUT where nothing does.
///
/// Conntrack must not count it among the host's connections, so it is done in a network namespace that is gone afterwards. Where
/// this process may not make one (CAP_SYS_ADMIN), the kernel has only to take the option and to give it back.
pub fn test_segmentation() -> io::Result<()> {
    // unshare changes the calling thread alone
    let thread = std::thread::Builder::new().spawn(|| {
        // SAFETY: it takes a number and touches no memory.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0 {
            bring_loopback_up()?;
            two_arrive()
        } else {
            option_is_taken()
        }
    })?;
    thread.join().unwrap_or_else(|_| Err(errno(libc::EFAULT)))
}

fn two_arrive() -> io::Result<()> {
    let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    let mut sender = UdpSender::connect("127.0.0.1", receiver.local_addr()?.port(), true)?;
    let bytes: Vec<u8> = (0..LENGTHS.iter().sum::<u32>() as u8).collect();
    let sent = sender.send(&bytes, &LENGTHS.map(|length| [length, 0]));
    for why in [sent.unsegmented, sent.errno] {
        if why != 0 {
            return Err(errno(why));
        }
    }
    let mut rest = &bytes[..];
    for length in LENGTHS {
        let mut packet = [0; 64];
        let received = receiver.recv(&mut packet).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => errno(libc::ETIMEDOUT),
            _ => error,
        })?;
        let (expected, later) = rest.split_at(length as usize);
        if packet[..received] != *expected {
            return Err(errno(libc::EOPNOTSUPP));
        }
        rest = later;
    }
    Ok(())
}

fn option_is_taken() -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let (size, mut back, mut length) = (512i32, 0i32, size_of::<i32>() as libc::socklen_t);
    // SAFETY: the option is an int, whose address and size are given.
    let taken = unsafe {
        let (fd, level, option) = (socket.as_raw_fd(), libc::SOL_UDP, libc::UDP_SEGMENT);
        libc::setsockopt(fd, level, option, (&raw const size).cast(), length) == 0
            && libc::getsockopt(fd, level, option, (&raw mut back).cast(), &raw mut length) == 0
    };
    match taken {
        true if back == size => Ok(()),
        true => Err(errno(libc::EOPNOTSUPP)),
        false => Err(io::Error::last_os_error()),
    }
}

/// Of the thread's network namespace; it has its address by itself.
fn bring_loopback_up() -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: all zeros is a request; its name ends with a zero.
    let mut request: libc::ifreq = unsafe { zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    // SAFETY: the kernel reads the request, which lives over the call.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_takes_the_option() {
        option_is_taken().unwrap();
    }
}
