//! The answer to a request from its begin to its end: one message, or a list that the kernel dumps.

use super::{
    Frame, HOST_LITTLE, Message, NLM_F_DUMP, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NetlinkSocket, READ_SIZE,
    Received, Request, frame,
};
use crate::error::{Code, Error};

/// A list that changes while it is read is asked for so often.
const TRIES: u32 = 10;

/// Whether a list is one that there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum List {
    /// It did not change while it was read.
    Whole,
    /// It did (NLM_F_DUMP_INTR): something may be missing, or stand in it twice.
    Changed,
}

impl NetlinkSocket {
    /// Shows the messages that answer the last request, one after another, until `take` has what it wants of them. What answers another
    /// request is passed over.
    ///
    /// Errors: `Netlink` where a part of the answer is lost.
    pub(crate) fn answer<T>(&self, buffer: &mut [u8], mut take: impl FnMut(&Message) -> Option<T>) -> Result<T, Error> {
        loop {
            let length = match self.receive(buffer)? {
                Received::Foreign => continue,
                Received::Overrun => return Err(self.lost("the receive buffer was full")),
                Received::Datagram { truncated: true, .. } => return Err(self.lost("an answer is too long")),
                Received::Datagram { length, .. } => length,
            };
            let mut rest = &buffer[..length];
            while let Frame::Whole(message) = frame::<HOST_LITTLE>(rest) {
                rest = &rest[message.span..];
                if !self.is_reply(&message) {
                    continue;
                }
                if let Some(taken) = take(&message) {
                    return Ok(taken);
                }
            }
            if !rest.is_empty() {
                return Err(self.lost("an answer is cut short"));
            }
        }
    }

    /// Shows each message of the list that the last request asked for.
    ///
    /// Errors: as [`Self::answer`], and what the kernel says.
    pub(crate) fn answers(&self, mut show: impl FnMut(&Message)) -> Result<List, Error> {
        let mut list = List::Whole;
        let errno = self.answer(&mut vec![0; READ_SIZE], |message| {
            if message.flags & NLM_F_DUMP_INTR != 0 {
                list = List::Changed;
            }
            match message.kind {
                NLMSG_DONE | NLMSG_ERROR => return Some(message.errno::<HOST_LITTLE>().unwrap_or(0)),
                _ => show(message),
            }
            None
        })?;
        match errno {
            0 => Ok(list),
            errno => Err(Error::answer(self.what(), errno)),
        }
    }

    /// Asks for a list and takes each message of it, from anew where it changed meanwhile.
    ///
    /// Errors: as [`Self::answers`], and `Netlink` where it did not stop to change.
    pub(crate) fn list<T: Default>(
        &mut self,
        kind: u16,
        generic: &[u8],
        put: impl Fn(&mut Request),
        mut take: impl FnMut(&mut T, &Message),
    ) -> Result<T, Error> {
        for _ in 0..TRIES {
            let mut taken = T::default();
            self.request(kind, NLM_F_DUMP, generic, &put)?;
            if self.answers(|message| take(&mut taken, message))? == List::Whole {
                return Ok(taken);
            }
        }
        Err(self.lost("what it lists changes all the time"))
    }

    fn lost(&self, why: &str) -> Error {
        Error::new(Code::Netlink, format!("{}: {why}", self.what()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::RequestId;
    use super::*;
    use std::os::unix::net::UnixDatagram;

    const KIND: u16 = 100;
    const ASKED: RequestId = RequestId { sequence: 7, port: 0 };

    /// What a request of this sequence number is answered with.
    fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
        Request::new(kind, flags, sequence, payload).finish()
    }

    fn one(number: u8) -> Vec<u8> {
        message(KIND, 0, ASKED.sequence, &[number, 0, 0, 0])
    }

    fn done(errno: i32) -> Vec<u8> {
        message(NLMSG_DONE, 0, ASKED.sequence, &(-errno).to_ne_bytes())
    }

    /// The numbers that are shown of these datagrams, and how the list ends.
    fn read(datagrams: &[&[Vec<u8>]]) -> (Vec<u8>, Result<List, Error>) {
        let (ours, kernels) = UnixDatagram::pair().unwrap();
        for datagram in datagrams {
            kernels.send(&datagram.concat()).unwrap();
        }
        let mut shown = Vec::new();
        let list = NetlinkSocket::of(ours.into(), ASKED).answers(|message| shown.push(message.payload[0]));
        (shown, list)
    }

    #[test]
    fn a_list_is_shown_up_to_its_end() {
        let other = message(NLMSG_DONE, 0, ASKED.sequence - 1, &[0; 4]);
        let (shown, list) = read(&[&[one(1), other, one(2)], &[one(3), done(0), one(4)]]);
        assert_eq!((shown, list), (vec![1, 2, 3], Ok(List::Whole)));
    }

    #[test]
    fn a_list_that_changed_is_said_to_have() {
        let changed = message(KIND, NLM_F_DUMP_INTR, ASKED.sequence, &[2, 0, 0, 0]);
        let (shown, list) = read(&[&[one(1)], &[changed, done(0)]]);
        assert_eq!((shown, list), (vec![1, 2], Ok(List::Changed)));
        let at_the_end = message(NLMSG_DONE, NLM_F_DUMP_INTR, ASKED.sequence, &[0; 4]);
        assert_eq!(read(&[&[one(1), at_the_end]]).1, Ok(List::Changed));
    }

    #[test]
    fn an_error_is_what_the_kernel_says() {
        let error = message(NLMSG_ERROR, 0, ASKED.sequence, &(-libc::EPERM).to_ne_bytes());
        for end in [error, done(libc::EPERM)] {
            let error = read(&[&[one(1), end]]).1.unwrap_err();
            assert_eq!((error.code, error.errno), (Code::Permission, Some(libc::EPERM)));
        }
    }

    #[test]
    fn a_part_that_is_lost_is_no_list() {
        let cut = one(2)[..18].to_vec();
        let no_length = vec![0; 16];
        let long = message(KIND, 0, ASKED.sequence, &vec![0; READ_SIZE]);
        for (bad, why) in [
            (cut, "an answer is cut short"),
            (no_length, "an answer is cut short"),
            (long, "an answer is too long"),
        ] {
            let error = read(&[&[one(1), bad], &[done(0)]]).1.unwrap_err();
            assert_eq!((error.code, error.text), (Code::Netlink, format!("Cannot test: {why}")));
        }
    }

    #[test]
    fn a_list_of_the_kernel_is_taken_once() {
        // RTM_GETLINK and RTM_NEWLINK: a namespace has its loopback interface
        let mut socket = NetlinkSocket::open_family(libc::NETLINK_ROUTE, "Cannot test").unwrap();
        let count = |count: &mut usize, message: &Message| *count += usize::from(message.kind == 16);
        let first = socket.list(18, &[0; 16], |_| {}, count).unwrap();
        assert!(first > 0);
        assert_eq!(socket.list(18, &[0; 16], |_| {}, count), Ok(first));
    }
}
