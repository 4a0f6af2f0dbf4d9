//! Reads IPFIX messages, one behind another, from standard input with NetGauze, and writes each data record as a line of JSON: by the
//! names of the elements, values as texts.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, Read, Write};

use chrono::{DateTime, Utc};
use netgauze_flow_pkt::ie::{Field, HasIE};
use netgauze_flow_pkt::ipfix::{IpfixPacket, Set};
use netgauze_parse_utils::reader::SliceReader;
use netgauze_parse_utils::traits::ParseFromWithOneInput;

fn main() -> Result<(), Box<dyn Error>> {
    let mut stream = Vec::new();
    io::stdin().read_to_end(&mut stream)?;
    let mut templates = HashMap::new();
    let mut rest = stream.as_slice();
    let mut out = io::stdout().lock();
    while rest.len() >= 4 {
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        let (message, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        let packet = match IpfixPacket::parse(&mut SliceReader::new(message), &mut templates) {
            Ok(packet) => packet,
            Err(error) => {
                eprintln!("{error:?}");
                continue;
            }
        };
        for set in packet.sets() {
            let Set::Data { records, .. } = set else {
                continue;
            };
            for record in records {
                let fields = record.scope_fields().iter().chain(record.fields());
                let named: HashMap<_, _> = fields.filter_map(named).collect();
                writeln!(out, "{}", serde_json::to_string(&named)?)?;
            }
        }
    }
    Ok(())
}

/// None where NetGauze knows no such element.
fn named(field: &Field) -> Option<(String, String)> {
    Some((field.ie().to_string(), text(field)?))
}

fn text(field: &Field) -> Option<String> {
    // names of values as their numbers
    let number = match field {
        Field::protocolIdentifier(value) => Some(u8::from(*value)),
        Field::flowEndReason(value) => Some(u8::from(*value)),
        Field::flowDirection(value) => Some(u8::from(*value)),
        Field::biflowDirection(value) => Some(u8::from(*value)),
        Field::natType(value) => Some(u8::from(*value)),
        Field::natEvent(value) => Some(u8::from(*value)),
        Field::firewallEvent(value) => Some(u8::from(*value)),
        _ => None,
    };
    if let Some(number) = number {
        return Some(number.to_string());
    }
    if let Field::forwardingStatus(value) = field {
        return Some(u32::from(*value).to_string());
    }
    if let Ok(time) = TryInto::<DateTime<Utc>>::try_into(field.clone()) {
        return Some(time.timestamp_millis().to_string());
    }
    if let Ok(octets) = TryInto::<Box<[u8]>>::try_into(field.clone()) {
        return Some(octets.iter().map(|octet| format!("{octet:02x}")).collect());
    }
    field.clone().try_into().ok()
}
