//! What the two sides have agreed on.

use std::ops::Range;

/// UDP ports that answer.
pub const UDP_PORTS: Range<u16> = 7000..7064;
/// TCP ports that answer.
pub const TCP_PORTS: Range<u16> = 8000..8016;
/// A TCP port that nobody listens on.
pub const CLOSED_PORT: u16 = 8999;
/// Ports that the router between the two lets nothing through to, one for each of its rules.
pub const DENIED_PORTS: Range<u16> = 9000..9010;
/// Octets of the largest request or answer.
pub const LARGEST: usize = 8192;

/// The head of a request; the rest of it is padding. A request is one datagram, or one segment of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Octets to answer with.
    pub answer: u16,
    /// The answering side closes the connection.
    pub close: bool,
}

impl Request {
    /// Of what arrived, where it is a request.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let &[high, low, close, ..] = bytes else {
            return None;
        };
        let answer = u16::from_be_bytes([high, low]);
        (usize::from(answer) <= LARGEST).then_some(Self {
            answer,
            close: close != 0,
        })
    }

    /// Puts it at the start of a request.
    pub fn write(self, bytes: &mut [u8]) {
        bytes[..2].copy_from_slice(&self.answer.to_be_bytes());
        bytes[2] = u8::from(self.close);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let request = Request {
            answer: 4097,
            close: true,
        };
        let mut bytes = [7; 10];
        request.write(&mut bytes);
        assert_eq!(Request::read(&bytes), Some(request));
        assert_eq!(Request::read(&bytes[..2]), None);
        assert_eq!(Request::read(&[255, 255, 0]), None);
    }
}
