//! Entries, dumps, events and settings of connection tracking.

#[cfg(target_os = "linux")]
mod ask;
mod ctnetlink;
mod decode;
mod destroy_log;
#[cfg(target_os = "linux")]
mod dump_socket;
#[cfg(target_os = "linux")]
mod dying;
mod entry;
mod event;
#[cfg(target_os = "linux")]
mod event_guard;
#[cfg(target_os = "linux")]
mod event_reader;
#[cfg(target_os = "linux")]
mod event_socket;
mod event_tap;
#[cfg(target_os = "linux")]
mod flowtables;
#[cfg(target_os = "linux")]
mod presence;
mod request;
#[cfg(target_os = "linux")]
mod statistics;
#[cfg(target_os = "linux")]
mod sysctl;
#[cfg(target_os = "linux")]
mod table_room;

#[cfg(target_os = "linux")]
pub(crate) use ask::{ask, probe};
pub use ctnetlink::*;
pub use decode::{Decoded, decode};
pub use destroy_log::*;
#[cfg(target_os = "linux")]
pub use dump_socket::{BytesRead, DumpSocket};
#[cfg(target_os = "linux")]
pub use dying::dying_count;
pub use entry::read_entry;
pub use event::{EventCounts, decode_event, group};
#[cfg(target_os = "linux")]
pub use event_guard::{EventGuard, Lease};
#[cfg(target_os = "linux")]
pub use event_reader::EventReader;
#[cfg(target_os = "linux")]
pub use event_socket::{EventSocket, Hold, Pressure};
pub use event_tap::{EventTap, Tapped};
#[cfg(target_os = "linux")]
pub use flowtables::{Flowtable, flowtables};
#[cfg(target_os = "linux")]
pub(crate) use presence::{ANSWER_SIZE, is_present};
pub use request::put_filter;
#[cfg(target_os = "linux")]
pub use statistics::{CPU_COUNTERS, CpuCounters, TableStatistics, table_statistics};
#[cfg(target_os = "linux")]
pub use sysctl::{read_sysctl, write_sysctl};
