//! Netlink messages of a conntrack dump to rows.

use super::{CT_DELETE, CT_NEW, read_entry};
use crate::netlink::{Frame, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, frame};
use crate::row::{EVENT, EVENT_DESTROY, Filter, ROW_SIZE, put_u32};

/// What became of the bytes; the counts of src/backend.ts. Every message that was used up is in `rows`, `filtered`,
/// `malformed` or `ignored`, is the one that set `done`, or is the one that set `error`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Rows written.
    pub rows: u32,
    /// Bytes used up.
    pub consumed: usize,
    /// Connections that the filter took out.
    pub filtered: u32,
    /// Messages or entries that could not be read.
    pub malformed: u32,
    /// Messages that are no conntrack entry of this dump.
    pub ignored: u32,
    /// NLMSG_DONE was read.
    pub done: bool,
    /// NLM_F_DUMP_INTR stood in a message.
    pub interrupted: bool,
    /// errno of NLMSG_ERROR or of a failed NLMSG_DONE, positive.
    pub error: u32,
}

/// Decodes messages into rows, from the start of both.
///
/// Stops before the next message when the rows are full, before a message that is cut short, behind NLMSG_DONE, and behind
/// an NLMSG_ERROR that holds an errno. A message length below 16 loses the frame: the rest counts as one malformed message.
/// Of the rows only the first `rows` are meaningful; EVENT is EVENT_DESTROY behind IPCTNL_MSG_CT_DELETE, else EVENT_NONE:
/// which of the two IPCTNL_MSG_CT_NEW means is known for events alone. `little_endian` is the order of netlink's own headers; attributes are
/// big-endian on every host.
pub fn decode(bytes: &[u8], little_endian: bool, filter: &Filter, rows: &mut [u8]) -> Decoded {
    if little_endian {
        run::<true>(bytes, filter, rows)
    } else {
        run::<false>(bytes, filter, rows)
    }
}

fn run<const LITTLE: bool>(bytes: &[u8], filter: &Filter, rows: &mut [u8]) -> Decoded {
    let mut decoded = Decoded::default();
    let (rows, _) = rows.as_chunks_mut::<ROW_SIZE>();
    while let Some(row) = rows.get_mut(decoded.rows as usize) {
        let message = match frame::<LITTLE>(&bytes[decoded.consumed..]) {
            Frame::Whole(message) => message,
            Frame::Cut => break,
            Frame::Lost => {
                decoded.malformed += 1;
                decoded.consumed = bytes.len();
                break;
            }
        };
        decoded.consumed += message.span;
        decoded.interrupted |= message.flags & NLM_F_DUMP_INTR != 0;
        match message.kind {
            CT_NEW | CT_DELETE => match read_entry::<LITTLE>(message.payload, row) {
                Err(_) => decoded.malformed += 1,
                Ok(()) if !filter.matches(row) => decoded.filtered += 1,
                Ok(()) => {
                    if message.kind == CT_DELETE {
                        put_u32(row, EVENT, EVENT_DESTROY);
                    }
                    decoded.rows += 1;
                }
            },
            NLMSG_DONE => {
                decoded.done = true;
                decoded.error = message.errno::<LITTLE>().unwrap_or(0);
                break;
            }
            NLMSG_ERROR => match message.errno::<LITTLE>() {
                None => decoded.malformed += 1,
                // An acknowledgement.
                Some(0) => decoded.ignored += 1,
                Some(errno) => {
                    decoded.error = errno;
                    break;
                }
            },
            _ => decoded.ignored += 1,
        }
    }
    decoded
}
