//! The filter as a test of rows, and as the attributes of a request.

use crate::builders::*;
use ctflow_core::conntrack::{CT_GET, put_filter};
use ctflow_core::netlink::Request;
use ctflow_core::row::Filter;

const STATUS_6: &[u8] = &[8, 0, 3, 0, 0, 0, 0, 6];
const MARK_5: &[u8] = &[8, 0, 8, 0, 0, 0, 0, 5];
const ZONE_6: &[u8] = &[6, 0, 18, 0, 0, 6, 0, 0];

fn words(pairs: &[(usize, u32)]) -> [u32; 16] {
    let mut words = ANY;
    for (at, value) in pairs {
        words[*at] = *value;
    }
    words
}

fn passes(entry: &[u8], pairs: &[(usize, u32)]) -> bool {
    let (decoded, _) = run(entry, &words(pairs));
    assert_eq!(
        decoded.rows + decoded.filtered,
        1,
        "what the filter takes out is counted"
    );
    decoded.rows == 1
}

#[test]
fn family() {
    assert!(passes(&udp(&[]), &[(0, 2)]));
    assert!(!passes(&udp(&[]), &[(0, 10)]));
}

/// An absent zone is zone 0; one direction is enough.
#[test]
fn zone() {
    assert!(passes(&udp(&[ZONE_6]), &[(1, 6), (6, 1)]));
    assert!(!passes(&udp(&[ZONE_6]), &[(1, 7), (6, 1)]));
    assert!(!passes(&udp(&[ZONE_6]), &[(1, 0), (6, 1)]));
    assert!(passes(&udp(&[]), &[(1, 0), (6, 1)]));
    assert!(!passes(&udp(&[]), &[(1, 0x1_0000), (6, 1)]), "no zone has this number");

    let mut original = [ORIGINAL, &[6, 0, 3, 0, 0, 6, 0, 0]].concat();
    original[0] += 8;
    let one_direction = entry(2, &[&original, REPLY]);
    assert!(passes(&one_direction, &[(1, 6), (6, 1)]));
    assert!(passes(&one_direction, &[(1, 0), (6, 1)]));
}

/// The kernel leaves a zero mark out.
#[test]
fn mark_under_its_mask() {
    assert!(passes(&udp(&[MARK_5]), &[(2, 4), (3, 0xc), (6, 2)]));
    assert!(!passes(&udp(&[MARK_5]), &[(2, 4), (3, u32::MAX), (6, 2)]));
    assert!(passes(&udp(&[]), &[(2, 0), (3, u32::MAX), (6, 2)]));
    assert!(!passes(&udp(&[]), &[(2, 5), (3, u32::MAX), (6, 2)]));
}

#[test]
fn status_under_its_mask_where_it_is_known() {
    assert!(passes(&udp(&[STATUS_6]), &[(4, 4), (5, 4), (6, 4)]));
    assert!(passes(&udp(&[STATUS_6]), &[(4, 0), (5, 8), (6, 4)]));
    assert!(!passes(&udp(&[STATUS_6]), &[(4, 0), (5, 4), (6, 4)]));
    assert!(!passes(&udp(&[]), &[(4, 0), (5, 4), (6, 4)]), "an unknown status");
}

#[test]
fn protocols() {
    assert!(passes(&udp(&[]), &[(8, 1 << 6 | 1 << 17), (6, 8)]));
    assert!(!passes(&udp(&[]), &[(8, 1 << 6), (6, 8)]));
    assert!(!passes(&udp(&[]), &[(15, 1 << 31), (6, 8)]));
    assert!(passes(&udp(&[]), &[(8, 1 << 6)]), "not asked for");
}

#[test]
fn all_conditions_together() {
    let entry = udp(&[STATUS_6, MARK_5, ZONE_6]);
    let all = [
        (0, 2),
        (1, 6),
        (2, 5),
        (3, u32::MAX),
        (4, 6),
        (5, 6),
        (6, 15),
        (8, 1 << 17),
    ];
    assert!(passes(&entry, &all));
    for (at, wrong) in [(0, 10), (1, 7), (2, 6), (4, 2), (8, 1 << 16)] {
        let mut pairs = all.to_vec();
        pairs.push((at, wrong));
        assert!(!passes(&entry, &pairs), "word {at}");
    }
}

