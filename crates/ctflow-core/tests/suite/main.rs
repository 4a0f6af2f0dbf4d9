//! The crate from outside, in one program: each module here tests the module of its name.

mod builders;
mod conntrack {
    mod decode;
    mod destroy_log;
    mod entry;
    mod event;
    mod event_guard;
    mod event_tap;
    mod filter;
    mod properties;
    mod statistics;
    mod sysctl;
}
mod ipfix {
    mod encode;
    mod properties;
    mod scene;
}
mod listen {
    mod row_ring;
}
mod modules;
mod netlink {
    mod dump_reply;
}
mod nflog {
    mod decoder;
    mod properties;
}
mod owner {
    mod properties;
    mod socket;
}
mod sys {
    mod namespace;
    mod udp;
}
/// What a fuzzer runs too.
#[path = "../../fuzz/src/lib.rs"]
mod targets;
