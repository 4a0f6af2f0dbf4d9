//! Messages as a little-endian kernel sends them, from literal bytes.

use ctflow_core::conntrack::{Decoded, decode};
use ctflow_core::row::Filter;
use ctflow_core::row::ROW_SIZE;
use proptest::test_runner::{Config, RngSeed};

/// IPCTNL_MSG_CT_NEW.
pub const NEW: u16 = 0x0100;

/// CTA_TUPLE_ORIG, UDP 192.0.2.1:1024 to 198.51.100.2:53.
#[rustfmt::skip]
pub const ORIGINAL: &[u8] = &[
    52, 0, 1, 0x80,
        20, 0, 1, 0x80,  8, 0, 1, 0, 192, 0, 2, 1,  8, 0, 2, 0, 198, 51, 100, 2,
        28, 0, 2, 0x80,  5, 0, 1, 0, 17, 0, 0, 0,  6, 0, 2, 0, 4, 0, 0, 0,  6, 0, 3, 0, 0, 53, 0, 0,
];

/// CTA_TUPLE_REPLY, UDP 198.51.100.2:53 to 203.0.113.9:40000: the source was translated.
#[rustfmt::skip]
pub const REPLY: &[u8] = &[
    52, 0, 2, 0x80,
        20, 0, 1, 0x80,  8, 0, 1, 0, 198, 51, 100, 2,  8, 0, 2, 0, 203, 0, 113, 9,
        28, 0, 2, 0x80,  5, 0, 1, 0, 17, 0, 0, 0,  6, 0, 2, 0, 0, 53, 0, 0,  6, 0, 3, 0, 0x9c, 0x40, 0, 0,
];

/// A message: struct nlmsghdr with sequence 7 and port 9, then the parts.
pub fn message(kind: u16, flags: u16, parts: &[&[u8]]) -> Vec<u8> {
    let payload = parts.concat();
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&(16 + payload.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&kind.to_le_bytes());
    bytes.extend_from_slice(&flags.to_le_bytes());
    bytes.extend_from_slice(&7u32.to_le_bytes());
    bytes.extend_from_slice(&9u32.to_le_bytes());
    bytes.extend_from_slice(&payload);
    bytes
}

/// An entry: struct nfgenmsg with the family, then the attributes.
pub fn entry(family: u8, attributes: &[&[u8]]) -> Vec<u8> {
    message(NEW, 2, &[&[family, 0, 0, 0], &attributes.concat()])
}

/// A whole IPv4 entry with more attributes behind both tuples.
pub fn udp(more: &[&[u8]]) -> Vec<u8> {
    entry(2, &[ORIGINAL, REPLY, &more.concat()])
}

pub fn done() -> Vec<u8> {
    message(3, 2, &[&[0, 0, 0, 0]])
}

pub const ANY: [u32; 16] = [0; 16];

/// Decodes with room for 64 rows.
pub fn run(bytes: &[u8], words: &[u32; 16]) -> (Decoded, Vec<[u8; ROW_SIZE]>) {
    let mut rows = vec![0xaa; 64 * ROW_SIZE];
    let decoded = decode(bytes, true, &Filter::from_words(words).unwrap(), &mut rows);
    let (rows, _) = rows.as_chunks::<ROW_SIZE>();
    (decoded, rows[..decoded.rows as usize].to_vec())
}

/// The row of the only entry.
pub fn row_of(entry: &[u8]) -> [u8; ROW_SIZE] {
    let (decoded, rows) = run(entry, &ANY);
    assert_eq!((decoded.rows, decoded.malformed, decoded.consumed), (1, 0, entry.len()));
    rows[0]
}

pub fn is_malformed(entry: &[u8]) -> bool {
    let (decoded, _) = run(entry, &ANY);
    assert_eq!(decoded.consumed, entry.len());
    decoded.malformed == 1 && decoded.rows == 0
}

/// The seed is fixed; PROPTEST_RNG_SEED takes another, PROPTEST_CASES more cases.
pub fn config() -> Config {
    let default = Config {
        failure_persistence: None,
        ..Config::default()
    };
    match default.rng_seed {
        RngSeed::Random => Config {
            rng_seed: RngSeed::Fixed(20_261_123),
            ..default
        },
        RngSeed::Fixed(_) => default,
    }
}
