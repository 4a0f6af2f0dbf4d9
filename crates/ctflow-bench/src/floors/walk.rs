//! Walking attributes in place of decoding them.

use ctflow_core::conntrack::{CT_NEW, cta};
use ctflow_core::netlink::{Attribute, Attributes, Frame, Malformed, NFGENMSG, frame};

#[derive(Default)]
pub struct Walked {
    pub entries: u32,
    pub attributes: u32,
    pub octets: u32,
}

/// Stops at the first message or attribute that cannot be read.
pub fn walk_attributes(netlink: &[u8], little_endian: bool) -> Walked {
    let mut walked = Walked::default();
    // what was passed says how far it came
    let _ = if little_endian {
        messages::<true>(netlink, &mut walked)
    } else {
        messages::<false>(netlink, &mut walked)
    };
    walked
}

fn messages<const LITTLE: bool>(mut netlink: &[u8], walked: &mut Walked) -> Result<(), Malformed> {
    while let Frame::Whole(message) = frame::<LITTLE>(netlink) {
        netlink = &netlink[message.span..];
        if message.kind != CT_NEW {
            continue;
        }
        for attribute in Attributes::<LITTLE>(message.payload.get(NFGENMSG..).ok_or(Malformed)?) {
            let attribute = attribute?;
            walked.attributes += 1;
            match attribute.kind {
                cta::TUPLE_ORIG | cta::TUPLE_REPLY | cta::PROTOINFO => {
                    for inner in attribute.nested::<LITTLE>() {
                        walked.attributes += 1;
                        leaves::<LITTLE>(inner?, walked)?;
                    }
                }
                cta::COUNTERS_ORIG | cta::COUNTERS_REPLY | cta::TIMESTAMP | cta::HELP => {
                    leaves::<LITTLE>(attribute, walked)?;
                }
                _ => walked.octets += attribute.payload.len() as u32,
            }
        }
        walked.entries += 1;
    }
    Ok(())
}

#[inline(always)]
fn leaves<const LITTLE: bool>(attribute: Attribute, walked: &mut Walked) -> Result<(), Malformed> {
    for leaf in attribute.nested::<LITTLE>() {
        walked.attributes += 1;
        walked.octets += leaf?.payload.len() as u32;
    }
    Ok(())
}
