//! The compiled template plan: what an encoder does for one data record, as instructions of four words each.
//!
//! TypeScript compiles a template to a plan once; both encoders run it over flow records. The numbers here are generated
//! into TypeScript together with the row.

/// Words of one instruction: operation, offset in the record, bytes on the wire, argument.
pub const INSTRUCTION_WORDS: usize = 4;

/// `length` bytes from `offset`, as they are.
pub const OP_BYTES: u32 = 0;
/// The byte at `offset`, big-endian in `length` bytes.
pub const OP_U8: u32 = 1;
/// The 16-bit number at `offset`, big-endian in `length` bytes.
pub const OP_U16: u32 = 2;
/// The 32-bit number at `offset`, big-endian in `length` bytes.
pub const OP_U32: u32 = 3;
/// The 64-bit number at `offset`, big-endian in 8 bytes.
pub const OP_U64: u32 = 4;
/// The argument, big-endian in `length` bytes, zeros in front.
pub const OP_CONSTANT: u32 = 5;
/// The zero-padded text in the `length` bytes at `offset`, as a variable-length string.
pub const OP_TEXT: u32 = 6;
/// The name of the TCP state at `offset` where HAS_TCP_STATE stands, else the empty string; variable length, `length` is 0.
pub const OP_TCP_STATE: u32 = 7;
/// The 64-bit milliseconds at `offset` as whole seconds in 4 bytes.
pub const OP_SECONDS: u32 = 8;
/// The name whose number stands at `offset` (32 bits), from the request's name table; variable length, `length` is 0. The
/// empty string where there is no such name.
pub const OP_NAME: u32 = 9;
/// The names of the TCP states packed at `offset` (32 bits, four each, the lowest first), with commas between; the first that
/// is zero or no state ends them. Variable length, `length` is 0.
pub const OP_TCP_HISTORY: u32 = 10;
/// The 64-bit milliseconds at `offset` as NTP's 64 bits: seconds since 1900 and their fraction, rounded up to where the bits of
/// the argument, low ones, are zero.
pub const OP_NTP: u32 = 11;

/// Bytes of a name at most: its length takes one byte on the wire (RFC 7011 section 7).
pub const LONGEST_NAME: usize = 254;

/// Name and number of every operation.
pub const OPERATIONS: &[(&str, u32)] = &[
    ("OP_BYTES", OP_BYTES),
    ("OP_U8", OP_U8),
    ("OP_U16", OP_U16),
    ("OP_U32", OP_U32),
    ("OP_U64", OP_U64),
    ("OP_CONSTANT", OP_CONSTANT),
    ("OP_TEXT", OP_TEXT),
    ("OP_TCP_STATE", OP_TCP_STATE),
    ("OP_SECONDS", OP_SECONDS),
    ("OP_NAME", OP_NAME),
    ("OP_TCP_HISTORY", OP_TCP_HISTORY),
    ("OP_NTP", OP_NTP),
];

/// Conntrack's TCP states by number, as Antrea's tcpState spells them.
pub const TCP_STATES: &[&str] = &[
    "NONE",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSE",
    "SYN_SENT2",
];
