//! What must hold of any bytes that the kernel may send. A fuzzer runs these (`npm run fuzz -- netlink`), and so does the suite, with
//! inputs that it makes at random.

pub mod events;
pub mod netlink;
pub mod nflog;
pub mod packet;
pub mod sockets;
