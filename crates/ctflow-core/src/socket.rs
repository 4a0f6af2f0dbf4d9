//! The ctnetlink socket: one dump of the kernel's table at a time.

use crate::conntrack::{CT_GET, CT_GET_STATS, NFGENMSG};
use crate::decode::{Asked, Decoded, decode_answer};
use crate::error::{Code, Error};
use crate::filter::Filter;
use crate::namespace::Namespace;
use crate::netlink::{self, Frame, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, frame};
use crate::row::ROW_SIZE;
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The kernel fills at most 32 KiB a read, whatever the buffer (netlink_dump in net/netlink/af_netlink.c).
pub const READ_SIZE: usize = 32 * 1024;

const LITTLE: bool = cfg!(target_endian = "little");
const WHAT: &str = "Cannot read the kernel's connection table";
/// The kernel answers a dump from within recv; only a broken one makes us wait.
const ANSWER_SECONDS: i64 = 10;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;

/// What one read of rows brought.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowsRead {
    /// Counts of this read; `consumed` is netlink bytes.
    pub decoded: Decoded,
    /// Answers that were longer than the buffer, or whose messages do not add up; messages are missing then.
    pub truncated: u32,
    /// Times that the kernel reported ENOBUFS: messages are missing then.
    pub overrun: u32,
    /// Milliseconds since 1970 at the last receive.
    pub at: f64,
}

/// What one read of raw bytes brought.
#[derive(Clone, Copy, Debug, Default)]
pub struct BytesRead {
    /// Bytes written: whole messages, NLMSG_DONE among them.
    pub bytes: usize,
    /// The dump is over.
    pub done: bool,
    /// NLM_F_DUMP_INTR stood in a message.
    pub interrupted: bool,
    /// Answers cut or lost, as in [`RowsRead`].
    pub truncated: u32,
    /// Times that the kernel reported ENOBUFS.
    pub overrun: u32,
    /// errno of NLMSG_ERROR or of a failed NLMSG_DONE.
    pub error: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing is asked for.
    Idle,
    /// The next read asks for a dump.
    Wanted,
    /// As Wanted, but an earlier dump was not read to its end.
    WantedAnew,
    /// A dump was asked for, and its end has not been read.
    Running,
}

/// A socket to ctnetlink in one network namespace.
#[derive(Debug)]
pub struct ConntrackSocket {
    namespace: Arc<Namespace>,
    link: Link,
    filter: Filter,
    stage: Stage,
    /// Families of this dump that are still to be asked for.
    families: &'static [u8],
    buffer: Box<[u8]>,
    /// What of the buffer is received and not decoded.
    pending: std::ops::Range<usize>,
    /// The answer in the buffer was longer than it, and is counted.
    cut: bool,
    received_at: f64,
}

impl ConntrackSocket {
    /// Opens a socket in the namespace, and asks the kernel for the number of its connections to
    /// see whether it may be asked at all.
    ///
    /// Errors: `Permission` without CAP_NET_ADMIN over the namespace, `KernelSetting` where nf_conntrack_netlink is
    /// missing, `Namespace` where it cannot be entered.
    pub fn open(namespace: Arc<Namespace>) -> Result<Self, Error> {
        let mut link = namespace.run(Link::open)?;
        link.probe()?;
        Ok(Self {
            namespace,
            link,
            filter: Filter::default(),
            stage: Stage::Idle,
            families: &[],
            buffer: vec![0; READ_SIZE].into(),
            pending: 0..0,
            cut: false,
            received_at: 0.0,
        })
    }

    /// Begins a dump: the next read asks for it. (The kernel walks the table from within the request, so asking takes as
    /// long as reading does.) A dump that was not read to its end is given up.
    pub fn start(&mut self, filter: Filter) {
        self.filter = filter;
        self.stage = match self.stage {
            Stage::Idle | Stage::Wanted => Stage::Wanted,
            Stage::WantedAnew | Stage::Running => Stage::WantedAnew,
        };
    }

    /// Reads on until the rows are full or the dump is over (`done`, or an `error`).
    pub fn read_rows(&mut self, rows: &mut [u8]) -> Result<RowsRead, Error> {
        self.prepare(rows.len(), ROW_SIZE)?;
        let mut read = RowsRead::default();
        loop {
            let filled = read.decoded.rows as usize * ROW_SIZE;
            let pending = &self.buffer[self.pending.clone()];
            let decoded = decode_answer(pending, &self.filter, &mut rows[filled..], self.link.asked);
            self.pending.start += decoded.consumed;
            add(&mut read.decoded, &decoded);
            read.at = self.received_at;
            if decoded.error != 0 || decoded.done && !self.ask_next()? {
                self.stage = Stage::Idle;
                return Ok(read);
            }
            read.decoded.done = false;
            if rows.len() - read.decoded.rows as usize * ROW_SIZE < ROW_SIZE {
                return Ok(read);
            }
            // What is left cannot be read, because its end is nowhere or its frame is lost: messages are missing.
            read.truncated += u32::from(!self.pending.is_empty() && !self.cut);
            self.pending = 0..0;
            match self.link.receive(&mut self.buffer)? {
                Received::Answer { length, truncated } => {
                    self.pending = 0..length;
                    self.cut = truncated;
                    self.received_at = now_ms();
                    read.truncated += u32::from(truncated);
                }
                Received::Overrun => read.overrun += 1,
                Received::Foreign => read.decoded.ignored += 1,
            }
        }
    }

