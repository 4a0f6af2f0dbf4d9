//! Connections of a store to the open messages of one destination (RFC 7011 section 3), by compiled plans. No clock, no sequence
//! number, no socket: who sends a message writes its header.

use super::columns::*;
use super::data_record::{Plan, Source};
use super::details::Details;
use super::facts::{self, FACTS_NONE};
use super::open_messages::{Form, MOST_CONNECTIONS, Placing, Side};
use super::output::{Output, Progress};
use super::shape::*;
use crate::error::{Code, Error};
use crate::row::*;

/// The first id of a data set; the ones below are reserved.
const FIRST_TEMPLATE_ID: u32 = 256;

/// In a reason: no other record of the connection follows.
pub const LAST: u8 = 0x80;
/// Connections by which rows are asked for early.
const AHEAD: usize = 4;
const CACHE_LINE: usize = 64;
/// Two uniflows: the directions that get a record, as bits above those of a shape.
const FORWARD: u32 = 1 << 20;
const REPLY: u32 = 1 << 21;

/// What holds for all records of a destination.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The bits of a shape that make a difference to the template.
    pub shapes: u32,
    /// Each direction is a record of its own.
    pub uniflows: bool,
    /// Two uniflows: also a direction without a new packet.
    pub zero_deltas: bool,
    /// Number of the destination in the journal, None where there is none.
    pub journal: Option<u16>,
}

/// How records of one kind are written.
#[derive(Clone, Copy, Debug)]
pub struct Template<'a> {
    /// Set id of the data sets.
    pub id: u32,
    /// Instructions of four words.
    pub plan: &'a [u32],
    /// Bytes to leave free in a message for the template; `u32::MAX` where no message can hold it.
    pub reserve: u32,
}

/// Connections to encode.
#[derive(Clone, Copy, Debug)]
pub struct Slots<'a> {
    /// Their slots.
    pub slots: &'a [u32],
    /// The reason of each, with [`LAST`] where none follows; 0 for none.
    pub reasons: &'a [u8],
    /// Where to begin in both.
    pub from: usize,
}

/// Why an encoder has stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stop {
    /// All is done.
    #[default]
    Done,
    /// The output has no room for a message that must be closed.
    Full,
    /// Records of this kind have no template yet.
    Unknown(u32),
}

/// The open messages of one destination for the flows of one store.
pub struct FlowEncoder {
    options: Options,
    details: Details,
    forms: Vec<Form>,
    /// Of the record before: most are of one kind.
    last: usize,
}

