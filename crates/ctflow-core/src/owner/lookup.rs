//! The owners of connections: whose sockets their ends are.

use super::cgroups::Cgroups;
use super::commands::commands;
use super::seen::Seen;
use super::socket::{Ends, Socket};
use super::sockets::{CONNECTED, OF_UDP, WHAT, each_socket};
use super::wanted::{Matched, Wanted};
use crate::conntrack::{ANSWER_SIZE, is_present};
use crate::error::Error;
use crate::netlink::NetlinkSocket;
use crate::row::*;
use crate::sys::{Namespace, thread_cpu};
use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

/// Ends of a connection: that of its source, and that of its destination.
const SIDES: usize = 2;

/// Who has a socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// Its user's number.
    pub user: u32,
    /// The path of its creator's cgroup, empty where it is not known.
    pub cgroup: String,
    /// The program that has it open, empty where it is not known.
    pub command: String,
}

/// What a look has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Two numbers a connection, of its source and of its destination: 0 for not known, else that of an owner, and 1 more.
    pub found: Vec<u32>,
    /// Each once.
    pub owners: Vec<Owner>,
}

/// What was looked for, and found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OwnerCounts {
    /// Times that sockets were read.
    pub looks: u64,
    /// Sockets that were read.
    pub sockets: u64,
    /// Connections that were looked for.
    pub connections: u64,
    /// Ends that have an owner.
    pub named: u64,
    /// Connections of which no end has a socket that is theirs alone.
    pub without: u64,
    /// Ends that could be of one socket or another.
    pub ambiguous: u64,
    /// Ends of UDP whose socket may not have been there from the beginning.
    pub unproven: u64,
    /// Connections that had ended, or have no start time, so that another may have come in their place.
    pub ended: u64,
    /// Milliseconds of CPU.
    pub cpu: f64,
}

/// Asks the kernel for sockets, and keeps what it has to know of them.
#[derive(Debug)]
pub struct OwnerLookup {
    sockets: NetlinkSocket,
    conntrack: NetlinkSocket,
    seen: Seen,
    cgroups: Cgroups,
    counts: OwnerCounts,
}

impl OwnerLookup {
    /// In this namespace.
    ///
    /// Errors: `Netlink`, `Namespace` where it cannot be entered.
    pub fn open(namespace: &Namespace) -> Result<Self, Error> {
        let (sockets, conntrack) = namespace.run(|| {
            let sockets = NetlinkSocket::open_family(libc::NETLINK_SOCK_DIAG, WHAT)?;
            Ok((sockets, NetlinkSocket::open(WHAT)?))
        })?;
        Ok(Self {
            sockets,
            conntrack,
            seen: Seen::default(),
            cgroups: Cgroups::default(),
            counts: OwnerCounts::default(),
        })
    }

    /// Counts so far.
    pub fn counts(&self) -> OwnerCounts {
        self.counts
    }

    /// The owners of connections of TCP and UDP in no zone, whose ends are here. A socket counts only where it is the only one that it can
    /// be, a process has it, and the connection is in the kernel's table after the sockets were read: it is the one that was there
    /// then. Of UDP the socket has to have been there before the connection.
    ///
    /// Errors: `Netlink`; the next look may succeed.
    pub fn look(&mut self, rows: &[[u8; ROW_SIZE]]) -> Result<Looked, Error> {
        let before = thread_cpu();
        let looked = self.find(rows);
        self.counts.cpu += thread_cpu() - before;
        looked
    }

