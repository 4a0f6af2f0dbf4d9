//! Flows over TCP.

use crate::plan::{Flow, Kind};
use crate::socket::{Poll, close_by_reset, connect};
use crate::tuples::Tuple;
use crate::wire::{LARGEST, Request};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

/// A connection and how far it has come.
#[derive(Debug)]
pub struct Stream {
    /// As it was planned.
    pub flow: Flow,
    /// Its two ends.
    pub tuple: Tuple,
    /// It lasts to the end.
    pub long: bool,
    /// Octets sent and received.
    pub octets: u64,
    connection: TcpStream,
    standing: bool,
    /// Octets of the answer that have not come.
    expected: usize,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is more to come.
    Waits,
    /// A connection that lasts to the end has its answer.
    Rests,
    /// It is over, as it was meant to be.
    Over,
    /// It went wrong.
    Failed,
}

impl Stream {
    /// Begins to connect; `token` is what the poll says when there is news.
    pub fn open(flow: Flow, tuple: Tuple, long: bool, poll: &Poll, token: u64) -> io::Result<Self> {
        let connection = connect(tuple.from, tuple.to)?;
        poll.writable(&connection, token)?;
        Ok(Self {
            flow,
            tuple,
            long,
            octets: 0,
            connection,
            standing: false,
            expected: 0,
        })
    }

    /// Goes on after the poll has spoken.
    pub fn proceed(&mut self, poll: &Poll, token: u64) -> Step {
        match self.step(poll, token) {
            Ok(step) => step,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Step::Waits,
            Err(_) => Step::Failed,
        }
    }

    fn step(&mut self, poll: &Poll, token: u64) -> io::Result<Step> {
        if !self.standing {
            if let Some(error) = self.connection.take_error()? {
                let refused = self.flow.kind == Kind::Refused && error.kind() == ErrorKind::ConnectionRefused;
                return Ok(if refused { Step::Over } else { Step::Failed });
            }
            self.standing = true;
            self.connection.set_nodelay(true)?;
            poll.readable_now(&self.connection, token)?;
            self.request()?;
        }
        let mut buffer = [0; LARGEST];
        let read = self.connection.read(&mut buffer)?;
        self.octets += read as u64;
        self.expected = self.expected.saturating_sub(read);
        let closes = self.flow.kind == Kind::TcpServer && !self.long;
        Ok(match (read, self.expected) {
            (0, 0) if closes => Step::Over,
            (0, _) => Step::Failed,
            (_, 0) if closes => Step::Waits, // for the end of the stream
            (_, 0) if self.long => Step::Rests,
            (_, 0) => Step::Over,
            _ => Step::Waits,
        })
    }

    /// Sends a request.
    pub fn request(&mut self) -> io::Result<()> {
        let Flow {
            kind, request, answer, ..
        } = self.flow;
        let mut bytes = [0; LARGEST];
        let close = kind == Kind::TcpServer && !self.long;
        Request { answer, close }.write(&mut bytes);
        self.connection.write_all(&bytes[..usize::from(request)])?;
        self.octets += u64::from(request);
        self.expected = usize::from(answer);
        Ok(())
    }

    /// It is closed by a RST: its port is to be used again.
    pub fn resets(&self) -> bool {
        self.flow.kind == Kind::TcpAgain && !self.long
    }

    /// Closes it.
    pub fn close(self) -> io::Result<()> {
        if self.resets() {
            close_by_reset(&self.connection)?;
        }
        Ok(())
    }
}