    /// Reads on, without decoding, until `out` has less than READ_SIZE bytes of room or the dump is over.
    pub fn read_raw(&mut self, out: &mut [u8]) -> Result<BytesRead, Error> {
        self.prepare(out.len(), READ_SIZE)?;
        let mut read = BytesRead::default();
        while out.len() - read.bytes >= READ_SIZE && self.stage == Stage::Running {
            match self.link.receive(&mut out[read.bytes..])? {
                Received::Answer { length, truncated } => {
                    read.bytes += self.follow(&out[read.bytes..][..length], &mut read)?;
                    read.truncated += u32::from(truncated);
                }
                Received::Overrun => read.overrun += 1,
                Received::Foreign => {}
            }
        }
        read.done = self.stage == Stage::Idle;
        Ok(read)
    }

    /// Sends the request of a dump that is wanted.
    fn prepare(&mut self, room: usize, least: usize) -> Result<(), Error> {
        if room < least {
            return Err(Error::new(
                Code::Usage,
                format!("A read into {room} bytes; it needs {least}"),
            ));
        }
        match self.stage {
            Stage::Idle => {
                return Err(Error::new(
                    Code::Netlink,
                    "No dump of the connection table is under way",
                ));
            }
            Stage::Running => return Ok(()),
            Stage::Wanted => {}
            // The kernel begins no second dump on a socket that still has one.
            Stage::WantedAnew => {
                self.link = self.namespace.run(Link::open)?;
                self.stage = Stage::Wanted;
            }
        }
        self.families = self.filter.families();
        self.ask_next()?;
        self.stage = Stage::Running;
        Ok(())
    }

    /// Asks for the next family; says whether there was one.
    fn ask_next(&mut self) -> Result<bool, Error> {
        let Some((family, rest)) = self.families.split_first() else {
            return Ok(false);
        };
        self.families = rest;
        self.pending = 0..0;
        self.link.ask(CT_GET, NLM_F_DUMP, *family, &self.filter)?;
        Ok(true)
    }

    /// Looks for the end of the dump in the messages; says how many bytes to keep: whole messages, and NLMSG_DONE only of
    /// the last family.
    fn follow(&mut self, bytes: &[u8], read: &mut BytesRead) -> Result<usize, Error> {
        let mut at = 0;
        while let Frame::Whole(message) = frame::<LITTLE>(&bytes[at..]) {
            read.interrupted |= message.flags & NLM_F_DUMP_INTR != 0;
            if matches!(message.kind, NLMSG_DONE | NLMSG_ERROR) && self.link.is_asked(&message) {
                read.error = message.errno::<LITTLE>().unwrap_or(0);
                if read.error != 0 {
                    self.stage = Stage::Idle;
                } else if message.kind == NLMSG_DONE {
                    if self.ask_next()? {
                        return Ok(at);
                    }
                    self.stage = Stage::Idle;
                }
            }
            at += message.span;
        }
        Ok(at)
    }
}

fn add(sum: &mut Decoded, more: &Decoded) {
    sum.rows += more.rows;
    sum.consumed += more.consumed;
    sum.filtered += more.filtered;
    sum.malformed += more.malformed;
    sum.ignored += more.ignored;
    sum.done |= more.done;
    sum.interrupted |= more.interrupted;
    sum.error = more.error;
}

fn now_ms() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_millis() as f64)
}

enum Received {
    Answer {
        length: usize,
        truncated: bool,
    },
    /// The receive buffer ran over.
    Overrun,
    /// From another process, not from the kernel.
    Foreign,
}

/// The socket itself, and the request that it waits for.
#[derive(Debug)]
struct Link {
    socket: OwnedFd,
    asked: Asked,
}

