//! Flow records to IPFIX messages (RFC 7011 section 3) by a compiled plan. Pure: no clock, no state, no socket.

use super::Names;
use super::data_record::{Plan, put};
use crate::error::{Code, Error};
use crate::row::RECORD_SIZE;

/// Bytes of a message header.
const MESSAGE_HEADER: usize = 16;
/// Bytes of a set header.
const SET_HEADER: usize = 4;
/// The first id of a data set; the ones below are reserved.
const FIRST_TEMPLATE_ID: u32 = 256;

/// A call of [`encode`], as src/backend.ts has it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Instructions of four words.
    pub plan: &'a [u32],
    /// Set id of the data sets.
    pub template_id: u32,
    /// Flow records of RECORD_SIZE bytes.
    pub records: &'a [u8],
    /// First record to encode.
    pub from: usize,
    /// One past the last.
    pub to: usize,
    /// The name table that OP_NAME refers to.
    pub names: Names<'a>,
    /// Whole sets before the data set of the first message; may be empty.
    pub prefix: &'a [u8],
    /// Bytes of a message at most.
    pub limit: usize,
    /// Seconds since 1970.
    pub export_time: u32,
    /// Data records sent before.
    pub sequence: u32,
    /// Observation domain id.
    pub observation_domain: u32,
}

/// How far [`encode`] came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Messages written.
    pub messages: usize,
    /// One past the last record that was encoded or passed over.
    pub next: usize,
    /// Records passed over because no message can hold them.
    pub oversize: usize,
}

/// Writes messages of at most `limit` bytes one after another into `out`, and for each its bytes and its data records into
/// `lengths`. Each has one data set with as many records as fit; the prefix stands in the first, alone when no record fits
/// beside it. Stops when `out` has less than `limit` bytes left or `lengths` no pair.
///
/// An error names what is wrong with the request; nothing was written then.
pub fn encode(request: &Request, out: &mut [u8], lengths: &mut [u32]) -> Result<Encoded, Error> {
    let Request {
        from,
        to,
        prefix,
        limit,
        ..
    } = *request;
    let wrong = |text: String| Err(Error::new(Code::Usage, text));
    if limit > usize::from(u16::MAX) {
        return wrong(format!("a message limit of {limit} bytes; 65535 are possible"));
    }
    if !(FIRST_TEMPLATE_ID..=u16::MAX.into()).contains(&request.template_id) {
        return wrong(format!(
            "template id {}; 256 to 65535 are possible",
            request.template_id
        ));
    }
    if !prefix.is_empty() && MESSAGE_HEADER + prefix.len() > limit {
        return wrong(format!(
            "sets of {} bytes do not fit a message of {limit} bytes",
            prefix.len()
        ));
    }
    let (records, _) = request.records.as_chunks::<RECORD_SIZE>();
    if from > to || to > records.len() {
        return wrong(format!("records {from} to {to} of {}", records.len()));
    }
    let plan = Plan::compile(request.plan)?;

    let mut encoded = Encoded {
        next: from,
        ..Encoded::default()
    };
    let mut sequence = request.sequence;
    let mut room = out;
    let (lengths, _) = lengths.as_chunks_mut::<2>();
    let mut prefix = prefix;
    for length in lengths {
        if room.len() < limit || (encoded.next == to && prefix.is_empty()) {
            break;
        }
        let message = &mut room[..limit];
        let mut end = MESSAGE_HEADER.min(limit);
        if !prefix.is_empty() {
            end += prefix.len();
            message[MESSAGE_HEADER..end].copy_from_slice(prefix);
        }

        let set = end;
        let mut at = set + SET_HEADER;
        let mut count = 0;
        while let Some(record) = records[..to].get(encoded.next) {
            if at + plan.largest() > limit {
                let size = plan.size_of(record, &request.names);
                if MESSAGE_HEADER + SET_HEADER + size > limit {
                    encoded.oversize += 1;
                    encoded.next += 1;
                    continue;
                }
                if at + size > limit {
                    break;
                }
            }
            at += plan.write(record, &request.names, &mut message[at..]);
            count += 1;
            encoded.next += 1;
        }

        if count > 0 {
            put(message, set, (request.template_id as u16).to_be_bytes());
            put(message, set + 2, ((at - set) as u16).to_be_bytes());
            end = at;
        } else if prefix.is_empty() {
            break; // nothing but records that fit nowhere
        }
        const VERSION: u16 = 10;
        put(message, 0, VERSION.to_be_bytes());
        put(message, 2, (end as u16).to_be_bytes());
        put(message, 4, request.export_time.to_be_bytes());
        put(message, 8, sequence.to_be_bytes());
        put(message, 12, request.observation_domain.to_be_bytes());
        *length = [end as u32, count];
        encoded.messages += 1;
        sequence = sequence.wrapping_add(count);
        prefix = &[];
        room = &mut room[end..];
    }
    Ok(encoded)
}
