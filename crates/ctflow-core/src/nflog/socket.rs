//! The socket that logged packets arrive at.

use super::decoder::LOG_CONFIG;
use super::{LogRuleReader, LogRules};
use crate::conntrack::probe;
use crate::error::{Code, Error};
use crate::listen::{Socket, lock};
use crate::netlink::{
    Frame, HOST_LITTLE, NFGENMSG, NLM_F_ACK, NLM_F_REQUEST, NLMSG_ERROR, NetlinkSocket, Received, Request, frame,
};
use crate::sys::Namespace;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Mutex;

pub(super) const WHAT: &str = "Cannot read NFLOG";
/// Bytes of a packet that are wanted: the headers, with room for options and IPv6 extension headers.
const COPY_RANGE: u32 = 192;
/// Bytes of a batch in the kernel. With struct skb_shared_info it fills 64 KiB, and takes them from the receive buffer however
/// few packets it holds.
const BATCH: u32 = 64_512;
/// Packets of a batch: more than fit.
const BATCH_PACKETS: u32 = 1_000;
/// How long the kernel keeps a batch that is not full, hundredths of a second.
const FLUSH_TIMEOUT: u32 = 2;
/// The kernel gives a batch what the allocation has beyond it.
pub(super) const BUFFER: usize = 128 << 10;

/// enum nfulnl_attr_config and what goes with it.
mod config {
    pub const COMMAND: u16 = 1;
    pub const MODE: u16 = 2;
    pub const BATCH: u16 = 3;
    pub const TIMEOUT: u16 = 4;
    pub const THRESHOLD: u16 = 5;
    pub const FLAGS: u16 = 6;
    /// NFULNL_CFG_CMD_BIND and NFULNL_CFG_CMD_UNBIND.
    pub const BIND: u8 = 1;
    pub const UNBIND: u8 = 2;
    /// NFULNL_COPY_PACKET.
    pub const COPY_PACKET: u8 = 2;
    /// NFULNL_CFG_F_SEQ: a sequence number in each packet, counted in the group.
    pub const SEQUENCE: u16 = 1;
}

/// A socket in one namespace that reads NFLOG groups, each of which has one reader at most.
#[derive(Debug)]
pub struct NflogSocket {
    pub(super) netlink: NetlinkSocket,
    pub(super) groups: Vec<u16>,
    rules: Mutex<LogRuleReader>,
}

impl NflogSocket {
    /// Binds the groups, with a receive buffer of `receive_buffer` bytes, or as many as the kernel allows: above
    /// net.core.rmem_max it wants CAP_NET_ADMIN over the initial user namespace.
    ///
    /// Errors: `Permission` without CAP_NET_ADMIN over the namespace, `NflogTaken` where another program reads a group,
    /// `KernelSetting` where nfnetlink_log is missing, `Namespace` where it cannot be entered.
    pub fn open(namespace: &Namespace, groups: &[u16], receive_buffer: u32) -> Result<Self, Error> {
        let mut netlink = namespace.run(|| NetlinkSocket::open(WHAT))?;
        netlink.set_receive_buffer(receive_buffer)?;
        for group in groups {
            netlink.request(LOG_CONFIG, NLM_F_ACK, &generic(*group), put_config)?;
            match answer(&netlink)? {
                0 => {}
                // EPERM has two reasons: the capability is missing, or the group has a reader already.
                errno if errno == libc::EPERM as u32 && probe(&mut netlink).is_ok() => {
                    return Err(Error::new(
                        Code::NflogTaken,
                        format!("{WHAT} group {group}: another program reads it"),
                    ));
                }
                errno if errno == libc::EINVAL as u32 => {
                    return Err(Error::new(
                        Code::KernelSetting,
                        format!("{WHAT} group {group}: the kernel has no nfnetlink_log"),
                    ));
                }
                errno => return Err(Error::answer(&format!("{WHAT} group {group}"), errno)),
            }
        }
        Ok(Self {
            netlink,
            groups: groups.to_vec(),
            rules: Mutex::new(LogRuleReader::open(namespace)?),
        })
    }

    /// The rules of nftables that log to its groups, as [`LogRuleReader::changed`].
    pub fn changed_rules(&self) -> Result<Option<LogRules>, Error> {
        lock(&self.rules).changed(&self.groups)
    }
}

impl Socket for NflogSocket {
    fn receive_buffer(&self) -> Result<u32, Error> {
        self.netlink.receive_buffer()
    }

    fn leave(&self) -> Result<(), Error> {
        for group in &self.groups {
            let mut request = Request::new(LOG_CONFIG, NLM_F_REQUEST, 0, &generic(*group));
            request.put(config::COMMAND, &[config::UNBIND]);
            self.netlink.send(&request.finish())?;
        }
        Ok(())
    }
}

impl AsFd for NflogSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.netlink.as_fd()
    }
}

/// struct nfgenmsg: family, version, group.
fn generic(group: u16) -> [u8; NFGENMSG] {
    let [high, low] = group.to_be_bytes();
    [libc::AF_UNSPEC as u8, 0, high, low]
}

/// All in one message: the first packet is gathered the way that is wanted.
fn put_config(request: &mut Request) {
    request.put(config::COMMAND, &[config::BIND]);
    let [a, b, c, d] = COPY_RANGE.to_be_bytes();
    request.put(config::MODE, &[a, b, c, d, config::COPY_PACKET, 0]);
    request.put(config::BATCH, &BATCH.to_be_bytes());
    request.put(config::TIMEOUT, &FLUSH_TIMEOUT.to_be_bytes());
    request.put(config::THRESHOLD, &BATCH_PACKETS.to_be_bytes());
    request.put(config::FLAGS, &config::SEQUENCE.to_be_bytes());
}

/// The errno of the answer to the last request, 0 for none. Packets of a group that is bound already may come before it; the
/// gap in their sequence numbers shows it.
fn answer(netlink: &NetlinkSocket) -> Result<u32, Error> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let Received::Datagram { length, .. } = netlink.receive(&mut buffer)? else {
            continue;
        };
        if let Frame::Whole(message) = frame::<HOST_LITTLE>(&buffer[..length])
            && message.kind == NLMSG_ERROR
            && netlink.is_reply(&message)
        {
            return Ok(message.errno::<HOST_LITTLE>().unwrap_or(0));
        }
    }
}