#[test]
fn a_filter_has_sixteen_words() {
    assert!(Filter::from_words(&[0; 15]).is_none());
    assert!(Filter::from_words(&[0; 17]).is_none());
}

/// The attributes behind nfgenmsg, in the order of this host.
fn attributes(pairs: &[(usize, u32)]) -> Vec<u8> {
    let mut request = Request::new(CT_GET, 0, 1, &[0; 4]);
    let filter = Filter::from_words(&words(pairs)).unwrap();
    put_filter(&filter, filter.families()[0], &mut request);
    let bytes = request.finish();
    assert_eq!(bytes.len(), u32::from_ne_bytes(bytes[..4].try_into().unwrap()) as usize);
    bytes[20..].to_vec()
}

#[cfg(target_endian = "little")]
#[test]
fn what_the_kernel_is_asked_to_filter() {
    assert_eq!(attributes(&[(0, 2)]), [0; 0], "the family stands in nfgenmsg");
    assert_eq!(
        attributes(&[(1, 0x0102), (6, 1)]),
        [6, 0, 18, 0, 1, 2, 0, 0],
        "CTA_ZONE"
    );
    let mark = [8, 0, 8, 0, 0, 0, 0, 5, 8, 0, 21, 0, 0, 0, 0, 0xff];
    assert_eq!(
        attributes(&[(2, 5), (3, 0xff), (6, 2)]),
        mark,
        "CTA_MARK, CTA_MARK_MASK"
    );
    let status = [8, 0, 3, 0, 0, 0, 0, 4, 8, 0, 26, 0, 0, 0, 0, 6];
    assert_eq!(
        attributes(&[(4, 4), (5, 6), (6, 4)]),
        status,
        "CTA_STATUS, CTA_STATUS_MASK"
    );
    #[rustfmt::skip]
    let protocol = [
        16, 0, 1, 0x80, 12, 0, 2, 0x80, 5, 0, 1, 0, 17, 0, 0, 0, // CTA_TUPLE_ORIG, _PROTO, _NUM
        20, 0, 25, 0x80, 8, 0, 1, 0, 8, 0, 0, 0, 8, 0, 2, 0, 0, 0, 0, 0, // CTA_FILTER, which attributes count
    ];
    assert_eq!(attributes(&[(8, 1 << 17), (6, 8)]), protocol);
}

/// The kernel answers a protocol without a family with EOPNOTSUPP.
#[test]
fn a_single_protocol_of_any_family_takes_two_dumps() {
    let families = |pairs| Filter::from_words(&words(pairs)).unwrap().families();
    assert_eq!(families(&[]), [0]);
    assert_eq!(families(&[(0, 2)]), [2]);
    assert_eq!(families(&[(0, 10), (8, 1 << 17), (6, 8)]), [10]);
    assert_eq!(families(&[(8, 1 << 17), (6, 8)]), [2, 10]);
    assert_eq!(families(&[(8, 3 << 17), (6, 8)]), [0]);
    let filter = Filter::from_words(&words(&[(8, 1 << 17), (6, 8)])).unwrap();
    let mut request = Request::new(CT_GET, 0, 1, &[0; 4]);
    put_filter(&filter, 0, &mut request);
    assert_eq!(
        request.finish().len(),
        20,
        "and nothing of it goes into a dump of any family"
    );
}

/// What the kernel would refuse, or take otherwise than the rows are tested, is left to the test of the rows.
#[test]
fn what_it_is_not_asked() {
    assert_eq!(
        attributes(&[(1, 0), (6, 1)]),
        [0; 0],
        "zone 0, also the other direction of a zoned entry"
    );
    assert_eq!(attributes(&[(1, 0x1_0001), (6, 1)]), [0; 0], "a zone beyond 16 bits");
    assert_eq!(
        attributes(&[(4, 0), (5, 0), (6, 4)]),
        [0; 0],
        "an empty status mask is EINVAL"
    );
    assert_eq!(attributes(&[(8, 3 << 16), (6, 8)]), [0; 0], "two protocols");
    assert_eq!(
        attributes(&[(1, 6), (2, 5), (3, 1), (4, 1), (5, 1), (8, 2)]),
        [0; 0],
        "nothing is wanted"
    );
}
