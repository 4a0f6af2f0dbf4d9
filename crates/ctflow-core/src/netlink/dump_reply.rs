//! One datagram of a dump: which of its messages answer the request, and whether the dump is over.

use super::{Frame, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, frame};

/// The request that messages must reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId {
    /// nlmsg_seq of the request.
    pub sequence: u32,
    /// Port of the socket.
    pub port: u32,
}

/// What a datagram holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DumpReply {
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
pub fn keep_reply<const LITTLE: bool>(datagram: &mut [u8], request: RequestId) -> DumpReply {
    let mut reply = DumpReply::default();
    let mut at = 0;
    while at < datagram.len() {
        let Frame::Whole(message) = frame::<LITTLE>(&datagram[at..]) else {
            reply.rest = true;
            break;
        };
        let span = message.span;
        if request.sequence != message.sequence || request.port != message.port {
            reply.ignored += 1;
            at += span;
            continue;
        }
        reply.interrupted |= message.flags & NLM_F_DUMP_INTR != 0;
        let end = match message.kind {
            NLMSG_DONE => Some(message.errno::<LITTLE>().unwrap_or(0)),
            // An acknowledgement ends nothing, and one without room for an errno cannot be read.
            NLMSG_ERROR => message.errno::<LITTLE>().filter(|errno| *errno != 0),
            _ => None,
        };
        if reply.bytes != at {
            datagram.copy_within(at..at + span, reply.bytes);
        }
        reply.before_end = reply.bytes;
        reply.bytes += span;
        at += span;
        if end.is_some() {
            reply.end = end;
            return reply;
        }
    }
    reply.before_end = reply.bytes;
    reply
}
