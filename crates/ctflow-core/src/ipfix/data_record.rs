//! One data record by a plan. A plan is cut at its texts: between them every field has its place, so that fields of one kind are
//! written one after another without a choice for each.

use super::Names;
use super::facts::{Facts, u64_at};
use super::plan::*;
use crate::error::{Code, Error};
use crate::row::*;

/// Seconds from 1900, where NTP begins, to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

/// What a data record is written from.
pub(crate) struct Source<'a> {
    pub(crate) row: &'a [u8; ROW_SIZE],
    pub(crate) facts: &'a Facts,
    /// Zero-padded.
    pub(crate) helper: &'a [u8; 16],
    pub(crate) names: Names<'a>,
}

/// A plan whose operands were checked: offsets lie inside the record.
pub(crate) struct Plan {
    runs: Vec<Run>,
    /// Bytes of the fields of fixed length, and of the length bytes of the others.
    fixed: usize,
    /// Bytes that a record has at most.
    largest: usize,
    /// Where the facts have the deltas that it writes.
    packet_deltas: Vec<usize>,
    octet_deltas: Vec<usize>,
}

/// Fields of fixed length that stand one after another, and the text behind them.
#[derive(Default)]
struct Run {
    /// Constants, and zeros where something is written.
    template: Vec<u8>,
    from_row: Moves,
    from_facts: Moves,
    text: Option<Text>,
}

/// Fields of fixed length from one source, by their kinds.
#[derive(Default)]
struct Moves {
    words: Vec<Move>,
    quads: Vec<Move>,
    copies: Vec<(Move, usize)>,
    u8s: Vec<Move>,
    u16s: Vec<Move>,
    u32s: Vec<Move>,
    u64s: Vec<Move>,
    /// 64-bit milliseconds in another form.
    times: Vec<(Move, Time)>,
}

/// From an offset in the source to one in the run.
#[derive(Clone, Copy)]
struct Move {
    from: u16,
    to: u16,
}

#[derive(Clone, Copy)]
enum Time {
    Seconds,
    /// With bits of the fraction that are left out.
    Ntp(u32),
}

#[derive(Clone, Copy)]
enum Text {
    Helper { at: u8, length: u8 },
    TcpState(u16),
    TcpHistory(u16),
    Name(u16),
}

impl Plan {
    pub(crate) fn compile(words: &[u32]) -> Result<Self, Error> {
        let (instructions, rest) = words.as_chunks::<INSTRUCTION_WORDS>();
        if instructions.is_empty() || !rest.is_empty() {
            return Err(Error::new(Code::Usage, format!("a plan of {} words", words.len())));
        }
        let mut runs = Vec::new();
        let mut run = Run::default();
        for (number, instruction) in instructions.iter().enumerate() {
            run.add(instruction)
                .ok_or_else(|| Error::new(Code::Usage, format!("plan instruction {number} is {instruction:?}")))?;
            if run.text.is_some() {
                runs.push(std::mem::take(&mut run));
            }
        }
        runs.push(run);
        // two elements may have one count
        let writes = |wanted: &usize| {
            let mut counts = instructions.iter().filter(|[operation, ..]| *operation == OP_U64);
            counts.any(|[_, offset, ..]| *offset as usize == *wanted)
        };
        let deltas = |wanted: [usize; 2]| {
            let written = wanted.into_iter().filter(writes);
            written.map(|offset| offset - ROW_SIZE).collect()
        };
        let texts = || runs.iter().filter_map(|run| run.text);
        let fixed = runs.iter().map(|run| run.template.len()).sum::<usize>() + texts().count();
        Ok(Self {
            largest: fixed + texts().map(Text::longest).sum::<usize>(),
            fixed,
            packet_deltas: deltas([ORIG_PACKET_DELTA, REPLY_PACKET_DELTA]),
            octet_deltas: deltas([ORIG_OCTET_DELTA, REPLY_OCTET_DELTA]),
            runs,
        })
    }

    /// Packets and octets that a record counts.
    pub(crate) fn counts(&self, facts: &Facts) -> [f64; 2] {
        // as src/common/u64.ts reads them
        const TWO_32: f64 = 4_294_967_296.0;
        let number = |at: usize| {
            let count = u64_at(facts, at);
            (count >> 32) as f64 * TWO_32 + (count as u32) as f64
        };
        [&self.packet_deltas, &self.octet_deltas]
            .map(|deltas| deltas.iter().map(|at| number(*at)).fold(0.0, |a, b| a + b))
    }