impl FlowEncoder {
    /// Without templates: the first connection of each kind asks for its own.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            details: Details::default(),
            forms: Vec::new(),
            last: 0,
        }
    }

    /// With bits in the kinds of records for these details, two words each: src/ipfix/details.ts.
    pub fn with_details(mut self, details: &[u32]) -> Result<Self, Error> {
        self.details = Details::read(details)?;
        Ok(self)
    }

    /// How records of a kind are written: one template, or one for each direction.
    pub fn define(&mut self, key: u32, templates: &[Template]) -> Result<(), Error> {
        let mut sides = Vec::with_capacity(templates.len());
        for template in templates {
            if !(FIRST_TEMPLATE_ID..=u16::MAX.into()).contains(&template.id) {
                let text = format!("template id {}; 256 to 65535 are possible", template.id);
                return Err(Error::new(Code::Usage, text));
            }
            sides.push(Side::new(
                template.id as u16,
                Plan::compile(template.plan)?,
                template.reserve,
            ));
        }
        if !(1..=2).contains(&sides.len()) || self.forms.iter().any(|form| form.key == key) {
            return Err(Error::new(Code::Usage, format!("a second definition of kind {key}")));
        }
        self.forms.push(Form {
            key,
            sides,
            connections: 0,
            entries: Vec::new(),
        });
        Ok(())
    }

    /// From now on, the next message of this template leaves so many bytes free for it; `u32::MAX` where no message can hold it.
    pub fn reserve(&mut self, template_id: u32, bytes: u32) {
        for side in self.forms.iter_mut().flat_map(|form| &mut form.sides) {
            if u32::from(side.template_id) == template_id {
                side.reserve = bytes;
            }
        }
    }

    /// Writes records into the open messages of their kinds, and what they have into `exported`. A message without room for the next
    /// record is closed: it goes to the output, with its journal entries. Of a connection for which there is no room, nothing is
    /// changed.
    ///
    /// Returns where to go on, and why it has stopped. An error names what is wrong with the request; nothing was written then.
    pub fn encode(
        &mut self,
        columns: &Columns,
        exported: &mut [u8],
        wanted: &Slots,
        limit: usize,
        output: &mut Output,
        progress: &mut Progress,
    ) -> Result<(usize, Stop), Error> {
        let count = columns.slots(exported)?;
        let Slots { slots, reasons, from } = *wanted;
        let wrong = |text: String| Err(Error::new(Code::Usage, text));
        if limit > usize::from(u16::MAX) {
            return wrong(format!("a message limit of {limit} bytes; 65535 are possible"));
        }
        if from > slots.len() || slots.len() != reasons.len() {
            return wrong(format!(
                "connections from {from} of {} and {}",
                slots.len(),
                reasons.len()
            ));
        }
        if let Some(slot) = slots.iter().find(|slot| **slot as usize >= count) {
            return wrong(format!("slot {slot} of {count}"));
        }
        let (rows, _) = columns.rows.as_chunks::<ROW_SIZE>();
        let (states, _) = exported.as_chunks_mut::<EXPORTED_SIZE>();
        let mut facts = FACTS_NONE;
        for (number, (slot, reason)) in slots.iter().zip(reasons).enumerate().skip(from) {
            if let Some(next) = slots.get(number + AHEAD) {
                prefetch(&rows[*next as usize]);
            }
            if *reason == 0 {
                continue;
            }
            let slot = *slot as usize;
            let state = &mut states[slot];
            let stop = self.one(
                columns,
                slot,
                &rows[slot],
                state,
                *reason,
                limit,
                &mut facts,
                output,
                progress,
            );
            if stop != Stop::Done {
                return Ok((number, stop));
            }
        }
        Ok((slots.len(), Stop::Done))
    }

    /// Closes all open messages. Returns false where the output has no room for all of them.
    pub fn close(&mut self, output: &mut Output, progress: &mut Progress) -> bool {
        self.forms.iter_mut().all(|form| form.close(output, progress))
    }

    #[allow(clippy::too_many_arguments)]
    #[inline(always)]
    fn one(
        &mut self,
        columns: &Columns,
        slot: usize,
        row: &[u8; ROW_SIZE],
        state: &mut [u8; EXPORTED_SIZE],
        reason: u8,
        limit: usize,
        facts: &mut facts::Facts,
        output: &mut Output,
        progress: &mut Progress,
    ) -> Stop {
        let counters: &[u8; 32] = state[EXPORTED_COUNTERS..LAST_REASON].try_into().expect("32 bytes");
        let key = self.key(columns, slot, row, counters);
        let Some(form) = find(&mut self.forms, &mut self.last, key) else {
            return Stop::Unknown(key);
        };
        facts::read(facts, columns, slot, row, counters, reason & !LAST);
        let zeroed;
        let source = Source {
            row: if columns.flags[slot] & ZEROED == 0 {
                row
            } else {
                zeroed = with_zeroed(row, columns, slot);
                &zeroed
            },
            facts,
            helper: columns.helper(slot),
            names: columns.texts,
        };
        let mut placings = form.place(&source, limit);
        if placings.contains(&Placing::Full) || form.connections == MOST_CONNECTIONS {
            if !form.close(output, progress) {
                return Stop::Full;
            }
            placings = form.place(&source, limit);
        }
        for (side, placing) in form.sides.iter_mut().zip(placings) {
            if placing == Placing::Oversize {
                let [packets, octets] = side.plan.counts(facts);
                output.count_oversize(side.template_id, packets, octets);
                continue;
            }
            side.write(&source, placing, limit);
        }
        form.connections += 1;
        let present = get_u32(row, PRESENT);
        if let Some(destination) = self.options.journal
            && present & IDENTITY_FLAGS == IDENTITY_FLAGS
        {
            let words = [ID, START_NS, START_NS + 4].map(|at| get_u32(row, at));
            form.entries.extend(words);
            form.entries
                .extend((0..COUNTER_WORDS).map(|word| get_u32(row, ORIG_PACKETS + word * 4)));
            form.entries
                .push(u32::from(reason) | u32::from(row[STATE]) << 8 | u32::from(destination) << 16);
        }
        state[EXPORTED_COUNTERS..LAST_REASON].copy_from_slice(&row[ORIG_PACKETS..ORIG_PACKETS + 32]);
        state[LAST_REASON] = reason & !LAST;
        state[LAST_STATE] = row[STATE];
        state[NEWS] = NEWS_NONE;
        Stop::Done
    }

    /// The shape of the record, and which directions get one.
    #[inline(always)]
    fn key(&self, columns: &Columns, slot: usize, row: &[u8; ROW_SIZE], exported: &[u8; 32]) -> u32 {
        let Options {
            shapes,
            uniflows,
            zero_deltas,
            ..
        } = self.options;
        let long = if facts::is_long(row) { LONG } else { 0 };
        let mut shape = (shape_of(row) | columns.shape_of(slot) | long) & shapes;
        if !self.details.is_empty() {
            shape |= self.details.of(columns, slot, row);
        }
        if !uniflows {
            return shape;
        }
        if shape & REPLY_COUNTERS == 0 {
            return shape | FORWARD;
        }
        // none before its first packet, and where zero deltas are left out, none without a new one
        let has_packets = |counter: usize| {
            let packets = &row[ORIG_PACKETS + counter..][..8];
            if zero_deltas {
                packets != [0; 8]
            } else {
                packets != &exported[counter..][..8]
            }
        };
        let forward = if has_packets(0) { FORWARD } else { 0 };
        let reply = if has_packets(REPLY_PACKETS - ORIG_PACKETS) {
            REPLY
        } else {
            0
        };
        shape | if forward | reply == 0 { FORWARD } else { forward | reply }
    }
}

/// Asks for the cache lines of a row before they are needed: the rows of what is due lie anywhere.
#[inline(always)]
fn prefetch(row: &[u8; ROW_SIZE]) {
    #[cfg(target_arch = "x86_64")]
    for line in row.chunks(CACHE_LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing that a program can see, and the address is a reference's.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = row;
}

fn find<'a>(forms: &'a mut [Form], last: &mut usize, key: u32) -> Option<&'a mut Form> {
    if forms.get(*last).is_none_or(|form| form.key != key) {
        *last = forms.iter().position(|form| form.key == key)?;
    }
    Some(&mut forms[*last])
}

/// The row with the totals that go on from before its counters were set to zero.
fn with_zeroed(row: &[u8; ROW_SIZE], columns: &Columns, slot: usize) -> [u8; ROW_SIZE] {
    let mut row = *row;
    let before = &columns.zeroed[slot * COUNTER_WORDS..][..COUNTER_WORDS];
    for counter in 0..COUNTER_WORDS / 2 {
        let at = ORIG_PACKETS + counter * 8;
        let more = u64::from(before[counter * 2]) | u64::from(before[counter * 2 + 1]) << 32;
        let total = facts::u64_at(&row, at).wrapping_add(more);
        put_u64(&mut row, at, total);
    }
    row
}
