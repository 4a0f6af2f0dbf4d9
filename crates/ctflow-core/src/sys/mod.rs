//! What Linux has and the standard library does not.

mod bpf;
mod event_fd;
mod file_lock;
mod namespace;
mod tcp;
mod thread_cpu;
mod udp;
mod udp_segmentation;
mod unix_datagram;

pub(crate) use bpf::{Instruction, SharedNumbers, attach_filter, monotonic_nanoseconds};
pub(crate) use event_fd::EventFd;
pub use file_lock::lock_file;
pub use namespace::Namespace;
pub use tcp::limit_unsent;
pub use thread_cpu::thread_cpu;
pub use udp::{Refused, Sent, UdpSender};
pub use udp_segmentation::test_segmentation;
pub use unix_datagram::send_unix_datagram;
