//! A store with made-up connections, and the plainest way to say what a record of one has.

use ctflow_core::ipfix::*;
use ctflow_core::row::*;

pub const OPTIONS: Options = Options {
    shapes: 0,
    uniflows: false,
    zero_deltas: false,
    journal: None,
};

#[derive(Clone)]
pub struct Scene {
    pub rows: Vec<u8>,
    pub exported: Vec<u8>,
    pub flags: Vec<u8>,
    pub helpers: Vec<u8>,
    pub zeroed: Vec<u32>,
    pub names: Vec<u32>,
    pub types: Vec<u8>,
    pub states: Vec<u32>,
    texts: Vec<u8>,
    ends: Vec<u32>,
}

impl Scene {
    pub fn new(mut rows: Vec<u8>, exported: Vec<u8>) -> Self {
        let slots = rows.len() / ROW_SIZE;
        for row in rows.as_chunks_mut::<ROW_SIZE>().0 {
            for at in [LABELS, LABELS + 8] {
                let milliseconds = f64::from(u32::from(row[at])) * 1e9 + 7.0;
                row[at..at + 8].copy_from_slice(&milliseconds.to_ne_bytes());
            }
        }
        Self {
            rows,
            exported,
            flags: vec![0; slots],
            helpers: vec![0; slots * 16],
            zeroed: vec![0; slots * 8],
            names: Vec::new(),
            types: Vec::new(),
            states: Vec::new(),
            texts: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Connections whose bytes are their own offsets, of which nothing was exported.
    pub fn of(slots: usize, set: impl Fn(usize, &mut [u8; ROW_SIZE])) -> Self {
        let rows = (0..slots).flat_map(|slot| {
            let mut row = std::array::from_fn(|at| at as u8);
            set(slot, &mut row);
            row
        });
        Self::new(rows.collect(), vec![0; slots * EXPORTED_SIZE])
    }

    pub fn set_texts(&mut self, names: &[&str]) {
        self.texts = names.concat().into_bytes();
        let mut end = 0;
        self.ends = names
            .iter()
            .map(|name| {
                end += name.len() as u32;
                end
            })
            .collect();
    }

    pub fn columns(&self) -> Columns<'_> {
        Columns {
            rows: &self.rows,
            flags: &self.flags,
            helpers: &self.helpers,
            zeroed: &self.zeroed,
            names: &self.names,
            types: &self.types,
            states: &self.states,
            rules: &[],
            rule_facts: &[],
            interfaces: &[],
            owners: &[],
            owner_facts: &[],
            address_facts: &[],
            pod_facts: &[],
            texts: Names {
                bytes: &self.texts,
                ends: &self.ends,
            },
        }
    }

    /// A row and its facts as one run of bytes, a field at its offset; what it counts has been exported afterwards. Flow id and
    /// direction are taken from a plan of their own.
    pub fn record(&mut self, slot: usize, reason: u8) -> Vec<u8> {
        let facts = [OP_BYTES, ROW_SIZE as u32, FACTS_SIZE as u32, 0];
        let before = self.clone();
        let (messages, _) = messages_of(self, &facts, &[slot as u32], 1400, 1400);
        let row = &before.rows[slot * ROW_SIZE..][..ROW_SIZE];
        let mut record = row.to_vec();
        record[HELPER..HELPER + 16].copy_from_slice(&before.helpers[slot * 16..][..16]);
        record.extend_from_slice(&messages[0].0[4..]);
        let word = |bytes: &[u8], at: usize| u64::from(u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap()));
        let wide = |bytes: &[u8], at: usize| word(bytes, at) | word(bytes, at + 4) << 32;
        for (number, counter) in [ORIG_PACKETS, ORIG_OCTETS, REPLY_PACKETS, REPLY_OCTETS]
            .into_iter()
            .enumerate()
        {
            let exported = wide(&before.exported[slot * EXPORTED_SIZE..], 24 + number * 8);
            let delta = wide(&record, ORIG_PACKET_DELTA + number * 8);
            assert_eq!(delta, wide(&record, counter).wrapping_sub(exported));
        }
        let start = f64::from_ne_bytes(row[LABELS..LABELS + 8].try_into().unwrap());
        assert_eq!(wide(&record, FLOW_START_MS) as f64, start);
        assert_eq!(record[END_REASON], reason);
        record
    }
}

/// All messages behind their headers, with their data records, and how many records no message can hold.
pub fn messages_of(
    scene: &mut Scene,
    plan: &[u32],
    slots: &[u32],
    limit: usize,
    room: usize,
) -> (Vec<(Vec<u8>, u32)>, f64) {
    let mut encoder = FlowEncoder::new(OPTIONS);
    let template = Template {
        id: 300,
        plan,
        reserve: 0,
    };
    encoder.define(0, &[template]).unwrap();
    let reasons = vec![2; slots.len()];
    let (mut bytes, mut messages, mut progress) = (vec![0; room], [0; 3 * 64], Progress::default());
    let mut oversize = [0.0; 4];
    let mut closed = Vec::new();
    let mut exported = std::mem::take(&mut scene.exported);
    let mut from = 0;
    loop {
        let mut output = Output {
            bytes: &mut bytes,
            messages: &mut messages,
            entries: &mut [],
            oversize: &mut oversize,
        };
        let wanted = Slots {
            slots,
            reasons: &reasons,
            from,
        };
        let columns = scene.columns();
        let (next, stop) = encoder
            .encode(&columns, &mut exported, &wanted, limit, &mut output, &mut progress)
            .unwrap();
        from = next;
        let all = stop == Stop::Done && encoder.close(&mut output, &mut progress);
        let mut at = 0;
        for [length, count, reserved] in messages.as_chunks().0.iter().take(progress.messages) {
            assert_eq!(*reserved, 0);
            closed.push((bytes[at + 16..at + *length as usize].to_vec(), *count));
            at += *length as usize;
        }
        progress = Progress::default();
        if all {
            break;
        }
    }
    scene.exported = exported;
    (closed, oversize[1])
}
