//! The side that answers.

use crate::socket::{Poll, raise_file_limit, widen_backlog};
use crate::wire::{self, LARGEST, TCP_PORTS, UDP_PORTS};
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;

const STDIN: u64 = u64::MAX;
/// Datagrams that one socket may have answered before the next one is looked at.
const TURN: usize = 64;

/// Answers on all ports of these addresses until standard input ends. Says `ready` when it listens.
pub fn serve(addresses: &[IpAddr]) -> io::Result<()> {
    raise_file_limit()?;
    let mut poll = Poll::new()?;
    let mut datagrams = HashMap::new();
    let mut listeners = HashMap::new();
    let mut streams: HashMap<u64, TcpStream> = HashMap::new();
    poll.readable(&io::stdin(), STDIN)?;
    for &address in addresses {
        for port in UDP_PORTS {
            let socket = UdpSocket::bind((address, port))?;
            socket.set_nonblocking(true)?;
            poll.readable(&socket, token(&socket))?;
            datagrams.insert(token(&socket), socket);
        }
        for port in TCP_PORTS {
            let listener = TcpListener::bind((address, port))?;
            listener.set_nonblocking(true)?;
            widen_backlog(&listener)?;
            poll.readable(&listener, token(&listener))?;
            listeners.insert(token(&listener), listener);
        }
    }
    println!("ready");
    let mut buffer = [0; LARGEST];
    loop {
        for ready in poll.wait(-1)? {
            if ready == STDIN {
                return Ok(());
            } else if let Some(socket) = datagrams.get(&ready) {
                answer_datagrams(socket, &mut buffer);
            } else if let Some(listener) = listeners.get(&ready) {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    poll.readable(&stream, token(&stream))?;
                    streams.insert(token(&stream), stream);
                }
            } else if let Some(stream) = streams.get_mut(&ready)
                && !answer_stream(stream, &mut buffer)
            {
                streams.remove(&ready); // which closes it
            }
        }
    }
}

fn token(socket: &impl AsRawFd) -> u64 {
    u64::from(socket.as_raw_fd().unsigned_abs())
}

fn answer_datagrams(socket: &UdpSocket, buffer: &mut [u8]) {
    for _ in 0..TURN {
        let Ok((length, from)) = socket.recv_from(buffer) else {
            return;
        };
        if let Some(request) = wire::Request::read(&buffer[..length]) {
            // a full send buffer drops it, as any network may
            let _ = socket.send_to(&buffer[..usize::from(request.answer)], from);
        }
    }
}

/// Whether the connection goes on.
fn answer_stream(stream: &mut TcpStream, buffer: &mut [u8]) -> bool {
    match stream.read(buffer) {
        Ok(length) => {
            let Some(request) = wire::Request::read(&buffer[..length]) else {
                return false; // the end of the stream, or nothing of ours
            };
            let whole = stream.write_all(&buffer[..usize::from(request.answer)]).is_ok();
            whole && !request.close
        }
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}
