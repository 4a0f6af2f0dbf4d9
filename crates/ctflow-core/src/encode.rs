//! Flow records to IPFIX messages (RFC 7011 section 3) by a compiled plan. Pure: no clock, no state, no socket.

use crate::error::{Code, Error};
use crate::plan::*;
use crate::row::{HAS_TCP_STATE, PRESENT, RECORD_SIZE};

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

/// Names by number, one after another.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// UTF-8, [`LONGEST_NAME`] bytes each at most.
    pub bytes: &'a [u8],
    /// Where each ends; it begins where the one before ends.
    pub ends: &'a [u32],
}

impl<'a> Names<'a> {
    /// No names: every number is the empty one.
    pub const NONE: Self = Self { bytes: &[], ends: &[] };

    /// The name, empty where there is none of this number, or where the table is wrong about it.
    #[inline]
    fn get(&self, number: u32) -> &'a [u8] {
        let number = number as usize;
        let Some(&end) = self.ends.get(number) else {
            return &[];
        };
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        match self.bytes.get(start as usize..end as usize) {
            Some(name) if name.len() <= LONGEST_NAME => name,
            _ => &[],
        }
    }
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
            if at + plan.largest > limit {
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

/// An instruction, its operands checked. Offsets lie inside the record.
#[derive(Clone, Copy)]
enum Step {
    Copy4(u16),
    Copy16(u16),
    Copy {
        at: u16,
        length: u16,
    },
    U8(u16),
    U16(u16),
    U32(u16),
    U64(u16),
    /// A number in more bytes than it has.
    Wide {
        at: u16,
        width: u8,
        length: u8,
    },
    Constant {
        value: u32,
        length: u8,
    },
    Text {
        at: u16,
        length: u8,
    },
    TcpState(u16),
    TcpHistory(u16),
    Name(u16),
    Seconds(u16),
}

struct Plan {
    steps: Vec<Step>,
    /// Bytes of the fields of fixed length, and of the length bytes of the others.
    fixed: usize,
    /// Bytes that a record has at most.
    largest: usize,
}

impl Plan {
    fn compile(words: &[u32]) -> Result<Self, Error> {
        let (instructions, rest) = words.as_chunks::<INSTRUCTION_WORDS>();
        if instructions.is_empty() || !rest.is_empty() {
            return Err(Error::new(Code::Usage, format!("a plan of {} words", words.len())));
        }
        let mut plan = Plan {
            steps: Vec::with_capacity(instructions.len()),
            fixed: 0,
            largest: 0,
        };
        let longest_state = TCP_STATES.iter().map(|name| name.len()).max().unwrap_or(0);
        for (number, instruction) in instructions.iter().enumerate() {
            let step = Step::compile(instruction)
                .ok_or_else(|| Error::new(Code::Usage, format!("plan instruction {number} is {instruction:?}")))?;
            let (fixed, variable) = match step {
                Step::Text { length, .. } => (1, length.into()),
                Step::TcpState(_) => (1, longest_state),
                Step::TcpHistory(_) => (1, History::LONGEST),
                Step::Name(_) => (1, LONGEST_NAME),
                _ => (instruction[2] as usize, 0),
            };
            plan.fixed += fixed;
            plan.largest += fixed + variable;
            plan.steps.push(step);
        }
        Ok(plan)
    }

    fn size_of(&self, record: &[u8; RECORD_SIZE], names: &Names) -> usize {
        let variable = self.steps.iter().map(|step| match *step {
            Step::Text { at, length } => text(record, at, length).len(),
            Step::TcpState(at) => tcp_state(record, at).len(),
            Step::TcpHistory(at) => History::of(record, at).text().len(),
            Step::Name(at) => names.get(u32::from_ne_bytes(load(record, at))).len(),
            _ => 0,
        });
        self.fixed + variable.sum::<usize>()
    }

    /// Writes the record at the start of `out`, which has room for it, and says how much.
    #[inline]
    fn write(&self, record: &[u8; RECORD_SIZE], names: &Names, out: &mut [u8]) -> usize {
        let mut at = 0;
        for step in &self.steps {
            at += step.write(record, names, &mut out[at..]);
        }
        at
    }
}

impl Step {
    /// None when the operation is unknown, or its operands do not fit it or the record.
    fn compile([operation, offset, length, argument]: &[u32; INSTRUCTION_WORDS]) -> Option<Self> {
        let width = match *operation {
            OP_BYTES | OP_TEXT => *length,
            OP_U8 | OP_TCP_STATE => 1,
            OP_U16 => 2,
            OP_U32 | OP_NAME | OP_TCP_HISTORY => 4,
            OP_U64 | OP_SECONDS => 8,
            OP_CONSTANT => 0,
            _ => return None,
        };
        if offset.checked_add(width)? > RECORD_SIZE as u32 {
            return None;
        }
        let (at, short) = (*offset as u16, *length as u8);
        let wide = Step::Wide {
            at,
            width: width as u8,
            length: short,
        };
        Some(match (*operation, *length) {
            (OP_BYTES, 4) => Step::Copy4(at),
            (OP_BYTES, 16) => Step::Copy16(at),
            (OP_BYTES, 1..) => Step::Copy {
                at,
                length: *length as u16,
            },
            (OP_U8, 1) => Step::U8(at),
            (OP_U16, 2) => Step::U16(at),
            (OP_U32, 4) => Step::U32(at),
            (OP_U64, 8) => Step::U64(at),
            (OP_U8, 2 | 4 | 8) | (OP_U16, 4 | 8) | (OP_U32, 8) => wide,
            (OP_CONSTANT, 1..=16) => Step::Constant {
                value: *argument,
                length: short,
            },
            (OP_TEXT, 1..=254) => Step::Text { at, length: short },
            (OP_TCP_STATE, 0) => Step::TcpState(at),
            (OP_SECONDS, 4) => Step::Seconds(at),
            (OP_NAME, 0) => Step::Name(at),
            (OP_TCP_HISTORY, 0) => Step::TcpHistory(at),
            _ => return None,
        })
    }

    /// Writes at the start of `out` and says how much.
    #[inline(always)]
    fn write(self, record: &[u8; RECORD_SIZE], names: &Names, out: &mut [u8]) -> usize {
        match self {
            Step::Copy4(at) => put(out, 0, load::<4>(record, at)),
            Step::Copy16(at) => put(out, 0, load::<16>(record, at)),
            Step::Copy { at, length } => {
                let length = usize::from(length);
                out[..length].copy_from_slice(&record[usize::from(at)..][..length]);
                length
            }
            Step::U8(at) => put(out, 0, load::<1>(record, at)),
            Step::U16(at) => put(out, 0, u16::from_ne_bytes(load(record, at)).to_be_bytes()),
            Step::U32(at) => put(out, 0, u32::from_ne_bytes(load(record, at)).to_be_bytes()),
            Step::U64(at) => put(out, 0, load_u64(record, at).to_be_bytes()),
            Step::Wide { at, width, length } => {
                let value = match width {
                    1 => record[usize::from(at)].into(),
                    2 => u16::from_ne_bytes(load(record, at)).into(),
                    _ => u64::from(u32::from_ne_bytes(load(record, at))),
                };
                let length = usize::from(length);
                out[..length].copy_from_slice(&value.to_be_bytes()[8 - length..]);
                length
            }
            Step::Constant { value, length } => {
                let length = usize::from(length);
                out[..length].copy_from_slice(&u128::from(value).to_be_bytes()[16 - length..]);
                length
            }
            Step::Text { at, length } => put_text(out, text(record, at, length)),
            Step::TcpState(at) => put_text(out, tcp_state(record, at)),
            Step::TcpHistory(at) => put_text(out, History::of(record, at).text()),
            Step::Name(at) => put_text(out, names.get(u32::from_ne_bytes(load(record, at)))),
            Step::Seconds(at) => put(out, 0, ((load_u64(record, at) / 1000) as u32).to_be_bytes()),
        }
    }
}

#[inline(always)]
fn put<const N: usize>(out: &mut [u8], at: usize, bytes: [u8; N]) -> usize {
    out[at..at + N].copy_from_slice(&bytes);
    N
}

#[inline(always)]
fn load<const N: usize>(record: &[u8; RECORD_SIZE], at: u16) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&record[usize::from(at)..][..N]);
    bytes
}

