//! The floor below events: their datagrams, read in bursts and thrown away.

use crate::usage::cpu_seconds;
use ctflow_core::conntrack::{EventSocket, Hold};
use ctflow_core::sys::Namespace;
use std::io;
use std::mem::zeroed;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Datagrams of one receive.
const DATAGRAMS: usize = 64;
/// More than an event takes.
const BUFFER: usize = 4096;
/// They come in bursts; with a pause the reader is not woken for each.
const GATHER: Duration = Duration::from_millis(2);
/// When nothing has come for so long, nothing more will.
const PATIENCE_MS: i32 = 3_000;

/// Events wait in its receive buffer until they are read.
pub struct EventDatagrams {
    socket: EventSocket,
    buffers: Vec<[u8; BUFFER]>,
}

impl EventDatagrams {
    /// Joins these groups in the namespace of this process, with a receive buffer of so many bytes.
    pub fn join(groups: u32, receive_buffer: u32) -> Result<Self, String> {
        let text = |error: ctflow_core::error::Error| error.to_string();
        let namespace = Arc::new(Namespace::open(None).map_err(text)?);
        Ok(Self {
            socket: EventSocket::open(namespace, groups, receive_buffer, Hold::default()).map_err(text)?,
            buffers: vec![[0; BUFFER]; DATAGRAMS],
        })
    }

    /// Reads so many datagrams, or what there is: how many, and what it took.
    pub fn read(&mut self, wanted: usize) -> Result<String, String> {
        let cpu = cpu_seconds();
        let began = Instant::now();
        let mut datagrams = 0;
        while datagrams < wanted && self.wait().map_err(|error| error.to_string())? {
            thread::sleep(GATHER);
            loop {
                let received = self.receive().map_err(|error| error.to_string())?;
                datagrams += received;
                if received < DATAGRAMS {
                    break;
                }
            }
        }
        let wall = began.elapsed().as_secs_f64();
        let cpu = cpu_seconds() - cpu;
        Ok(format!(r#"{{"datagrams":{datagrams},"wall":{wall},"cpu":{cpu}}}"#))
    }

    /// Whether something is there to be read in time.
    fn wait(&self) -> io::Result<bool> {
        let mut poll = libc::pollfd {
            fd: self.socket.as_fd().as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one pollfd, which lives over the call.
        match unsafe { libc::poll(&raw mut poll, 1, PATIENCE_MS) } {
            0.. => Ok(poll.revents != 0),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// How many datagrams were there, DATAGRAMS at most.
    fn receive(&mut self) -> io::Result<usize> {
        // SAFETY: iovec and mmsghdr are numbers and pointers; all zeros is one.
        let (mut parts, mut headers): ([libc::iovec; DATAGRAMS], [libc::mmsghdr; DATAGRAMS]) = unsafe { zeroed() };
        for ((part, header), buffer) in parts.iter_mut().zip(&mut headers).zip(&mut self.buffers) {
            part.iov_base = buffer.as_mut_ptr().cast();
            part.iov_len = BUFFER;
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
        }
        // SAFETY: every header names one part, every part a buffer of BUFFER bytes; all of them live over the call.
        let received = unsafe {
            libc::recvmmsg(
                self.socket.as_fd().as_raw_fd(),
                headers.as_mut_ptr(),
                DATAGRAMS as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        match usize::try_from(received) {
            Ok(received) => Ok(received),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
                error => Err(error),
            },
        }
    }
}
