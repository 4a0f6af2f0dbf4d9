//! Whether a connection is still in the kernel's table.

use super::{CT_GET, CT_NEW, cta, read_entry};
use crate::error::Error;
use crate::netlink::{HOST_LITTLE, NFGENMSG, NLMSG_ERROR, NetlinkSocket, Request};
use crate::row::*;

/// Bytes of an answer at most.
pub(crate) const ANSWER_SIZE: usize = 8 * 1024;

/// Whether the table has this very connection now: the same tuple, id and start. One without both is not known again. It has to be of
/// TCP or UDP, and of no zone.
pub(crate) fn is_present(socket: &mut NetlinkSocket, row: &[u8; ROW_SIZE], buffer: &mut [u8]) -> Result<bool, Error> {
    let mut generic = [0; NFGENMSG];
    generic[0] = row[FAMILY];
    socket.request(CT_GET, 0, &generic, |request| put_tuple(row, request))?;
    let mut answer = [0; ROW_SIZE];
    socket.answer(buffer, |message| match message.kind {
        CT_NEW => {
            let read = read_entry::<HOST_LITTLE>(message.payload, &mut answer);
            Some(Ok(read.is_ok() && is_same(row, &answer)))
        }
        NLMSG_ERROR => Some(match message.errno::<HOST_LITTLE>().unwrap_or(0) {
            errno if errno == libc::ENOENT as u32 => Ok(false),
            errno => Err(Error::answer(socket.what(), errno)),
        }),
        _ => None,
    })?
}

/// The kernel gives an id again when it gives the memory again, but not at the same time.
fn is_same(one: &[u8; ROW_SIZE], other: &[u8; ROW_SIZE]) -> bool {
    let named = |row: &[u8; ROW_SIZE]| get_u32(row, PRESENT) & IDENTITY_FLAGS == IDENTITY_FLAGS;
    named(one)
        && named(other)
        && one[ID..ID + 4] == other[ID..ID + 4]
        && one[START_NS..STOP_NS] == other[START_NS..STOP_NS]
}

fn put_tuple(row: &[u8; ROW_SIZE], request: &mut Request) {
    // CTA_IP_V4_SRC or CTA_IP_V6_SRC, and the address behind it the destination's
    let (source, length) = if row[FAMILY] == AF_INET6 { (3, 16) } else { (1, 4) };
    request.nest(cta::TUPLE_ORIG, |tuple| {
        tuple.nest(cta::TUPLE_IP, |ip| {
            ip.put(source, &row[ORIG_SRC..ORIG_SRC + length]);
            ip.put(source + 1, &row[ORIG_DST..ORIG_DST + length]);
        });
        tuple.nest(cta::TUPLE_PROTO, |proto| {
            // CTA_PROTO_SRC_PORT and CTA_PROTO_DST_PORT
            proto.put(cta::PROTO_NUM, &[row[PROTOCOL]]);
            proto.put(2, &get_u16(row, ORIG_SPORT).to_be_bytes());
            proto.put(3, &get_u16(row, ORIG_DPORT).to_be_bytes());
        });
    });
}