    /// Bytes that a record has at most.
    pub(crate) fn largest(&self) -> usize {
        self.largest
    }

    pub(crate) fn size_of(&self, source: &Source) -> usize {
        let texts = self.runs.iter().filter_map(|run| run.text);
        self.fixed + texts.map(|text| text.with(source, <[u8]>::len)).sum::<usize>()
    }

    /// Writes the record at the start of `out`, which has room for it, and returns its length.
    #[inline]
    pub(crate) fn write(&self, source: &Source, out: &mut [u8]) -> usize {
        let mut at = 0;
        for run in &self.runs {
            let fields = &mut out[at..at + run.template.len()];
            fields.copy_from_slice(&run.template);
            run.from_row.write(source.row, fields);
            run.from_facts.write(source.facts, fields);
            at += run.template.len();
            if let Some(text) = run.text {
                at += text.with(source, |text| put_text(&mut out[at..], text));
            }
        }
        at
    }
}

impl Run {
    /// None when the operation is unknown, or its operands do not fit it, or name what no source has.
    fn add(&mut self, [operation, offset, length, argument]: &[u32; INSTRUCTION_WORDS]) -> Option<()> {
        let width = match *operation {
            OP_BYTES | OP_TEXT => *length,
            OP_U8 | OP_TCP_STATE => 1,
            OP_U16 => 2,
            OP_U32 | OP_NAME | OP_TCP_HISTORY => 4,
            OP_U64 | OP_SECONDS | OP_NTP => 8,
            OP_CONSTANT => 0,
            _ => return None,
        };
        let place = place(*operation, *offset as usize, offset.checked_add(width)? as usize)?;
        let (moves, from) = match place {
            Place::Row => (&mut self.from_row, *offset as u16),
            Place::Facts => (&mut self.from_facts, (*offset as usize - ROW_SIZE) as u16),
            Place::Helper => (&mut self.from_row, (*offset as usize - HELPER) as u16),
        };
        let end = self.template.len() + *length as usize;
        // a number stands at the end of its field, zeros in front of it
        let number = Move {
            from,
            to: u16::try_from(end.checked_sub(width as usize).unwrap_or(end)).ok()?,
        };
        match (*operation, *length) {
            (OP_BYTES, 4) => moves.words.push(number),
            (OP_BYTES, 16) => moves.quads.push(number),
            (OP_BYTES, 1..) => moves.copies.push((number, *length as usize)),
            (OP_U8, 1 | 2 | 4 | 8) => moves.u8s.push(number),
            (OP_U16, 2 | 4 | 8) => moves.u16s.push(number),
            (OP_U32, 4 | 8) => moves.u32s.push(number),
            (OP_U64, 8) => moves.u64s.push(number),
            (OP_SECONDS, 4) => {
                let to = self.template.len() as u16;
                moves.times.push((Move { to, ..number }, Time::Seconds));
            }
            (OP_NTP, 8) => moves.times.push((number, Time::Ntp(*argument))),
            (OP_CONSTANT, 1..=16) => {
                let bytes = u128::from(*argument).to_be_bytes();
                self.template.extend_from_slice(&bytes[16 - *length as usize..]);
            }
            (OP_TEXT, 1..=254) => {
                self.text = Some(Text::Helper {
                    at: from as u8,
                    length: *length as u8,
                });
                return Some(());
            }
            (OP_TCP_STATE, 0) => self.text = Some(Text::TcpState(from)),
            (OP_NAME, 0) => self.text = Some(Text::Name(from)),
            (OP_TCP_HISTORY, 0) => self.text = Some(Text::TcpHistory(from)),
            _ => return None,
        }
        self.template.resize(end, 0);
        Some(())
    }
}

enum Place {
    Row,
    Facts,
    Helper,
}

/// Who has what a plan names. A stored row has the store's own facts where a row that is read has labels and helper.
fn place(operation: u32, from: usize, to: usize) -> Option<Place> {
    let within = |begin: usize, end: usize| (begin..end).contains(&from) && to <= end;
    match operation {
        OP_TEXT => within(HELPER, HELPER + 16).then_some(Place::Helper),
        OP_NAME | OP_TCP_HISTORY => within(ROW_SIZE, FIELDS_SIZE).then_some(Place::Facts),
        OP_CONSTANT => Some(Place::Row),
        _ if within(0, LABELS) || within(EVENT, ROW_SIZE) => Some(Place::Row),
        OP_TCP_STATE => None,
        _ => within(ROW_SIZE, FIELDS_SIZE).then_some(Place::Facts),
    }
}

