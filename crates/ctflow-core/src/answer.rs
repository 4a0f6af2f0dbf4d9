//! One datagram of a dump: which of its messages answer the request, and whether it ends it.

use crate::netlink::{Frame, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, frame};

/// The request that messages must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// nlmsg_seq of the request.
    pub sequence: u32,
    /// Port of the socket.
    pub port: u32,
}

/// What a datagram holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Bytes kept at its start: whole messages that answer the request.
    pub bytes: usize,
    /// Of those, bytes before the message that ends the dump.
    pub before_end: usize,
    /// Messages that answer another request, and were taken out.
    pub ignored: u32,
    /// Bytes are left that are no whole message.
    pub rest: bool,
    /// NLM_F_DUMP_INTR stood in a message.
    pub interrupted: bool,
    /// The dump is over: the errno of NLMSG_DONE or NLMSG_ERROR, 0 for none.
    pub end: Option<u32>,
}

/// Moves what answers the request to the start of `datagram`, and looks for the end of the dump; nothing behind it is looked
/// at. `LITTLE` is the order of netlink's own headers.
pub fn keep_answer<const LITTLE: bool>(datagram: &mut [u8], asked: Asked) -> Answer {
    let mut answer = Answer::default();
    let mut at = 0;
    while at < datagram.len() {
        let Frame::Whole(message) = frame::<LITTLE>(&datagram[at..]) else {
            answer.rest = true;
            break;
        };
        let span = message.span;
        if asked.sequence != message.sequence || asked.port != message.port {
            answer.ignored += 1;
            at += span;
            continue;
        }
        answer.interrupted |= message.flags & NLM_F_DUMP_INTR != 0;
        let end = match message.kind {
            NLMSG_DONE => Some(message.errno::<LITTLE>().unwrap_or(0)),
            // An acknowledgement ends nothing, and one without room for an errno cannot be read.
            NLMSG_ERROR => message.errno::<LITTLE>().filter(|errno| *errno != 0),
            _ => None,
        };
        if answer.bytes != at {
            datagram.copy_within(at..at + span, answer.bytes);
        }
        answer.before_end = answer.bytes;
        answer.bytes += span;
        at += span;
        if end.is_some() {
            answer.end = end;
            return answer;
        }
    }
    answer.before_end = answer.bytes;
    answer
}
