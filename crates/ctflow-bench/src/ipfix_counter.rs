//! Counts the data records of IPFIX messages (RFC 7011 section 3), whoever made them: it learns the templates, and trusts no
//! length.

use std::collections::HashMap;

const VERSION: u16 = 10;
const HEADER: usize = 16;
const SET_HEADER: usize = 4;
const TEMPLATE_SET: u16 = 2;
const OPTIONS_TEMPLATE_SET: u16 = 3;
const FIRST_DATA_SET: u16 = 256;
const ENTERPRISE: u16 = 0x8000;
const VARIABLE: u16 = 65535;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub messages: u64,
    pub octets: u64,
    /// Data records of templates.
    pub records: u64,
    /// Data records of options templates.
    pub options: u64,
    /// Messages, or rests of messages, that could not be read.
    pub malformed: u64,
}

struct Template {
    /// Bytes of each field, VARIABLE where the record says it.
    fields: Vec<u16>,
    options: bool,
}

/// The templates of one observation domain, and what has arrived.
#[derive(Default)]
pub struct Counter {
    pub counts: Counts,
    templates: HashMap<u16, Template>,
}

impl Counter {
    pub fn message(&mut self, message: &[u8]) {
        self.counts.messages += 1;
        self.counts.octets += message.len() as u64;
        if self.sets(message).is_none() {
            self.counts.malformed += 1;
        }
    }

    fn sets(&mut self, message: &[u8]) -> Option<()> {
        if be16(message, 0)? != VERSION || usize::from(be16(message, 2)?) != message.len() {
            return None;
        }
        let mut at = HEADER;
        while at < message.len() {
            let id = be16(message, at)?;
            let length = usize::from(be16(message, at + 2)?);
            let content = message.get(at + SET_HEADER..at + length)?;
            match id {
                TEMPLATE_SET => self.templates(content, false)?,
                OPTIONS_TEMPLATE_SET => self.templates(content, true)?,
                FIRST_DATA_SET.. => self.data(id, content)?,
                _ => return None,
            }
            at += length;
        }
        Some(())
    }

    fn templates(&mut self, content: &[u8], options: bool) -> Option<()> {
        let mut at = 0;
        while at + SET_HEADER <= content.len() {
            let id = be16(content, at)?;
            let count = be16(content, at + 2)?;
            at += if options { 6 } else { 4 };
            let mut fields = Vec::with_capacity(usize::from(count));
            for _ in 0..count {
                fields.push(be16(content, at + 2)?);
                at += if be16(content, at)? & ENTERPRISE != 0 { 8 } else { 4 };
            }
            self.templates.insert(id, Template { fields, options });
        }
        Some(())
    }

    fn data(&mut self, id: u16, content: &[u8]) -> Option<()> {
        let template = self.templates.get(&id)?;
        let mut at = 0;
        let mut records = 0;
        while at < content.len() {
            let begin = at;
            for &field in &template.fields {
                at += match field {
                    VARIABLE => match *content.get(at)? {
                        255 => 3 + usize::from(be16(content, at + 1)?),
                        length => 1 + usize::from(length),
                    },
                    fixed => usize::from(fixed),
                };
            }
            if at > content.len() || at == begin {
                return None;
            }
            records += 1;
        }
        if template.options {
            self.counts.options += records;
        } else {
            self.counts.records += records;
        }
        Some(())
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(sets: &[&[u16]]) -> Vec<u8> {
        let words: Vec<u16> = sets.concat();
        let mut bytes = vec![0; HEADER];
        bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        let length = bytes.len() as u16;
        bytes[..4].copy_from_slice(&[0, 10, (length >> 8) as u8, length as u8]);
        bytes
    }

    /// Template 300: two bytes, and text.
    const TEMPLATE: [u16; 8] = [2, 16, 300, 2, 7, 2, 82, VARIABLE];
    /// Options template 301: a scope of four bytes.
    const OPTIONS: [u16; 7] = [3, 14, 301, 1, 1, 149, 4];

    #[test]
    fn counts_records_of_both_kinds() {
        let mut counter = Counter::default();
        // 0x0102 and "A" twice: the length 1 stands in front of the letter
        let data = [300, 12, 0x0102, 0x0141, 0x0102, 0x0142];
        counter.message(&message(&[&TEMPLATE, &data]));
        counter.message(&message(&[&OPTIONS, &[301, 12, 0, 1, 0, 2]]));
        assert_eq!(
            counter.counts,
            Counts {
                messages: 2,
                octets: 16 + 28 + 16 + 26,
                records: 2,
                options: 2,
                malformed: 0
            }
        );
    }

    #[test]
    fn counts_what_cannot_be_read() {
        let mut counter = Counter::default();
        counter.message(&message(&[&[999, 6, 1]]));
        counter.message(&message(&[&TEMPLATE, &[300, 6, 1]]));
        counter.message(b"hello");
        let mut longer = message(&[&TEMPLATE]);
        longer.push(0);
        counter.message(&longer);
        assert_eq!(counter.counts.malformed, 4);
        assert_eq!(counter.counts.records, 0);
    }

    #[test]
    fn a_record_of_no_bytes_does_not_hang_it() {
        let mut counter = Counter::default();
        counter.message(&message(&[&[2, 12, 300, 1, 7, 0], &[300, 6, 1]]));
        assert_eq!(counter.counts.malformed, 1);
    }
}
