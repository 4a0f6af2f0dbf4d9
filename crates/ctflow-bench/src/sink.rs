//! A collector that counts and does nothing else, on a thread of its own, with all the receive buffer that it can get.

use crate::ipfix_counter::Counter;
use crate::usage::cpu_seconds;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Messages of one receive.
const MESSAGES: usize = 64;
/// No UDP message is longer.
const LONGEST: usize = 65_536;
/// For so long more may arrive when everything has been read. A collector that does more than count is slower than an exporter
/// and finds the next datagram waiting; one that sleeps would be woken for each, at the cost of who sends it.
const REST: Duration = Duration::from_millis(2);
/// Of SO_MEMINFO (include/uapi/linux/sock_diag.h): datagrams that found no room.
const SK_MEMINFO_DROPS: usize = 8;
const SK_MEMINFO_VARS: usize = 9;

pub struct Sink {
    socket: UdpSocket,
    counter: Arc<Mutex<Counter>>,
}

impl Sink {
    /// @param buffer bytes wanted; above net.core.rmem_max only with CAP_NET_ADMIN over the initial user namespace
    pub fn open(address: SocketAddr, buffer: i32) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        if set_buffer(&socket, libc::SO_RCVBUFFORCE, buffer).is_err() {
            set_buffer(&socket, libc::SO_RCVBUF, buffer)?;
        }
        let counter = Arc::new(Mutex::new(Counter::default()));
        let receiving = socket.try_clone()?;
        let counting = counter.clone();
        thread::spawn(move || {
            if let Err(error) = receive(&receiving, &counting) {
                eprintln!("ctflow-bench: the sink cannot receive: {error}");
                std::process::exit(1);
            }
        });
        Ok(Self { socket, counter })
    }

    /// Where it listens, and the receive buffer that it got, as the kernel counts it.
    pub fn ready(&self) -> String {
        let port = self.socket.local_addr().map_or(0, |address| address.port());
        let [buffer] = option(&self.socket, libc::SO_RCVBUF).unwrap_or([0]);
        format!(r#"{{"port":{port},"buffer":{buffer}}}"#)
    }

    /// What has arrived so far, what found no room, and seconds of CPU.
    pub fn counts(&self) -> Result<String, String> {
        let counts = self.counter.lock().unwrap_or_else(PoisonError::into_inner).counts;
        let memory: [u32; SK_MEMINFO_VARS] =
            option(&self.socket, libc::SO_MEMINFO).map_err(|error| error.to_string())?;
        Ok(format!(
            r#"{{"messages":{},"octets":{},"records":{},"options":{},"malformed":{},"dropped":{},"cpu":{}}}"#,
            counts.messages,
            counts.octets,
            counts.records,
            counts.options,
            counts.malformed,
            memory[SK_MEMINFO_DROPS],
            cpu_seconds(),
        ))
    }
}

fn receive(socket: &UdpSocket, counter: &Mutex<Counter>) -> io::Result<()> {
    let mut buffers = vec![0u8; MESSAGES * LONGEST];
    let mut parts: Vec<libc::iovec> = buffers
        .as_chunks_mut::<LONGEST>()
        .0
        .iter_mut()
        .map(|buffer| libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: LONGEST,
        })
        .collect();
    let mut headers: Vec<libc::mmsghdr> = parts
        .iter_mut()
        .map(|part| {
            // SAFETY: a mmsghdr is numbers and pointers; all zeros is one without name and control data.
            let mut header: libc::mmsghdr = unsafe { zeroed() };
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
            header
        })
        .collect();
    loop {
        // SAFETY: every header names one part, every part a buffer of its own of LONGEST bytes; all of them outlive the loop.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                MESSAGES as u32,
                libc::MSG_WAITFORONE as _,
                std::ptr::null_mut(),
            )
        };
        let Ok(received) = usize::try_from(received) else {
            let error = io::Error::last_os_error();
            match error.kind() {
                io::ErrorKind::Interrupted => continue,
                _ => return Err(error),
            }
        };
        let mut counter = counter.lock().unwrap_or_else(PoisonError::into_inner);
        for (header, part) in headers[..received].iter().zip(&parts) {
            // SAFETY: the kernel has written so many bytes into this part's buffer, and writes no more before the next call.
            counter.message(unsafe { std::slice::from_raw_parts(part.iov_base.cast::<u8>(), header.msg_len as usize) });
        }
        drop(counter);
        if received < MESSAGES {
            thread::sleep(REST);
        }
    }
}

fn set_buffer(socket: &UdpSocket, name: i32, bytes: i32) -> io::Result<()> {
    // SAFETY: the value lives over the call and is given with its size.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            name,
            (&raw const bytes).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    if set == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// getsockopt of numbers.
fn option<const N: usize>(socket: &UdpSocket, name: i32) -> io::Result<[u32; N]> {
    let mut values = [0u32; N];
    let mut length = size_of::<[u32; N]>() as libc::socklen_t;
    // SAFETY: the values have room for the size given.
    let got = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            name,
            values.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if got == 0 {
        Ok(values)
    } else {
        Err(io::Error::last_os_error())
    }
}