impl Link {
    fn open() -> Result<Self, Error> {
        // SAFETY: socket takes three numbers.
        let fd = unsafe {
            libc::socket(
                libc::AF_NETLINK,
                libc::SOCK_RAW | libc::SOCK_CLOEXEC,
                libc::NETLINK_NETFILTER,
            )
        };
        if fd < 0 {
            return Err(failed());
        }
        // SAFETY: the descriptor was just made and belongs to nobody else.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };

        let timeout = libc::timeval {
            tv_sec: ANSWER_SECONDS as libc::time_t,
            tv_usec: 0,
        };
        // SAFETY: the option's value is a timeval that lives over the call, with its size.
        let set = unsafe {
            libc::setsockopt(
                fd,
                libc::SOL_SOCKET,
                libc::SO_RCVTIMEO,
                (&raw const timeout).cast(),
                size_of::<libc::timeval>() as libc::socklen_t,
            )
        };
        let mut address = netlink_address();
        let mut length = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
        // SAFETY: the address is a sockaddr_nl of the size given; the kernel chooses the port.
        let bound = unsafe { libc::bind(fd, (&raw const address).cast(), length) };
        // SAFETY: the address has room for the size given.
        let named = unsafe { libc::getsockname(fd, (&raw mut address).cast(), &raw mut length) };
        if set != 0 || bound != 0 || named != 0 {
            return Err(failed());
        }
        Ok(Self {
            socket,
            asked: Asked {
                sequence: 0,
                port: address.nl_pid,
            },
        })
    }

    /// Whether the kernel answers at all: IPCTNL_MSG_CT_GET_STATS needs what a dump needs and walks nothing.
    fn probe(&mut self) -> Result<(), Error> {
        self.ask(CT_GET_STATS, 0, 0, &Filter::default())?;
        let mut buffer = [0; 1024];
        let Received::Answer { length, .. } = self.receive(&mut buffer)? else {
            return Ok(()); // the first read will tell
        };
        match frame::<LITTLE>(&buffer[..length]) {
            Frame::Whole(message) if message.kind == NLMSG_ERROR => match message.errno::<LITTLE>() {
                None | Some(0) => Ok(()),
                // nfnetlink_rcv_msg: the subsystem is not there and no module brings it.
                Some(errno) if errno == libc::EINVAL as u32 => Err(Error::new(
                    Code::KernelSetting,
                    format!("{WHAT}: the kernel has no nf_conntrack_netlink"),
                )),
                Some(errno) => Err(Error::answer(WHAT, errno)),
            },
            _ => Ok(()),
        }
    }

    fn ask(&mut self, kind: u16, flags: u16, family: u8, filter: &Filter) -> Result<(), Error> {
        self.asked.sequence = self.asked.sequence.wrapping_add(1);
        let mut generic = [0; NFGENMSG];
        generic[0] = family;
        let mut request = netlink::Request::new(kind, NLM_F_REQUEST | flags, self.asked.sequence, &generic);
        filter.put(family, &mut request);
        let request = request.finish();
        let kernel = netlink_address();
        loop {
            // SAFETY: the message and the address live over the call, with their sizes.
            let sent = unsafe {
                libc::sendto(
                    self.socket.as_raw_fd(),
                    request.as_ptr().cast(),
                    request.len(),
                    0,
                    (&raw const kernel).cast(),
                    size_of::<libc::sockaddr_nl>() as libc::socklen_t,
                )
            };
            if sent >= 0 {
                return Ok(());
            }
            if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                return Err(failed());
            }
        }
    }

    fn is_asked(&self, message: &netlink::Message) -> bool {
        self.asked
            == Asked {
                sequence: message.sequence,
                port: message.port,
            }
    }

    fn receive(&self, buffer: &mut [u8]) -> Result<Received, Error> {
        loop {
            let mut from = netlink_address();
            let mut from_length = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
            // SAFETY: buffer and address are written within the sizes given. MSG_TRUNC makes the call return the length of
            // the message and not what was written.
            let length = unsafe {
                libc::recvfrom(
                    self.socket.as_raw_fd(),
                    buffer.as_mut_ptr().cast(),
                    buffer.len(),
                    libc::MSG_TRUNC,
                    (&raw mut from).cast(),
                    &raw mut from_length,
                )
            };
            if let Ok(length) = usize::try_from(length) {
                if from.nl_pid != 0 {
                    return Ok(Received::Foreign);
                }
                return Ok(Received::Answer {
                    length: length.min(buffer.len()),
                    truncated: length > buffer.len(),
                });
            }
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::ENOBUFS) => return Ok(Received::Overrun),
                Some(libc::EAGAIN) => {
                    return Err(Error::new(
                        Code::Netlink,
                        format!("{WHAT}: no answer for {ANSWER_SECONDS} seconds"),
                    ));
                }
                _ => return Err(failed()),
            }
        }
    }
}

/// The kernel's address, and the one to bind for a port of the kernel's choice.
fn netlink_address() -> libc::sockaddr_nl {
    // SAFETY: a sockaddr_nl is numbers only; all zeros is one.
    let mut address: libc::sockaddr_nl = unsafe { zeroed() };
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    address
}

/// The system call that just failed.
fn failed() -> Error {
    let errno = io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
    Error::answer(WHAT, errno.unsigned_abs())
}
