//! Netlink messages and attributes: a bounds-checked walk over borrowed bytes, no allocation, no panic on any input.
//!
//! The headers are in the byte order of the host that recorded them, `LITTLE` is true for little-endian (linux/netlink.h).

/// This host's byte order, that of the headers received here.
pub const HOST_LITTLE: bool = cfg!(target_endian = "little");

/// Bytes of a read: the kernel fills at most 32 KiB of it, whatever the buffer (netlink_dump in net/netlink/af_netlink.c).
pub const READ_SIZE: usize = 32 * 1024;

/// Bytes of struct nlmsghdr.
pub const HEADER: usize = 16;
/// Bytes of struct nlattr.
pub const ATTRIBUTE_HEADER: usize = 4;

/// Bytes of struct nfgenmsg: family, version, resource id.
pub const NFGENMSG: usize = 4;

/// nlmsg_type of an error or of an acknowledgement (errno 0).
pub const NLMSG_ERROR: u16 = 2;
/// nlmsg_type of the end of a dump; kernels put a negative errno behind the header when the dump failed.
pub const NLMSG_DONE: u16 = 3;
/// nlmsg_flags: the table changed under the dump.
pub const NLM_F_DUMP_INTR: u16 = 0x10;
/// nlmsg_flags: the entry is a new one.
pub const NLM_F_CREATE: u16 = 0x400;

/// Bits of nla_type that are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
const TYPE_MASK: u16 = 0x3fff;

/// Something that is shorter than its length field or its type requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// One netlink message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// nlmsg_type.
    pub kind: u16,
    /// nlmsg_flags.
    pub flags: u16,
    /// nlmsg_seq: the request's, in an answer.
    pub sequence: u32,
    /// nlmsg_pid: the port of the socket that asked, in an answer.
    pub port: u32,
    /// What follows the header.
    pub payload: &'a [u8],
    /// Bytes up to the next message, padding included.
    pub span: usize,
}

impl Message<'_> {
    /// The errno at the start of NLMSG_ERROR or NLMSG_DONE as a positive number, 0 for none. None when there is no room
    /// for one.
    pub fn errno<const LITTLE: bool>(&self) -> Option<u32> {
        let number = u32_at::<LITTLE>(self.payload, 0)? as i32;
        Some(if number < 0 { number.unsigned_abs() } else { 0 })
    }
}

/// What stands at the start of the bytes.
#[derive(Clone, Copy, Debug)]
pub enum Frame<'a> {
    /// A whole message.
    Whole(Message<'a>),
    /// The beginning of a message.
    Cut,
    /// A length below that of a header: where the next message begins is unknown.
    Lost,
}

/// The message at the start of `bytes`.
#[inline]
pub fn frame<const LITTLE: bool>(bytes: &[u8]) -> Frame<'_> {
    let Some(header) = bytes.first_chunk::<HEADER>() else {
        return Frame::Cut;
    };
    let length = u32_of::<LITTLE>([header[0], header[1], header[2], header[3]]) as usize;
    if length < HEADER {
        return Frame::Lost;
    }
    let Some(payload) = bytes.get(HEADER..length) else {
        return Frame::Cut;
    };
    Frame::Whole(Message {
        kind: u16_of::<LITTLE>([header[4], header[5]]),
        flags: u16_of::<LITTLE>([header[6], header[7]]),
        sequence: u32_of::<LITTLE>([header[8], header[9], header[10], header[11]]),
        port: u32_of::<LITTLE>([header[12], header[13], header[14], header[15]]),
        payload,
        span: length.next_multiple_of(4).min(bytes.len()),
    })
}

/// One attribute: type without its flags, and payload.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    /// nla_type.
    pub kind: u16,
    /// What follows the header, without padding.
    pub payload: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// The first `N` bytes of the payload.
    #[inline]
    pub fn bytes<const N: usize>(&self) -> Result<&'a [u8; N], Malformed> {
        self.payload.first_chunk().ok_or(Malformed)
    }

    /// One byte.
    #[inline]
    pub fn u8(&self) -> Result<u8, Malformed> {
        self.bytes::<1>().map(|bytes| bytes[0])
    }

    /// 16 bits in network order.
    #[inline]
    pub fn be16(&self) -> Result<u16, Malformed> {
        self.bytes().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// 32 bits in network order.
    #[inline]
    pub fn be32(&self) -> Result<u32, Malformed> {
        self.bytes().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// 64 bits in network order.
    #[inline]
    pub fn be64(&self) -> Result<u64, Malformed> {
        self.bytes().map(|bytes| u64::from_be_bytes(*bytes))
    }

    /// The attributes inside this one.
    #[inline]
    pub fn nested<const LITTLE: bool>(&self) -> Attributes<'a, LITTLE> {
        Attributes(self.payload)
    }
}

/// Walks attributes. A length that is below the header's or leaves the container is [`Malformed`] and ends the walk; fewer
/// than four bytes at the end are padding, as for the kernel's nla_ok.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a, const LITTLE: bool>(pub &'a [u8]);

impl<'a, const LITTLE: bool> Iterator for Attributes<'a, LITTLE> {
    type Item = Result<Attribute<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let header = self.0.first_chunk::<ATTRIBUTE_HEADER>()?;
        let length = usize::from(u16_of::<LITTLE>([header[0], header[1]]));
        let kind = u16_of::<LITTLE>([header[2], header[3]]) & TYPE_MASK;
        let Some(payload) = self.0.get(ATTRIBUTE_HEADER..length) else {
            self.0 = &[];
            return Some(Err(Malformed));
        };
        self.0 = self.0.get(((length + 3) & !3)..).unwrap_or(&[]);
        Some(Ok(Attribute { kind, payload }))
    }
}

#[inline]
fn u16_of<const LITTLE: bool>(bytes: [u8; 2]) -> u16 {
    if LITTLE {
        u16::from_le_bytes(bytes)
    } else {
        u16::from_be_bytes(bytes)
    }
}

#[inline]
fn u32_of<const LITTLE: bool>(bytes: [u8; 4]) -> u32 {
    if LITTLE {
        u32::from_le_bytes(bytes)
    } else {
        u32::from_be_bytes(bytes)
    }
}

fn u32_at<const LITTLE: bool>(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32_of::<LITTLE>(*word))
}