/// Two words, the low one first.
#[inline(always)]
fn load_u64(record: &[u8; RECORD_SIZE], at: u16) -> u64 {
    let [a, b, c, d, e, f, g, h] = load(record, at);
    u64::from(u32::from_ne_bytes([a, b, c, d])) | u64::from(u32::from_ne_bytes([e, f, g, h])) << 32
}

/// The text of a zero-padded field.
fn text(record: &[u8; RECORD_SIZE], at: u16, length: u8) -> &[u8] {
    let field = &record[usize::from(at)..][..usize::from(length)];
    &field[..field.iter().position(|byte| *byte == 0).unwrap_or(field.len())]
}

fn tcp_state(record: &[u8; RECORD_SIZE], at: u16) -> &'static [u8] {
    if u32::from_ne_bytes(load(record, PRESENT as u16)) & HAS_TCP_STATE == 0 {
        return b"";
    }
    TCP_STATES
        .get(usize::from(record[usize::from(at)]))
        .map_or(b"", |name| name.as_bytes())
}

/// The text of packed TCP states.
struct History {
    text: [u8; History::LONGEST],
    length: usize,
}

impl History {
    const STATES: usize = 8;
    /// Eight of the longest, and the commas.
    const LONGEST: usize = History::STATES * "ESTABLISHED".len() + History::STATES - 1;

    fn of(record: &[u8; RECORD_SIZE], at: u16) -> Self {
        let mut packed = u32::from_ne_bytes(load(record, at));
        let mut history = Self {
            text: [0; Self::LONGEST],
            length: 0,
        };
        while let Some(state) = TCP_STATES.get((packed & 15) as usize)
            && packed & 15 != 0
        {
            if history.length > 0 {
                history.push(b",");
            }
            history.push(state.as_bytes());
            packed >>= 4;
        }
        history
    }

    fn push(&mut self, text: &[u8]) {
        self.text[self.length..][..text.len()].copy_from_slice(text);
        self.length += text.len();
    }

    fn text(&self) -> &[u8] {
        &self.text[..self.length]
    }
}

/// RFC 7011 section 7: one length byte, as every text is shorter than 255.
fn put_text(out: &mut [u8], text: &[u8]) -> usize {
    out[0] = text.len() as u8;
    out[1..=text.len()].copy_from_slice(text);
    1 + text.len()
}
