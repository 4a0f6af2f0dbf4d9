//! The ctnetlink socket: one dump of the kernel's table at a time.

use crate::conntrack::CT_GET;
use crate::decode::{Decoded, decode_answer};
use crate::error::{Code, Error};
use crate::filter::Filter;
use crate::link::{LITTLE, Link, NLM_F_DUMP, Received};
use crate::namespace::Namespace;
use crate::netlink::{Frame, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, frame};
use crate::row::ROW_SIZE;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The kernel fills at most 32 KiB a read, whatever the buffer (netlink_dump in net/netlink/af_netlink.c).
pub const READ_SIZE: usize = 32 * 1024;

const WHAT: &str = "Cannot read the kernel's connection table";

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
        let mut link = namespace.run(|| Link::open(WHAT))?;
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
            let decoded = decode_answer(pending, &self.filter, &mut rows[filled..], self.link.asked());
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
                self.link = self.namespace.run(|| Link::open(WHAT))?;
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