    fn find(&mut self, rows: &[[u8; ROW_SIZE]]) -> Result<Looked, Error> {
        self.counts.looks += 1;
        self.counts.connections += rows.len() as u64;
        let mut wanted = Wanted::default();
        for row in rows {
            for ends in Ends::of_row(row) {
                wanted.add(ends);
            }
        }
        let of_udp = self.read_sockets(&mut wanted)?;
        let mut found: Vec<Option<Socket>> = vec![None; rows.len() * SIDES];
        let mut buffer = vec![0; ANSWER_SIZE];
        for (number, row) in rows.iter().enumerate() {
            let sides = self.sides(&wanted, number, row);
            if sides == [None; SIDES] {
                self.counts.without += 1;
            } else if is_present(&mut self.conntrack, row, &mut buffer)? {
                found[number * SIDES..][..SIDES].copy_from_slice(&sides);
            } else {
                self.counts.ended += 1;
            }
        }
        if let Some(of_udp) = of_udp {
            self.seen.replace(&of_udp, nanoseconds());
        }
        Ok(self.describe(&found))
    }

    /// Returns the connected sockets of UDP, where any is wanted.
    fn read_sockets(&mut self, wanted: &mut Wanted) -> Result<Option<Vec<Socket>>, Error> {
        let families = |wanted: &Wanted, protocol: u8| -> &[u8] {
            // a socket of IPv6 may speak IPv4
            match (wanted.has(protocol, AF_INET), wanted.has(protocol, AF_INET6)) {
                (true, _) => &[AF_INET, AF_INET6],
                (false, true) => &[AF_INET6],
                (false, false) => &[],
            }
        };
        for family in families(wanted, ip::TCP) {
            let show = |socket: &Socket| wanted.offer(socket);
            self.counts.sockets += each_socket(&mut self.sockets, *family, ip::TCP, CONNECTED, show)?;
        }
        let mut connected = Vec::new();
        let of_udp = families(wanted, ip::UDP);
        for family in of_udp {
            let show = |socket: &Socket| {
                wanted.offer(socket);
                if socket.ends.remote_port != 0 {
                    connected.push(*socket);
                }
            };
            self.counts.sockets += each_socket(&mut self.sockets, *family, ip::UDP, OF_UDP, show)?;
        }
        Ok((!of_udp.is_empty()).then_some(connected))
    }

    /// The sockets of a connection, where they are sure.
    fn sides(&mut self, wanted: &Wanted, number: usize, row: &[u8; ROW_SIZE]) -> [Option<Socket>; SIDES] {
        let start = u64::from(get_u32(row, START_NS)) | u64::from(get_u32(row, START_NS + 4)) << 32;
        let mut sides = [None; SIDES];
        for (side, ends) in Ends::of_row(row).iter().enumerate() {
            match wanted.found(number * SIDES + side, ends) {
                // it is nobody's: not accepted yet, or closed
                Matched::One(socket) if socket.inode == 0 => {}
                Matched::One(socket) if ends.protocol == ip::UDP && !self.seen.before(&socket, start) => {
                    self.counts.unproven += 1;
                }
                Matched::One(socket) => sides[side] = Some(socket),
                Matched::Several => self.counts.ambiguous += 1,
                Matched::None => {}
            }
        }
        sides
    }

    fn describe(&mut self, found: &[Option<Socket>]) -> Looked {
        let inodes: HashSet<u32> = found.iter().flatten().map(|socket| socket.inode).collect();
        let mut looked = Looked {
            found: vec![0; found.len()],
            owners: Vec::new(),
        };
        if inodes.is_empty() {
            return looked;
        }
        let commands = commands(&inodes);
        let mut numbers: HashMap<Owner, u32> = HashMap::new();
        let mut walked = false;
        for (number, socket) in looked.found.iter_mut().zip(found) {
            let Some(socket) = socket else {
                continue;
            };
            let path = |id| self.cgroups.path(id, &mut walked);
            let owner = Owner {
                user: socket.user,
                cgroup: socket.cgroup.and_then(path).unwrap_or_default(),
                command: commands.get(&socket.inode).cloned().unwrap_or_default(),
            };
            self.counts.named += 1;
            *number = *numbers.entry(owner).or_insert_with_key(|owner| {
                looked.owners.push(owner.clone());
                looked.owners.len() as u32
            });
        }
        looked
    }
}

/// Since 1970.
fn nanoseconds() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_nanos() as u64)
}
