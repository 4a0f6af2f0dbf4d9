//! Names of conntrack's settings.
#![cfg(target_os = "linux")]

use ctflow_core::conntrack::read_sysctl;
use ctflow_core::error::Code;
use ctflow_core::sys::Namespace;

#[test]
fn settings_are_plain_names() {
    let here = Namespace::open(None).unwrap();
    for name in ["", "../../../etc/passwd", "nf conntrack", "nf_conntrack\0", "NF"] {
        assert_eq!(read_sysctl(&here, name).unwrap_err().code, Code::Usage, "{name}");
    }
    assert_eq!(read_sysctl(&here, "nf_conntrack_of_no_kernel").unwrap(), None);
}
