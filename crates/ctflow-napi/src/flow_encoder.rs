//! FlowEncoder of src/encoder/flow-encoder.ts.

use crate::apart;
use crate::error::{Result, crossing, thrown};
use ctflow_core::error::Code;
use ctflow_core::ipfix::{self, Columns, Names, OVERSIZE_WORDS, Options, Output, Progress, Slots, Stop, Template};
use napi::bindgen_prelude::{Float64Array, Uint8Array, Uint16Array, Uint32Array};
use napi_derive::napi;

/// Words of EncoderOutput.progress in src/encoder/request.ts.
const NEXT: usize = 0;
const MESSAGES: usize = 1;
const USED: usize = 2;
const ENTRIES: usize = 3;
const STOP: usize = 4;
const KIND: usize = 5;
const PROGRESS_WORDS: usize = 6;

const DONE: u32 = 0;
const FULL: u32 = 1;
const UNKNOWN: u32 = 2;

/// What a record is written from, and where it goes: EncoderColumns and EncoderOutput of src/encoder/request.ts.
#[napi(object, object_to_js = false)]
pub struct EncoderMemory {
    pub rows: Uint8Array,
    pub flags: Uint8Array,
    pub helpers: Uint8Array,
    pub zeroed: Uint32Array,
    pub names: Uint32Array,
    pub types: Uint8Array,
    pub states: Uint32Array,
    pub rules: Uint16Array,
    pub rule_facts: Uint32Array,
    pub interfaces: Uint32Array,
    pub owners: Uint32Array,
    pub owner_facts: Uint32Array,
    pub address_facts: Uint32Array,
    pub pod_facts: Uint32Array,
    pub exported: Uint8Array,
    pub bytes: Uint8Array,
    pub messages: Uint32Array,
    pub entries: Uint32Array,
    pub progress: Uint32Array,
    pub oversize: Float64Array,
}

/// The encoder in Rust. It keeps the arrays that it is given.
#[napi]
pub struct FlowEncoder {
    encoder: ipfix::FlowEncoder,
    memory: EncoderMemory,
}

#[napi]
impl FlowEncoder {
    /// @param details two words each
    /// @param journal number of the destination, -1 for none
    #[napi(constructor)]
    pub fn new(
        memory: EncoderMemory,
        shapes: u32,
        details: &[u32],
        uniflows: bool,
        zero_deltas: bool,
        journal: i32,
    ) -> Result<Self> {
        let EncoderMemory {
            exported,
            bytes,
            messages,
            entries,
            progress,
            oversize,
            ..
        } = &memory;
        if progress.len() < PROGRESS_WORDS || oversize.len() < OVERSIZE_WORDS {
            return Err(thrown(Code::Usage, "No room for what an encoder answers"));
        }
        for read in [&memory.rows, &memory.flags, &memory.helpers, &memory.types] {
            apart(read, exported)?;
            apart(read, bytes)?;
        }
        for read in [
            &memory.zeroed,
            &memory.names,
            &memory.states,
            &memory.rule_facts,
            &memory.interfaces,
            &memory.owners,
            &memory.owner_facts,
            &memory.address_facts,
            &memory.pod_facts,
        ] {
            apart(read, exported)?;
            apart(read, bytes)?;
        }
        apart(exported, bytes)?;
        for written in [messages, entries, progress] {
            apart(written, exported)?;
            apart(written, bytes)?;
        }
        apart(messages, entries)?;
        apart(messages, progress)?;
        apart(entries, progress)?;
        let options = Options {
            shapes,
            uniflows,
            zero_deltas,
            journal: u16::try_from(journal).ok(),
        };
        let encoder = ipfix::FlowEncoder::new(options)
            .with_details(details)
            .map_err(crossing)?;
        Ok(Self { encoder, memory })
    }

    /// @param reserves bytes to leave free for the template, 0xffffffff where no message can hold it
    #[napi]
    pub fn define(&mut self, kind: u32, ids: &[u32], reserves: &[u32], first: &[u32], second: &[u32]) -> Result<()> {
        let templates: Vec<Template> = ids
            .iter()
            .zip(reserves)
            .zip([first, second])
            .map(|((id, reserve), plan)| Template {
                id: *id,
                plan,
                reserve: *reserve,
            })
            .collect();
        self.encoder.define(kind, &templates).map_err(crossing)
    }

    #[napi]
    pub fn reserve(&mut self, template_id: u32, bytes: u32) {
        self.encoder.reserve(template_id, bytes);
    }

    #[napi]
    #[allow(clippy::too_many_arguments)]
    pub fn encode(
        &mut self,
        slots: &[u32],
        reasons: &[u8],
        from: u32,
        to: u32,
        limit: u32,
        names: &[u8],
        name_ends: &[u32],
    ) -> Result<()> {
        let (encoder, memory) = (&mut self.encoder, &mut self.memory);
        let columns = Columns {
            rows: &memory.rows,
            flags: &memory.flags,
            helpers: &memory.helpers,
            zeroed: &memory.zeroed,
            names: &memory.names,
            types: &memory.types,
            states: &memory.states,
            rules: &memory.rules,
            rule_facts: &memory.rule_facts,
            interfaces: &memory.interfaces,
            owners: &memory.owners,
            owner_facts: &memory.owner_facts,
            address_facts: &memory.address_facts,
            pod_facts: &memory.pod_facts,
            texts: Names {
                bytes: names,
                ends: name_ends,
            },
        };
        let to = (to as usize).min(slots.len()).min(reasons.len());
        let wanted = Slots {
            slots: &slots[..to],
            reasons: &reasons[..to],
            from: from as usize,
        };
        // SAFETY: nothing else runs while JavaScript waits for this call, and the arrays that are written overlap no others.
        let (exported, mut output, words) = unsafe {
            let output = Output {
                bytes: memory.bytes.as_mut(),
                messages: memory.messages.as_mut(),
                entries: memory.entries.as_mut(),
                oversize: memory.oversize.as_mut(),
            };
            (memory.exported.as_mut(), output, memory.progress.as_mut())
        };
        let mut progress = read(words);
        let encoded = encoder.encode(&columns, exported, &wanted, limit as usize, &mut output, &mut progress);
        let (next, stop) = encoded.map_err(crossing)?;
        write(words, &progress);
        words[NEXT] = next as u32;
        (words[STOP], words[KIND]) = match stop {
            Stop::Done => (DONE, 0),
            Stop::Full => (FULL, 0),
            Stop::Unknown(kind) => (UNKNOWN, kind),
        };
        Ok(())
    }

    /// Closes all open messages; false where the output has no room for all.
    #[napi]
    pub fn close(&mut self) -> bool {
        let memory = &mut self.memory;
        // SAFETY: as above.
        let (mut output, words) = unsafe {
            let output = Output {
                bytes: memory.bytes.as_mut(),
                messages: memory.messages.as_mut(),
                entries: memory.entries.as_mut(),
                oversize: memory.oversize.as_mut(),
            };
            (output, memory.progress.as_mut())
        };
        let mut progress = read(words);
        let all = self.encoder.close(&mut output, &mut progress);
        write(words, &progress);
        all
    }
}

fn read(words: &[u32]) -> Progress {
    Progress {
        messages: words[MESSAGES] as usize,
        used: words[USED] as usize,
        entries: words[ENTRIES] as usize,
    }
}

fn write(words: &mut [u32], progress: &Progress) {
    words[MESSAGES] = progress.messages as u32;
    words[USED] = progress.used as u32;
    words[ENTRIES] = progress.entries as u32;
}
