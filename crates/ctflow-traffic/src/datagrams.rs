//! Flows of datagrams: UDP, and ICMP echo. Nobody waits for the answers; the kernel counts them on their way.

use crate::plan::{Flow, Kind};
use crate::socket::{keep_little, ping};
use crate::tuples::Tuple;
use crate::wire::{LARGEST, Request};
use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;

/// A flow with what is left of it.
#[derive(Clone, Debug)]
pub struct Datagrams {
    /// As it was planned.
    pub flow: Flow,
    /// Requests that this use of the tuple still makes; never counted down where it lasts to the end.
    pub left: u8,
    /// It lasts to the end.
    pub long: bool,
    socket: Rc<UdpSocket>,
    to: SocketAddr,
}

impl Datagrams {
    /// Sends one request.
    /// @returns its octets with IP header
    pub fn send(&self) -> io::Result<u64> {
        let Flow {
            kind,
            v6,
            request,
            answer,
            ..
        } = self.flow;
        let mut bytes = [0; LARGEST];
        let length = usize::from(request);
        if matches!(kind, Kind::Icmp | Kind::IcmpAgain) {
            bytes[0] = if v6 { 128 } else { 8 }; // echo request; the kernel writes checksum and identifier
        } else {
            Request { answer, close: false }.write(&mut bytes);
        }
        let sent = self.socket.send_to(&bytes[..length], self.to)?;
        let header = if matches!(kind, Kind::Icmp | Kind::IcmpAgain) {
            0
        } else {
            8
        };
        Ok(sent as u64 + header + if v6 { 40 } else { 20 })
    }
}

/// UDP sockets by their address, each shared by the flows from its port.
#[derive(Debug, Default)]
pub struct Sockets(HashMap<SocketAddr, Rc<UdpSocket>>);

impl Sockets {
    /// A flow over a UDP socket that may be shared.
    pub fn udp(&mut self, flow: Flow, Tuple { from, to }: Tuple) -> io::Result<Datagrams> {
        let socket = match self.0.get(&from) {
            Some(socket) => Rc::clone(socket),
            None => {
                let socket = Rc::new(UdpSocket::bind(from)?);
                socket.set_nonblocking(true)?;
                keep_little(&socket)?;
                self.0.insert(from, Rc::clone(&socket));
                socket
            }
        };
        Ok(Datagrams::over(socket, flow, to))
    }

    /// A flow over a socket of its own for ICMP echo.
    pub fn icmp(flow: Flow, Tuple { from, mut to }: Tuple) -> io::Result<Datagrams> {
        to.set_port(0);
        let socket = ping(from)?;
        keep_little(&socket)?;
        Ok(Datagrams::over(Rc::new(socket), flow, to))
    }
}

impl Datagrams {
    fn over(socket: Rc<UdpSocket>, flow: Flow, to: SocketAddr) -> Self {
        Self {
            flow,
            left: flow.requests,
            long: false,
            socket,
            to,
        }
    }
}
