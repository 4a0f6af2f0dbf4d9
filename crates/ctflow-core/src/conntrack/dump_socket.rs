//! The ctnetlink socket: one dump of the kernel's table at a time.

use super::{CT_GET, ask, probe};
use crate::error::{Code, Error};
use crate::netlink::{DumpReply, HOST_LITTLE, NLM_F_DUMP, NetlinkSocket, READ_SIZE, Received, keep_reply};
use crate::row::Filter;
use crate::sys::Namespace;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

const WHAT: &str = "Cannot read the kernel's connection table";

/// What one read of raw bytes brought.
#[derive(Clone, Copy, Debug, Default)]
pub struct BytesRead {
    /// Bytes written: whole messages, NLMSG_DONE among them.
    pub bytes: usize,
    /// The dump is over.
    pub done: bool,
    /// NLM_F_DUMP_INTR stood in a message.
    pub interrupted: bool,
    /// Answers that were longer than the room for them, or whose messages do not add up; messages are missing then.
    pub truncated: u32,
    /// Times that the kernel reported ENOBUFS: messages are missing then.
    pub overrun: u32,
    /// Messages of others and of earlier requests; they are left out.
    pub ignored: u32,
    /// Milliseconds since 1970 at the last receive.
    pub at: f64,
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
    WantedAgain,
    /// A dump was asked for, and its end has not been read.
    Running,
}

/// A socket to ctnetlink in one network namespace.
#[derive(Debug)]
pub struct DumpSocket {
    namespace: Arc<Namespace>,
    netlink: NetlinkSocket,
    filter: Filter,
    stage: Stage,
    /// Families of this dump that are still to be asked for.
    families: &'static [u8],
}

impl DumpSocket {
    /// Opens a socket in the namespace, and asks the kernel for the number of its connections to
    /// see whether it may be asked at all.
    ///
    /// Errors: `Permission` without CAP_NET_ADMIN over the namespace, `KernelSetting` where nf_conntrack_netlink is
    /// missing, `Namespace` where it cannot be entered.
    pub fn open(namespace: Arc<Namespace>) -> Result<Self, Error> {
        let mut netlink = namespace.run(|| NetlinkSocket::open(WHAT))?;
        probe(&mut netlink)?;
        Ok(Self {
            namespace,
            netlink,
            filter: Filter::default(),
            stage: Stage::Idle,
            families: &[],
        })
    }

    /// Begins a dump: the next read asks for it. (The kernel walks the table from within the request, so asking takes as
    /// long as reading does.) A dump that was not read to its end is given up.
    pub fn start(&mut self, filter: Filter) {
        self.filter = filter;
        self.stage = match self.stage {
            Stage::Idle | Stage::Wanted => Stage::Wanted,
            Stage::WantedAgain | Stage::Running => Stage::WantedAgain,
        };
    }

    /// Reads on until `out` has less than READ_SIZE bytes of room or the dump is over.
    pub fn read_raw(&mut self, out: &mut [u8]) -> Result<BytesRead, Error> {
        self.prepare(out.len())?;
        let mut read = BytesRead::default();
        while out.len() - read.bytes >= READ_SIZE && self.stage == Stage::Running {
            let room = &mut out[read.bytes..];
            match self.netlink.receive(room)? {
                Received::Datagram { length, truncated } => {
                    read.at = now_ms();
                    let reply = keep_reply::<HOST_LITTLE>(&mut room[..length], self.netlink.last_request());
                    read.truncated += u32::from(truncated || reply.rest);
                    read.bytes += self.follow(&reply, &mut read)?;
                }
                Received::Overrun => read.overrun += 1,
                Received::Foreign => read.ignored += 1,
            }
        }
        read.done = self.stage == Stage::Idle;
        Ok(read)
    }

    /// Sends the request of a dump that is wanted.
    fn prepare(&mut self, room: usize) -> Result<(), Error> {
        if room < READ_SIZE {
            return Err(Error::new(
                Code::Usage,
                format!("A read into {room} bytes; it needs {READ_SIZE}"),
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
            Stage::WantedAgain => {
                self.netlink = self.namespace.run(|| NetlinkSocket::open(WHAT))?;
                self.stage = Stage::Wanted;
            }
        }
        self.families = self.filter.families();
        self.ask_next()?;
        self.stage = Stage::Running;
        Ok(())
    }

    /// Asks for the next family; returns whether there was one.
    fn ask_next(&mut self) -> Result<bool, Error> {
        let Some((family, rest)) = self.families.split_first() else {
            return Ok(false);
        };
        self.families = rest;
        ask(&mut self.netlink, CT_GET, NLM_F_DUMP, *family, &self.filter)?;
        Ok(true)
    }

    /// Asks for the next family where the answer ends one; returns how many bytes to keep: NLMSG_DONE of the last family alone.
    fn follow(&mut self, reply: &DumpReply, read: &mut BytesRead) -> Result<usize, Error> {
        read.ignored += reply.ignored;
        read.interrupted |= reply.interrupted;
        let Some(errno) = reply.end else {
            return Ok(reply.bytes);
        };
        if errno == 0 && self.ask_next()? {
            return Ok(reply.before_end);
        }
        read.error = errno;
        self.stage = Stage::Idle;
        Ok(reply.bytes)
    }
}

fn now_ms() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_millis() as f64)
}