impl Moves {
    #[inline(always)]
    fn write<const SIZE: usize>(&self, record: &[u8; SIZE], out: &mut [u8]) {
        for step in &self.u64s {
            put(out, step.to.into(), load_u64(record, step.from).to_be_bytes());
        }
        for step in &self.words {
            put(out, step.to.into(), load::<4, _>(record, step.from));
        }
        for step in &self.quads {
            put(out, step.to.into(), load::<16, _>(record, step.from));
        }
        for step in &self.u16s {
            let number = u16::from_ne_bytes(load(record, step.from));
            put(out, step.to.into(), number.to_be_bytes());
        }
        for step in &self.u8s {
            put(out, step.to.into(), load::<1, _>(record, step.from));
        }
        for step in &self.u32s {
            let number = u32::from_ne_bytes(load(record, step.from));
            put(out, step.to.into(), number.to_be_bytes());
        }
        for (step, time) in &self.times {
            let milliseconds = load_u64(record, step.from);
            match time {
                Time::Seconds => put(out, step.to.into(), ((milliseconds / 1000) as u32).to_be_bytes()),
                Time::Ntp(cut) => put(out, step.to.into(), ntp(milliseconds, *cut).to_be_bytes()),
            }
        }
        for (step, length) in &self.copies {
            out[step.to.into()..][..*length].copy_from_slice(&record[step.from.into()..][..*length]);
        }
    }
}

impl Text {
    /// Bytes at most, without the length byte.
    fn longest(self) -> usize {
        match self {
            Text::Helper { length, .. } => length.into(),
            Text::TcpState(_) => TCP_STATES.iter().map(|name| name.len()).max().unwrap_or(0),
            Text::TcpHistory(_) => History::LONGEST,
            Text::Name(_) => LONGEST_NAME,
        }
    }

    /// Does something with what it is in this record.
    #[inline(always)]
    fn with<T>(self, source: &Source, act: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Text::Helper { at, length } => act(until_zero(&source.helper[usize::from(at)..][..usize::from(length)])),
            Text::TcpState(at) => act(tcp_state(source.row, at)),
            Text::TcpHistory(at) => act(History::of(source.facts, at).text()),
            Text::Name(at) => act(source.names.get(u32::from_ne_bytes(load(source.facts, at)))),
        }
    }
}

#[inline(always)]
pub(crate) fn put<const N: usize>(out: &mut [u8], at: usize, bytes: [u8; N]) {
    out[at..at + N].copy_from_slice(&bytes);
}

#[inline(always)]
fn load<const N: usize, const SIZE: usize>(record: &[u8; SIZE], at: u16) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&record[usize::from(at)..][..N]);
    bytes
}

/// Two words, the low one first.
#[inline(always)]
fn load_u64<const SIZE: usize>(record: &[u8; SIZE], at: u16) -> u64 {
    let [a, b, c, d, e, f, g, h] = load(record, at);
    u64::from(u32::from_ne_bytes([a, b, c, d])) | u64::from(u32::from_ne_bytes([e, f, g, h])) << 32
}

/// RFC 7011 sections 6.1.9 and 6.1.10. Rounded up, so that the milliseconds come back where a reader cuts off.
fn ntp(milliseconds: u64, cut: u32) -> u64 {
    let seconds = (milliseconds / 1000).wrapping_add(NTP_EPOCH) as u32;
    let fraction = ((milliseconds % 1000) << 32).div_ceil(1000) as u32;
    u64::from(seconds) << 32 | u64::from(fraction.wrapping_add(cut) & !cut)
}

/// The text of a zero-padded field.
fn until_zero(field: &[u8]) -> &[u8] {
    &field[..field.iter().position(|byte| *byte == 0).unwrap_or(field.len())]
}

fn tcp_state(row: &[u8; ROW_SIZE], at: u16) -> &'static [u8] {
    if get_u32(row, PRESENT) & HAS_TCP_STATE == 0 {
        return b"";
    }
    TCP_STATES
        .get(usize::from(row[usize::from(at)]))
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

    fn of(facts: &Facts, at: u16) -> Self {
        let mut packed = u32::from_ne_bytes(load(facts, at));
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
