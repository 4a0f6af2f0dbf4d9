//! The numbers of ctnetlink (linux/netfilter/nfnetlink_conntrack.h).

/// NFNL_SUBSYS_CTNETLINK.
const SUBSYSTEM: u16 = 1;
/// nlmsg_type of an entry, in a dump and in an event: IPCTNL_MSG_CT_NEW.
pub const CT_NEW: u16 = SUBSYSTEM << 8;
/// nlmsg_type of a request for entries: IPCTNL_MSG_CT_GET.
pub const CT_GET: u16 = SUBSYSTEM << 8 | 1;
/// nlmsg_type of an entry that is gone: IPCTNL_MSG_CT_DELETE.
pub const CT_DELETE: u16 = SUBSYSTEM << 8 | 2;
/// nlmsg_type of a request for the counters of each CPU: IPCTNL_MSG_CT_GET_STATS_CPU.
pub const CT_GET_STATS_CPU: u16 = SUBSYSTEM << 8 | 4;
/// nlmsg_type of a request for the number of entries: IPCTNL_MSG_CT_GET_STATS.
pub const CT_GET_STATS: u16 = SUBSYSTEM << 8 | 5;
/// nlmsg_type of a request for the entries whose event could not be delivered: IPCTNL_MSG_CT_GET_DYING.
pub const CT_GET_DYING: u16 = SUBSYSTEM << 8 | 6;

/// enum ctattr_type, as far as it is read or sent.
pub mod cta {
    #![allow(missing_docs)] // the kernel's names
    pub const TUPLE_ORIG: u16 = 1;
    pub const TUPLE_REPLY: u16 = 2;
    pub const STATUS: u16 = 3;
    pub const PROTOINFO: u16 = 4;
    pub const HELP: u16 = 5;
    pub const TIMEOUT: u16 = 7;
    pub const MARK: u16 = 8;
    pub const COUNTERS_ORIG: u16 = 9;
    pub const COUNTERS_REPLY: u16 = 10;
    pub const ID: u16 = 12;
    pub const ZONE: u16 = 18;
    pub const TIMESTAMP: u16 = 20;
    pub const MARK_MASK: u16 = 21;
    pub const LABELS: u16 = 22;
    pub const FILTER: u16 = 25;
    pub const STATUS_MASK: u16 = 26;
    pub const TIMESTAMP_EVENT: u16 = 27;
    /// enum ctattr_tuple.
    pub const TUPLE_IP: u16 = 1;
    pub const TUPLE_PROTO: u16 = 2;
    pub const TUPLE_ZONE: u16 = 3;
    /// enum ctattr_l4proto.
    pub const PROTO_NUM: u16 = 1;
}
